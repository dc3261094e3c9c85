//! The model of the driver, tried out: each behaviour kept and broken.

use toe_driver::registers::{Command, Event, OffloadStatus, Refusal, ReturnReason};
use toe_testbench::model::{
    Answer, DriverMay, DriverModel, DriverNext, DriverSeen, DriverSettings, Due, Violation,
};

use crate::model_traces::{breaks, byte, offload, page};
use Answer::{Accepted, NotAccepted, Part};
use ReturnReason::{Cancelled, Ended, Full, Push, Timeout};

type Step = Result<DriverNext, Violation>;

/// A story of connection 0 with a window of 1000, told to the model step by step; each step takes ten cycles.
struct Story {
    model: DriverModel,
    cycle: u64,
    buffer: u16,
    /// Bytes that the application has.
    consumed: u64,
}

impl Story {
    fn offloaded() -> Self {
        let settings = DriverSettings {
            indicate_window_size: 1000,
            acknowledge_at: 500,
            named_buffer_pages: 16,
            push_timer_cycles: 500,
            early_cycles: 10,
            late_cycles: 200,
        };
        let mut story = Story {
            model: DriverModel::new(settings),
            cycle: 0,
            buffer: 0,
            consumed: 0,
        };
        story.command(grant(0, 100)).unwrap();
        story.command(offload(0)).unwrap();
        let status = OffloadStatus::Ok;
        story
            .event(Event::Offloaded {
                connection: 0,
                status,
            })
            .unwrap();
        let bytes = (0..5000).map(byte).collect();
        story
            .see(DriverSeen::Sent {
                connection: 0,
                offset: 0,
                bytes,
            })
            .unwrap();
        story
    }

    fn see(&mut self, seen: DriverSeen) -> Step {
        self.cycle += 10;
        self.model.see(self.cycle, &seen)
    }

    fn command(&mut self, command: Command) -> Step {
        self.see(DriverSeen::Command(command))
    }

    fn event(&mut self, event: Event) -> Step {
        self.see(DriverSeen::Event(event))
    }

    fn indicate(&mut self, length: u16, push: bool) -> Step {
        self.buffer += 1;
        self.event(Event::IndicateData {
            connection: 0,
            buffer: self.buffer - 1,
            length,
            push,
        })
    }

    fn acknowledge(&mut self, acknowledged_bytes: u32) -> Step {
        self.command(Command::IndicateAcknowledge {
            connection: 0,
            acknowledged_bytes,
        })
    }

    fn post(&mut self, request: u64, bytes: u32, push_mode: bool) -> Step {
        self.see(DriverSeen::Post {
            connection: 0,
            request,
            bytes,
            pages: 1,
            push_mode,
        })
    }

    fn hand_over(&mut self, request: u16, bytes: u32, push_mode: bool) -> Step {
        self.command(Command::PostNamedBuffer {
            connection: 0,
            address: page(bytes)[0].address,
            bytes,
            request,
            last_page: true,
            push_mode,
        })
    }

    fn accepted(&mut self, skipped: u32) -> Step {
        self.event(Event::NamedBufferAccepted {
            connection: 0,
            skipped,
        })
    }

    fn back(&mut self, bytes: u32, reason: ReturnReason) -> Step {
        self.event(Event::NamedBufferReturned {
            connection: 0,
            bytes,
            reason,
        })
    }

    fn notify(&mut self, count: u64) -> Step {
        let data = (self.consumed..self.consumed + count).map(byte).collect();
        self.see(DriverSeen::Notify {
            connection: 0,
            data,
        })
    }

    fn answer(&mut self, answer: Answer, taken: u64) -> Step {
        self.consumed += taken;
        self.see(DriverSeen::Answer {
            connection: 0,
            answer,
        })
    }

    fn complete(&mut self, request: u64, count: u64, reason: ReturnReason) -> Step {
        let data = (self.consumed..self.consumed + count).map(byte).collect();
        let step = self.see(DriverSeen::Complete {
            connection: 0,
            request,
            data,
            reason,
        });
        if step.is_ok() {
            self.consumed += count;
        }
        step
    }
}

