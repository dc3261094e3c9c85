//! What the adapter knows of one connection, and what each command does to it.

use std::collections::VecDeque;

use toe_driver::registers::{Command, OffloadStatus, Refusal};

use super::named::{Filling, NamedBuffer, Page, Written};
use super::stream::Stream;

/// What the model is told of the adapter that it observes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections that can be offloaded at once.
    pub connections: u16,
    /// indicateWindowSize of a connection offloaded without its own (B2).
    pub indicate_window_size: u32,
    /// Size of every Anonymous Buffer.
    pub anonymous_buffer_bytes: u32,
    /// Size of every host-frame buffer.
    pub host_frame_buffer_bytes: u32,
    /// Anonymous Buffers that the adapter can hold.
    pub anonymous_buffers: usize,
    /// Host-frame buffers that the adapter can hold.
    pub host_frame_buffers: usize,
    /// Pages of Named Buffers for each connection.
    pub named_buffer_pages: usize,
    /// Push Timer, in cycles (B30, B32).
    pub push_timer_cycles: u64,
    /// How much earlier an expiry may be seen: data is seen on the bus later than it was placed.
    pub early_cycles: u64,
    /// How much later a return may be seen: what the events before it and a stalled bus cost.
    pub late_cycles: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            connections: 16,
            indicate_window_size: 65536,
            anonymous_buffer_bytes: 2048,
            host_frame_buffer_bytes: 16384,
            anonymous_buffers: 1024,
            host_frame_buffers: 64,
            named_buffer_pages: 16,
            push_timer_cycles: 10_000,
            early_cycles: 100,
            late_cycles: 2_000,
        }
    }
}

impl Settings {
    /// The Push Timer may expire before the adapter has read the bytes placed last, and with them their PSH.
    pub(super) fn push_is_read_late(&self) -> bool {
        self.push_timer_cycles < self.early_cycles
    }
}

/// What surrounds a connection at one step.
pub(super) struct View<'a> {
    pub settings: &'a Settings,
    pub stream: &'a Stream,
    /// Commands taken.
    pub commands: &'a [Command],
    pub cycle: u64,
    /// Anonymous Buffers in the adapter's hands.
    pub buffers: usize,
    pub connection: u16,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not offloaded.
    #[default]
    Closed,
    /// `offload` took effect and is not answered yet.
    Opening,
    Open,
    /// `upload` took effect; which state fields were told.
    Uploading {
        receive_next: bool,
        flags: bool,
    },
}

/// An answer that the adapter owes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    Offloaded,
    /// `None`: any reason.
    Refusal(u8, Option<Refusal>, u16),
    /// `named_buffer_returned`, `cancelled`, of this request.
    Cancelled(u16),
}

impl Owed {
    /// Opcode of the command that it answers. Answers to one opcode come in the order of the commands.
    pub fn opcode(&self) -> u8 {
        match self {
            Owed::Offloaded => 5,
            Owed::Refusal(opcode, ..) => *opcode,
            Owed::Cancelled(_) => 10,
        }
    }
}

/// One history that explains all that was seen of a connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Writes that run ahead of the events: to buffers whose acceptance is not told yet.
    pub early: VecDeque<Written>,
    pub phase: Phase,
    pub receive_next: u32,
    /// indicateWindowSize.
    pub window: u32,
    /// indicatedBytesPending.
    pub pending: u32,
    /// Bytes of the stream sent to the host.
    pub delivered: u64,
    /// Where the latest delivery to an Anonymous Buffer ended that said PSH.
    pub pushed_end: u64,
    /// Named Buffers with the adapter, in the order posted.
    pub buffers: VecDeque<NamedBuffer>,
    /// The head of `buffers`, once accepted.
    pub filling: Option<Filling>,
    /// Pages of a buffer whose last page is not posted yet; `Err` once one was refused.
    pub gathering: Option<Result<Vec<Page>, ()>>,
    /// The buffer that came back last.
    pub returned: Option<NamedBuffer>,
    pub owed: VecDeque<Owed>,
    pub told_close: bool,
    pub told_reset: bool,
    /// How many of the connection's commands have had their effect.
    pub obeyed: usize,
}

impl State {
    /// The histories in which one more of the commands taken has had its effect.
    pub fn settle(&self, view: &View) -> Vec<State> {
        let Some(&command) = view.commands.get(self.obeyed) else {
            return Vec::new();
        };
        let mut next = self.clone();
        next.obeyed += 1;
        let opens = matches!(command, Command::Offload { .. });
        let ends = matches!(next.phase, Phase::Closed | Phase::Uploading { .. });
        let mut histories = Vec::new();
        if ends && !opens {
            let mut refused = next.clone();
            refused.refuse(&command, Some(Refusal::NotOffloaded));
            histories.push(refused);
        }
        if opens || next.phase != Phase::Closed {
            next.effect(&command, view);
            histories.push(next);
        }
        histories
    }

