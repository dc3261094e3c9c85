//! The scoreboard's account of the Named Buffers of one connection: what was posted, and what the adapter may say of it.

use std::collections::VecDeque;

use toe_driver::registers::{Command, ReturnReason};
use toe_sim::host_memory::HostMemory;

use super::scoreboard::StreamOracle;
use super::scoreboard_fault::ScoreboardFault;

/// A Named Buffer with the adapter.
#[derive(Debug)]
struct Buffer {
    request: u16,
    /// Address and bytes of each page.
    pages: Vec<(u64, u64)>,
    bytes: u64,
    push_mode: bool,
    /// Once accepted: the bytes skipped.
    skipped: Option<u64>,
}

/// The Named Buffers that a connection has with the adapter, the first posted in front.
#[derive(Debug, Default)]
pub(super) struct NamedAccount {
    buffers: VecDeque<Buffer>,
    /// The buffer of which pages are still to come.
    coming: Option<Buffer>,
    /// Cancels not answered, in their order.
    cancels: VecDeque<u16>,
}

impl NamedAccount {
    /// The host wrote `post_named_buffer` or `cancel_named_buffer`.
    pub fn command(&mut self, command: &Command, memory: &mut HostMemory) {
        match *command {
            Command::PostNamedBuffer {
                address,
                bytes,
                request,
                last_page,
                push_mode,
                ..
            } => {
                let mut buffer = self.coming.take().unwrap_or(Buffer {
                    request,
                    pages: Vec::new(),
                    bytes: 0,
                    push_mode,
                    skipped: None,
                });
                memory.grant(address, bytes.into());
                buffer.pages.push((address, bytes.into()));
                buffer.bytes += u64::from(bytes);
                buffer.push_mode = push_mode;
                match last_page {
                    true => self.buffers.push_back(buffer),
                    false => self.coming = Some(buffer),
                }
            }
            Command::CancelNamedBuffer { request, .. } => self.cancels.push_back(request),
            _ => {}
        }
    }

    /// The adapter accepted the first buffer while `pending` bytes were pending (B12, B25).
    pub fn accepted(
        &mut self,
        connection: u16,
        skipped: u64,
        pending: u64,
    ) -> Result<(), ScoreboardFault> {
        let unknown = ScoreboardFault::NoSuchNamedBuffer { connection };
        let first = self.buffers.front_mut().ok_or(unknown.clone())?;
        if first.skipped.is_some() {
            return Err(unknown);
        }
        if skipped != pending || skipped >= first.bytes {
            return Err(ScoreboardFault::WrongSkip {
                connection,
                skipped,
                pending,
            });
        }
        first.skipped = Some(skipped);
        Ok(())
    }

    /// A buffer came back (B27). `offset` is the place in the stream of the first byte that the adapter placed in it, if
    /// it placed any. Returns how many it placed.
    pub fn returned(
        &mut self,
        (connection, bytes, reason): (u16, u64, ReturnReason),
        offset: u64,
        oracle: Option<&dyn StreamOracle>,
        memory: &mut HostMemory,
    ) -> Result<u64, ScoreboardFault> {
        let place = match reason {
            ReturnReason::Cancelled => {
                let named = self.cancels.pop_front();
                self.buffers
                    .iter()
                    .position(|buffer| Some(buffer.request) == named)
            }
            ReturnReason::Ended => (!self.buffers.is_empty()).then_some(0),
            _ => self
                .buffers
                .iter()
                .position(|buffer| buffer.skipped.is_some()),
        };
        let buffer = place
            .and_then(|place| self.buffers.remove(place))
            .ok_or(ScoreboardFault::NoSuchNamedBuffer { connection })?;
        let skipped = buffer.skipped.unwrap_or(0);
        let written: u64 = buffer
            .pages
            .iter()
            .map(|&(page, _)| memory.written(page))
            .sum();
        let whole = match reason {
            ReturnReason::Full => bytes == buffer.bytes,
            ReturnReason::Push | ReturnReason::Timeout => buffer.push_mode && bytes > 0,
            ReturnReason::Cancelled | ReturnReason::Ended => true,
        };
        if !whole || bytes < skipped || bytes > buffer.bytes || written != bytes - skipped {
            return Err(ScoreboardFault::WrongReturn {
                connection,
                reason: format!("{reason:?}"),
                bytes,
                skipped,
                written,
                room: buffer.bytes,
            });
        }
        let (mut start, mut at) = (0, offset);
        for (page, length) in buffer.pages {
            let first = skipped.clamp(start, start + length);
            let end = bytes.clamp(start, start + length);
            if first < end {
                let address = page + (first - start);
                let placed = end - first;
                if memory.unanswered(address, placed) {
                    return Err(ScoreboardFault::ReturnBeforeData { connection });
                }
                let found = memory.slice(address, placed as usize).unwrap_or_default();
                let wrong = oracle.and_then(|oracle| oracle.first_wrong(at, found));
                if let Some(wrong) = wrong {
                    return Err(ScoreboardFault::WrongByte {
                        connection,
                        offset: at + wrong as u64,
                        found: found[wrong],
                    });
                }
                at += placed;
            }
            memory.revoke(page);
            start += length;
        }
        Ok(written)
    }

    /// The adapter did not have the buffer that a cancel named.
    pub fn cancel_refused(&mut self, connection: u16, request: u16) -> Result<(), ScoreboardFault> {
        let asked = self.cancels.pop_front() == Some(request);
        let has_it = self.buffers.iter().any(|buffer| buffer.request == request);
        match asked && !has_it {
            true => Ok(()),
            false => Err(ScoreboardFault::NoSuchNamedBuffer { connection }),
        }
    }

    /// The connection was uploaded: every buffer must have come back (B6).
    pub fn uploaded(&self, connection: u16) -> Result<(), ScoreboardFault> {
        let (buffers, cancels) = (self.buffers.len(), self.cancels.len());
        match buffers + cancels {
            0 => Ok(()),
            _ => Err(ScoreboardFault::NamedBuffersKept {
                connection,
                buffers,
                cancels,
            }),
        }
    }

    /// Bytes that stand in buffers that have not come back.
    pub fn placed(&self, memory: &HostMemory) -> u64 {
        let pages = self.buffers.iter().flat_map(|buffer| &buffer.pages);
        pages.map(|&(page, _)| memory.written(page)).sum()
    }

    /// Whether a Push Timer may run: a buffer in Push Mode is accepted and partly full.
    pub fn is_timing(&self, memory: &HostMemory) -> bool {
        self.buffers.front().is_some_and(|first| {
            let skipped = first.push_mode.then_some(first.skipped).flatten();
            skipped.is_some_and(|skipped| {
                skipped
                    + first
                        .pages
                        .iter()
                        .map(|&(page, _)| memory.written(page))
                        .sum::<u64>()
                    > 0
            })
        })
    }

    /// Whether the adapter has a buffer.
    pub fn any(&self) -> bool {
        !self.buffers.is_empty()
    }
}