fn grant(first_buffer: u16, count: u16) -> Command {
    Command::GrantAnonymousBuffers {
        address: 0,
        first_buffer,
        count,
    }
}

/// 600 bytes are queued, and the application has been told.
fn notified() -> Story {
    let mut story = Story::offloaded();
    story.indicate(600, false).unwrap();
    story.notify(600).unwrap();
    story
}

#[test]
fn b13_what_was_taken_is_acknowledged_and_no_more() {
    let mut story = notified();
    breaks(13, story.acknowledge(1));
    story.indicate(400, false).unwrap();
    story.answer(Part(250), 250).unwrap();
    let next = story.model.next(0);
    assert_eq!(
        next.may,
        [DriverMay::Notify(750), DriverMay::Acknowledge(250)]
    );
    breaks(13, story.acknowledge(251));
    story.notify(750).unwrap();
    story.answer(Accepted, 750).unwrap();
    // The window is full and all of it was taken.
    breaks(13, story.model.rest());
    story.acknowledge(1000).unwrap();
    story.model.rest().unwrap();
    // Bytes copied to a partly full buffer count as taken.
    story.post(1, 900, false).unwrap();
    story.indicate(700, false).unwrap();
    story.acknowledge(700).unwrap();
    breaks(13, story.acknowledge(1));
}

#[test]
fn b13_nothing_is_acknowledged_with_a_named_buffer_with_the_adapter() {
    let mut story = Story::offloaded();
    story.post(1, 2000, false).unwrap();
    story.indicate(600, false).unwrap();
    story.hand_over(9, 2000, false).unwrap();
    breaks(13, story.acknowledge(600));
}