    fn refuse(&mut self, command: &Command, reason: Option<Refusal>) {
        let request = match *command {
            Command::PostNamedBuffer { request, .. } => request,
            Command::CancelNamedBuffer { request, .. } => request,
            _ => 0,
        };
        let owed = Owed::Refusal(command.opcode(), reason, request);
        self.owed.push_back(owed);
    }

    fn effect(&mut self, command: &Command, view: &View) {
        match *command {
            Command::Offload {
                receive_next,
                indicate_window_size,
                ..
            } => self.offload(receive_next, indicate_window_size, view.settings),
            // B6
            Command::Upload { .. } => {
                self.phase = Phase::Uploading {
                    receive_next: false,
                    flags: false,
                };
            }
            // B11: more than is pending is refused, and changes nothing.
            Command::IndicateAcknowledge {
                acknowledged_bytes, ..
            } => match self.pending.checked_sub(acknowledged_bytes) {
                Some(pending) => self.pending = pending,
                None => self.refuse(command, Some(Refusal::MoreThanPending)),
            },
            // B1, B15
            Command::SetIndicateWindowSize { bytes: 0, .. } => {
                self.refuse(command, Some(Refusal::ZeroWindow));
            }
            Command::SetIndicateWindowSize { bytes, .. } => self.window = bytes,
            Command::PostNamedBuffer {
                address,
                bytes,
                last_page,
                ..
            } => self.post(command, Page { address, bytes }, last_page, view.settings),
            // B27: it comes back, or came back before.
            Command::CancelNamedBuffer { request, .. } => {
                let with_adapter = self.buffers.iter().any(|buffer| buffer.request == request);
                let asked = self.owed.contains(&Owed::Cancelled(request));
                if with_adapter && !asked {
                    self.owed.push_back(Owed::Cancelled(request));
                } else {
                    self.refuse(command, Some(Refusal::NotPosted));
                }
            }
            _ => (),
        }
    }

    /// B2: the connection's own window, else the adapter's; B5: both counters are 0.
    fn offload(&mut self, receive_next: u32, own: u32, settings: &Settings) {
        self.owed.push_back(Owed::Offloaded);
        if self.phase == Phase::Closed {
            *self = State {
                phase: Phase::Opening,
                receive_next,
                window: if own == 0 {
                    settings.indicate_window_size
                } else {
                    own
                },
                owed: std::mem::take(&mut self.owed),
                obeyed: self.obeyed,
                ..State::default()
            };
        }
    }

    /// A page (B28); with the last the buffer joins the queue, if it is large enough (B26).
    fn post(&mut self, command: &Command, page: Page, last: bool, settings: &Settings) {
        let Command::PostNamedBuffer {
            request, push_mode, ..
        } = *command
        else {
            return;
        };
        let pages = |buffer: &NamedBuffer| buffer.pages.len() + buffer.pages_behind;
        let held: usize = self.buffers.iter().map(pages).sum();
        let gathered = self.gathering.take().unwrap_or(Ok(Vec::new()));
        let Ok(mut pages) = gathered else {
            self.refuse(command, None);
            self.gathering = (!last).then_some(Err(()));
            return;
        };
        pages.push(page);
        let pages_held = held + pages.len();
        let buffer = NamedBuffer {
            request,
            pages,
            push_mode,
            pages_behind: 0,
        };
        let bytes = buffer.bytes();
        let small = bytes <= u64::from(self.window.max(self.pending));
        let refusal = if page.bytes == 0 || bytes > u64::from(u32::MAX) {
            Some(Refusal::BadPage)
        } else if pages_held > settings.named_buffer_pages {
            Some(Refusal::BuffersFull)
        } else {
            (last && small).then_some(Refusal::TooSmall)
        };
        if refusal.is_some() {
            self.refuse(command, refusal);
            self.gathering = (!last).then_some(Err(()));
        } else if last {
            self.buffers.push_back(buffer);
        } else {
            self.gathering = Some(Ok(buffer.pages));
        }
    }

    /// `offloaded` with `ok` when the number was in use, and the like (B5).
    pub fn may_answer(&self, status: OffloadStatus, view: &View) -> bool {
        let in_range = view.connection < view.settings.connections;
        match status {
            OffloadStatus::Ok => self.phase == Phase::Opening && in_range,
            OffloadStatus::Busy => matches!(self.phase, Phase::Open | Phase::Uploading { .. }),
            OffloadStatus::BadConnection => !in_range,
            // The model does not know the lookup table.
            OffloadStatus::NoRoom | OffloadStatus::Duplicate => self.phase == Phase::Opening,
        }
    }

    /// The oldest answer owed to commands of an opcode.
    pub fn answer_to(&mut self, opcode: u8) -> Option<Owed> {
        let at = self.owed.iter().position(|owed| owed.opcode() == opcode)?;
        self.owed.remove(at)
    }

    /// All that comes before FIN has been delivered, or nothing more can come.
    pub fn at_end(&self, stream: &Stream) -> bool {
        let finished = stream.is_finished() && self.delivered == stream.in_order();
        finished || stream.is_reset() || matches!(self.phase, Phase::Uploading { .. })
    }
}
