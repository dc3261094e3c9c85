//! Progress on a terminal; nothing in a pipe.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

const REDRAWS_PER_SECOND: u8 = 10;

fn bar(length: Option<u64>, template: &str, quiet: bool) -> ProgressBar {
    let visible = !quiet && std::io::stderr().is_terminal();
    let target = if visible {
        ProgressDrawTarget::stderr_with_hz(REDRAWS_PER_SECOND)
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(length, target);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    if visible {
        bar.enable_steady_tick(Duration::from_millis(200));
    }
    bar
}

/// A bar over the frames of a replay, with simulated time and speed as its message.
pub(crate) fn of_replay(frames: u64, quiet: bool) -> ProgressBar {
    bar(
        Some(frames),
        "{bar:30} {human_pos}/{human_len} frames, {msg}",
        quiet,
    )
}

/// A running count of recorded frames.
pub(crate) fn of_recording() -> ProgressBar {
    bar(None, "{spinner} {human_pos} frames, {msg}", false)
}