#[test]
fn b14_the_policy_says_when_to_acknowledge_at_the_latest() {
    let mut story = notified();
    story.answer(Part(499), 499).unwrap();
    story.notify(101).unwrap();
    story.model.rest().unwrap();
    story.answer(Part(1), 1).unwrap();
    story.notify(100).unwrap();
    breaks(14, story.model.rest());
    story.acknowledge(500).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b17_b20_the_application_is_notified_once_until_it_answers() {
    let mut story = Story::offloaded();
    breaks(20, story.notify(1));
    story.indicate(600, false).unwrap();
    breaks(20, story.model.rest());
    breaks(20, story.notify(601));
    story.notify(600).unwrap();
    story.indicate(100, false).unwrap();
    story.model.rest().unwrap();
    breaks(20, story.notify(700));
}

#[test]
fn b18_data_goes_into_the_buffer_at_hand_in_order_and_buffers_back_once() {
    let mut story = Story::offloaded();
    breaks(18, story.command(grant(3, 1)));
    story.post(1, 500, false).unwrap();
    story.indicate(600, false).unwrap();
    story.command(grant(0, 1)).unwrap();
    breaks(18, story.notify(600));
    story.consumed = 1;
    breaks(18, story.complete(1, 500, Full));
    story.consumed = 0;
    story.complete(1, 500, Full).unwrap();
    story.post(2, 300, false).unwrap();
    breaks(18, story.complete(2, 300, Full));
}

#[test]
fn b19_a_full_buffer_is_returned() {
    let mut story = Story::offloaded();
    story.post(1, 600, false).unwrap();
    story.indicate(599, false).unwrap();
    story.acknowledge(599).unwrap();
    story.model.rest().unwrap();
    story.indicate(1, false).unwrap();
    breaks(19, story.model.rest());
    breaks(27, story.complete(1, 599, Full));
    story.complete(1, 600, Full).unwrap();
    story.acknowledge(1).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b21_what_is_not_accepted_is_shown_again_after_a_post() {
    let mut story = notified();
    breaks(21, story.answer(Part(601), 0));
    let mut story = notified();
    story.answer(NotAccepted, 0).unwrap();
    breaks(21, story.answer(Accepted, 0));
    story.indicate(100, false).unwrap();
    story.model.rest().unwrap();
    breaks(21, story.notify(700));
    story.post(1, 0, false).unwrap();
    breaks(22, story.model.rest());
    story.complete(1, 0, Full).unwrap();
    breaks(20, story.model.rest());
    story.notify(700).unwrap();
}

#[test]
fn b22_a_request_of_no_bytes_takes_none() {
    let mut story = Story::offloaded();
    story.post(1, 0, false).unwrap();
    story.indicate(100, false).unwrap();
    breaks(22, story.complete(1, 1, Full));
    story.complete(1, 0, Full).unwrap();
}

#[test]
fn b23_completions_and_notifications_do_not_overlap_or_overtake() {
    let mut story = notified();
    story.post(1, 600, false).unwrap();
    breaks(23, story.complete(1, 600, Full));
    let mut story = Story::offloaded();
    story.post(1, 600, false).unwrap();
    story.post(2, 600, false).unwrap();
    story.indicate(700, false).unwrap();
    breaks(23, story.complete(2, 600, Full));
    let mut story = notified();
    story.post(1, 2000, false).unwrap();
    breaks(23, story.hand_over(9, 2000, false));
}

#[test]
fn b24_every_request_is_completed_once() {
    let mut story = Story::offloaded();
    story.post(1, 600, false).unwrap();
    breaks(24, story.post(1, 600, false));
    breaks(24, story.complete(1, 0, Ended));
    story.indicate(600, false).unwrap();
    story.complete(1, 600, Full).unwrap();
    breaks(24, story.complete(1, 0, Full));
    story.post(2, 600, false).unwrap();
    story.event(Event::PeerReset { connection: 0 }).unwrap();
    breaks(24, story.model.rest());
    story.complete(2, 0, Ended).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b25_the_head_of_the_queue_goes_to_the_adapter_with_what_is_pending_queued() {
    let mut story = Story::offloaded();
    story.post(1, 2000, true).unwrap();
    breaks(25, story.model.rest());
    breaks(25, story.hand_over(9, 1999, true));
    breaks(25, story.hand_over(9, 2000, false));
    story.hand_over(9, 2000, true).unwrap();
    breaks(25, story.hand_over(10, 3000, false));
    story.model.rest().unwrap();
    breaks(25, story.accepted(1));
    story.accepted(0).unwrap();
    breaks(25, story.accepted(0));

    // A smaller one before it is in the way.
    let mut story = Story::offloaded();
    story.post(1, 100, false).unwrap();
    story.post(2, 2000, false).unwrap();
    breaks(25, story.hand_over(9, 2000, false));

    // What the application took must be acknowledged first, or it would be skipped.
    let mut story = notified();
    story.answer(Part(100), 100).unwrap();
    story.post(1, 2000, false).unwrap();
    breaks(25, story.hand_over(9, 2000, false));
    story.acknowledge(100).unwrap();
    story.hand_over(9, 2000, false).unwrap();
    story.indicate(50, false).unwrap();
    story.accepted(550).unwrap();
    story.back(2000, Full).unwrap();
    breaks(24, story.model.rest());
    story.consumed = 101;
    breaks(25, story.complete(1, 2000, Full));
    story.consumed = 100;
    story.complete(1, 2000, Full).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b26_a_buffer_not_larger_than_the_window_stays() {
    let mut story = Story::offloaded();
    story.post(1, 1000, false).unwrap();
    breaks(26, story.hand_over(9, 1000, false));
    story.model.rest().unwrap();
    // One that the adapter refuses stays too.
    let mut story = Story::offloaded();
    story.post(1, 1001, false).unwrap();
    story.hand_over(9, 1001, false).unwrap();
    let refused = Event::CommandRefused {
        connection: 0,
        opcode: 9,
        reason: Refusal::BuffersFull,
        request: 9,
    };
    story.event(refused).unwrap();
    story.model.rest().unwrap();
    story.indicate(1000, false).unwrap();
    story.acknowledge(1000).unwrap();
    story.indicate(1, false).unwrap();
    story.complete(1, 1001, Full).unwrap();
}

#[test]
fn b27_the_application_hears_what_the_adapter_said() {
    let returned = || {
        let mut story = Story::offloaded();
        story.post(1, 2000, true).unwrap();
        story.post(2, 3000, false).unwrap();
        story.hand_over(9, 2000, true).unwrap();
        story.hand_over(10, 3000, false).unwrap();
        story.accepted(0).unwrap();
        story
    };
    breaks(27, returned().complete(1, 700, Push));
    breaks(28, returned().hand_over(9, 2000, false));
    breaks(27, returned().back(0, Cancelled));
    let mut story = returned();
    story.back(700, Push).unwrap();
    breaks(27, story.complete(1, 699, Push));
    breaks(27, story.complete(1, 700, Timeout));
    story.complete(1, 700, Push).unwrap();
    breaks(27, story.complete(2, 0, Cancelled));
    story
        .see(DriverSeen::Cancel {
            connection: 0,
            request: 2,
        })
        .unwrap();
    let cancel = |request| Command::CancelNamedBuffer {
        connection: 0,
        request,
    };
    breaks(27, story.command(cancel(11)));
    story.command(cancel(10)).unwrap();
    story.back(0, Cancelled).unwrap();
    story.complete(2, 0, Cancelled).unwrap();
    story.model.rest().unwrap();
}

/// A buffer of 900 bytes with 300 copied, the last of them with PSH or not.
fn partly_full(push: bool, push_mode: bool) -> Story {
    let mut story = Story::offloaded();
    story.post(1, 900, push_mode).unwrap();
    story.indicate(300, push).unwrap();
    story
}

#[test]
fn b29_psh_in_copied_bytes_returns_the_buffer() {
    breaks(29, partly_full(false, true).complete(1, 300, Push));
    partly_full(true, true).complete(1, 300, Push).unwrap();
    let mut story = partly_full(true, true);
    let by = story.cycle + 700;
    assert!(
        story
            .model
            .next(0)
            .must
            .iter()
            .any(|duty| duty.due == Due::By(by))
    );
    // Later data do not put it off.
    story.cycle += 400;
    story.indicate(10, false).unwrap();
    breaks(29, story.model.wait(by + 1));
    let mut story = partly_full(true, true);
    story.cycle += 600;
    breaks(29, story.complete(1, 300, Timeout));
}

#[test]
fn b30_the_push_timer_runs_from_the_latest_data() {
    let mut story = partly_full(false, true);
    story.cycle += 400;
    story.indicate(10, false).unwrap();
    story.cycle += 400;
    breaks(30, story.complete(1, 310, Timeout));
    story.cycle += 100;
    breaks(18, story.complete(1, 300, Timeout));
    story.complete(1, 310, Timeout).unwrap();
    let mut story = partly_full(false, true);
    breaks(30, story.model.wait(story.cycle + 701));
}

#[test]
fn b30_what_happens_behind_the_first_does_not_start_its_push_timer_anew() {
    let refused = Event::CommandRefused {
        connection: 0,
        opcode: 9,
        reason: Refusal::BuffersFull,
        request: 10,
    };
    let returned = Event::NamedBufferReturned {
        connection: 0,
        bytes: 0,
        reason: Ended,
    };
    for behind in [returned, refused] {
        let mut story = Story::offloaded();
        story.post(1, 2000, true).unwrap();
        story.post(2, 3000, false).unwrap();
        story.hand_over(9, 2000, true).unwrap();
        story.hand_over(10, 3000, false).unwrap();
        story.back(0, Ended).unwrap();
        story.indicate(300, false).unwrap();
        story.cycle += 460;
        story.event(behind).unwrap();
        breaks(30, story.complete(1, 300, Timeout)); // After 480 cycles; 490 are enough.
        story.complete(1, 300, Timeout).unwrap();
    }
}

#[test]
fn b31_without_push_mode_a_partly_full_buffer_waits() {
    let mut story = partly_full(true, false);
    breaks(31, story.complete(1, 300, Push));
    story.cycle += 1000;
    breaks(31, story.complete(1, 300, Timeout));
    story.model.wait(1_000_000).unwrap();
    story.model.rest().unwrap();
}

#[test]
fn b32_an_expiry_that_finds_nothing_is_harmless() {
    let mut story = Story::offloaded();
    story.post(1, 900, true).unwrap();
    story.model.wait(1_000_000).unwrap();
    story.cycle = 1_000_000;
    breaks(32, story.complete(1, 0, Timeout));
    story.model.rest().unwrap();
}
