//! The report for people: a row a stream, and a few lines below.

use std::fmt::Write;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle, presets};

use super::{ConnectionReport, Report};

const SHORT_HASH_DIGITS: usize = 12;

/// The look of every table: lines above, below and under the header.
pub const STYLE: TableStyle = presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());

/// The whole report, lines ended, without the notes and the figures of the machine's speed.
#[must_use]
pub fn human(report: &Report) -> String {
    let mut text = String::new();
    if !report.connections.is_empty() {
        text += &connections(&report.connections);
        text.push('\n');
    }
    for line in footer(report) {
        text += &line;
        text.push('\n');
    }
    text
}

fn connections(rows: &[ConnectionReport]) -> String {
    let mut table = Table::new();
    table
        .load_style(STYLE)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header([
            "from",
            "to",
            "bytes",
            "placed",
            "copied",
            "ends with",
            "indications",
            "acknowledges",
            "window closed",
            "sha256",
        ]);
    for row in rows {
        table.add_row([
            row.source.clone(),
            row.destination.clone(),
            grouped(row.bytes),
            grouped(row.dma_bytes),
            grouped(row.copied_bytes),
            ending(row),
            grouped(row.indications),
            grouped(row.acknowledges),
            cycles(row.window_closed_cycles),
            row.sha256.chars().take(SHORT_HASH_DIGITS).collect(),
        ]);
    }
    for column in [2, 3, 4, 6, 7, 8] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

fn ending(row: &ConnectionReport) -> String {
    let mut text = match (row.ending, row.hole) {
        (_, Some(hole)) => {
            format!(
                "hole at {} ({} bytes)",
                grouped(hole.offset),
                grouped(hole.bytes)
            )
        }
        ("fin", _) => "FIN".to_owned(),
        ("reset", _) => "RST".to_owned(),
        ("peer-reset", _) => "RST of the other side".to_owned(),
        _ => "still open".to_owned(),
    };
    if row.start == "mid-stream" {
        text += ", begun mid-stream";
    }
    if row.path == "host" {
        text += ", host path";
    } else if row.bytes != row.expected_bytes {
        write!(
            text,
            ", {} BYTES MISSING",
            grouped(row.expected_bytes.saturating_sub(row.bytes))
        )
        .unwrap_or_default();
    }
    text
}

fn footer(report: &Report) -> Vec<String> {
    let total: u64 = report.connections.iter().map(|row| row.bytes).sum();
    let complete = report.connections.iter().filter(|row| row.complete).count();
    let mut lines = vec![format!(
        "{} streams, {} bytes delivered; {complete} complete, {} not closed or not whole in the \
         capture",
        grouped(report.connections.len() as u64),
        grouped(total),
        report.connections.len() - complete,
    )];
    let sum = |bytes: fn(&ConnectionReport) -> u64| report.connections.iter().map(bytes).sum();
    lines.push(format!(
        "{} bytes placed in Named Buffers by the adapter, {} copied by the driver",
        grouped(sum(|row| row.dma_bytes)),
        grouped(sum(|row| row.copied_bytes)),
    ));
    let dropped: u64 = report.dropped.values().sum();
    let reasons: Vec<String> = report
        .dropped
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let reasons = if reasons.is_empty() {
        String::new()
    } else {
        format!(" ({})", reasons.join(", "))
    };
    lines.push(format!(
        "{} frames: {} offloaded, {} to the host, {} dropped{reasons}",
        grouped(report.frames),
        grouped(report.offloaded),
        grouped(report.to_host),
        grouped(dropped),
    ));
    if report.sent_again > 0 {
        lines.push(format!(
            "{} segments sent again by the peer",
            grouped(report.sent_again)
        ));
    }
    lines.push(format!(
        "{} simulated, {} clock cycles, seed {}",
        duration(report.simulated_ns),
        grouped(report.cycles),
        report.seed,
    ));
    lines.extend(report.faults.iter().map(|fault| format!("FAULT: {fault}")));
    lines
}

/// 1234567 as 1,234,567.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn cycles(number: u64) -> String {
    if number == 0 {
        "-".to_owned()
    } else {
        format!("{} cycles", grouped(number))
    }
}

/// Nanoseconds in the unit that suits them.
#[must_use]
pub fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{:.1} s", ns as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::HoleReport;

    #[test]
    fn the_table_tells_holes_host_paths_and_missing_bytes_apart() {
        let row = ConnectionReport {
            ending: "fin",
            start: "syn",
            ..ConnectionReport::default()
        };
        assert_eq!(ending(&row), "FIN");
        let hole = Some(HoleReport {
            offset: 1000,
            bytes: 24,
        });
        let row = ConnectionReport {
            ending: "hole",
            hole,
            ..row
        };
        assert_eq!(ending(&row), "hole at 1,000 (24 bytes)");
        let row = ConnectionReport {
            expected_bytes: 9,
            hole: None,
            ending: "open",
            ..row
        };
        assert_eq!(ending(&row), "still open, 9 BYTES MISSING");
        assert_eq!(
            ending(&ConnectionReport {
                path: "host",
                ..row
            }),
            "still open, host path"
        );
    }

    #[test]
    fn figures_are_grouped_and_scaled() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(999), "999");
        assert_eq!(duration(64), "64 ns");
        assert_eq!(duration(12_345_678), "12.3 ms");
    }
}
