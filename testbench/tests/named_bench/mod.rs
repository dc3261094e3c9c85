//! A connection with Named Buffers, and a driver that holds each event against what must be true.
#![allow(dead_code, missing_docs)]

use std::collections::VecDeque;

use toe_driver::registers::{Command, Event, OffloadStatus, Refusal, ReturnReason};
use toe_sim::adapter::AdapterFault;

use crate::toe_bench::{ACK, BASE, Bench, pattern, segment};

/// Below the wrap of sequence numbers.
pub const FIRST: u32 = 0xffff_ff00;
pub const PSH: u8 = 8;
/// Where Named Buffers lie.
const MEMORY: u64 = BASE + 0x14_0000;
const MEMORY_END: u64 = BASE + 0x20_0000;
/// What stands in them before the adapter writes.
const FILL: u8 = 0xee;

/// A Named Buffer that is with the adapter.
#[derive(Debug, Clone)]
pub struct Posted {
    pub request: u16,
    /// Address and bytes.
    pub pages: Vec<(u64, usize)>,
    pub push: bool,
    /// Once it is accepted: offset of the stream at which it begins, and bytes skipped.
    pub accepted: Option<(usize, usize)>,
}

impl Posted {
    pub fn bytes(&self) -> usize {
        self.pages.iter().map(|page| page.1).sum()
    }
}

/// A buffer that came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    pub request: u16,
    pub bytes: usize,
    pub reason: ReturnReason,
}

/// One connection as its driver sees it.
pub struct Peer {
    pub connection: u16,
    /// Bytes sent by the peer.
    pub sent: usize,
    /// Positions after the bytes that came last in a segment with PSH.
    pub pushes: Vec<usize>,
    /// Bytes accounted for, in the order of events.
    pub at: usize,
    /// Where the latest delivery to an Anonymous Buffer with PSH ended.
    pub push_end: usize,
    /// Bytes in Anonymous Buffers that are not acknowledged.
    pub pending: usize,
    pub window: usize,
    pub posted: VecDeque<Posted>,
    pub cancels: VecDeque<u16>,
    pub returned: Vec<Returned>,
    pub refused: Vec<(u16, Refusal)>,
    pub closed: bool,
    pub reset: bool,
    pub uploaded: bool,
    granted: Vec<(u64, u64)>,
    next_address: u64,
    next_request: u16,
}

impl Peer {
    pub fn open(bench: &mut Bench, connection: u16, window: u32) -> Result<Self, AdapterFault> {
        assert_eq!(bench.offload(connection, FIRST, window)?, OffloadStatus::Ok);
        Ok(Peer {
            connection,
            sent: 0,
            pushes: Vec::new(),
            at: 0,
            push_end: 0,
            pending: 0,
            window: window as usize,
            posted: VecDeque::new(),
            cancels: VecDeque::new(),
            returned: Vec::new(),
            refused: Vec::new(),
            closed: false,
            reset: false,
            uploaded: false,
            granted: Vec::new(),
            next_address: MEMORY + u64::from(connection) * 0xC000,
            next_request: connection * 100,
        })
    }

    /// Bytes of the stream as a segment, with PSH or not, or more flags.
    pub fn send(&mut self, bench: &mut Bench, length: usize, flags: u8) {
        let sequence = FIRST.wrapping_add(self.sent as u32);
        let bytes = pattern(self.sent, length);
        bench.send(segment(self.connection, sequence, ACK | flags, &bytes));
        self.sent += length;
        if flags & PSH != 0 && length > 0 {
            self.pushes.push(self.sent);
        }
    }

    /// Bytes that the peer may send: what was sent and is not known to be at the host fits the ring.
    /// Bytes in an accepted buffer are known by looking at its memory.
    pub fn room(&self, bench: &Bench) -> usize {
        let mut at = self.at;
        if let Some((start, skipped)) = self.accepted().and_then(|head| head.accepted) {
            let head = self.accepted().expect("it is accepted");
            let mut index = 0;
            at = start + skipped;
            for &(address, length) in &head.pages {
                for &byte in bench.memory(address, length) {
                    if index >= skipped && at == start + index && byte == pattern(at, 1)[0] {
                        at += 1;
                    }
                    index += 1;
                }
            }
        }
        // What was placed is freed for good only a little later.
        4096usize.saturating_sub(self.sent - at.min(self.sent) + 64)
    }

    /// Memory for a page, `offset` bytes after a multiple of 64, with a gap on either side.
    pub fn page(&mut self, bench: &mut Bench, offset: u64, bytes: usize) -> (u64, usize) {
        let room = bytes as u64 + 256;
        if self.next_address + room > MEMORY + (u64::from(self.connection) + 1) * 0xC000 {
            self.next_address = MEMORY + u64::from(self.connection) * 0xC000;
        }
        let address = self.next_address + 64 + offset;
        self.next_address = (address + bytes as u64).next_multiple_of(64);
        assert!(address + (bytes as u64) < MEMORY_END);
        let memory = bench.adapter.memory.slice_mut(address - 64, bytes + 128);
        memory.expect("inside the memory").fill(FILL);
        // Pages that came back are no longer granted once their memory serves again.
        let (from, to) = (address - 64, address + bytes as u64 + 64);
        self.granted.retain(|&(old, length)| {
            let apart = old + length <= from || to <= old;
            if !apart {
                bench.adapter.memory.revoke(old);
            }
            apart
        });
        bench.adapter.memory.grant(address, bytes.max(1) as u64);
        self.granted.push((address, bytes.max(1) as u64));
        (address, bytes)
    }

    /// Posts a buffer of pages of these sizes, each so far from a multiple of 64.
    pub fn post(
        &mut self,
        bench: &mut Bench,
        pages: &[(u64, usize)],
        push: bool,
    ) -> Result<u16, AdapterFault> {
        let request = self.next_request;
        self.next_request += 1;
        let pages: Vec<_> = pages
            .iter()
            .map(|&(offset, bytes)| self.page(bench, offset, bytes))
            .collect();
        for (index, &(address, bytes)) in pages.iter().enumerate() {
            bench.command(&Command::PostNamedBuffer {
                connection: self.connection,
                address,
                bytes: bytes as u32,
                request,
                last_page: index + 1 == pages.len(),
                // That of the last page counts.
                push_mode: push == (index + 1 == pages.len()),
            })?;
        }
        self.posted.push_back(Posted {
            request,
            pages,
            push,
            accepted: None,
        });
        Ok(request)
    }

    pub fn cancel(&mut self, bench: &mut Bench, request: u16) -> Result<(), AdapterFault> {
        self.cancels.push_back(request);
        bench.command(&Command::CancelNamedBuffer {
            connection: self.connection,
            request,
        })
    }

    pub fn acknowledge(&mut self, bench: &mut Bench, bytes: usize) -> Result<(), AdapterFault> {
        self.pending -= bytes;
        bench.command(&Command::IndicateAcknowledge {
            connection: self.connection,
            acknowledged_bytes: bytes as u32,
        })
    }

    /// Reads all events that there are; of this connection alone.
    pub fn read(&mut self, bench: &mut Bench) -> Result<Vec<Event>, AdapterFault> {
        let mut events = Vec::new();
        while let Some(event) = bench.poll()? {
            bench
                .adapter
                .push_access(toe_sim::register_port::Access::Write {
                    offset: toe_driver::registers::offset::EVENT_CONSUMER,
                    value: bench.consumer,
                });
            self.take(bench, event);
            events.push(event);
        }
        Ok(events)
    }

    /// Steps and reads, this many cycles.
    pub fn run(&mut self, bench: &mut Bench, cycles: u64) -> Result<Vec<Event>, AdapterFault> {
        let mut events = Vec::new();
        for _ in 0..cycles.div_ceil(16) {
            bench.steps(16)?;
            events.extend(self.read(bench)?);
        }
        Ok(events)
    }

    /// The accepted buffer, or else none.
    pub fn accepted(&self) -> Option<&Posted> {
        self.posted
            .front()
            .filter(|posted| posted.accepted.is_some())
    }

    /// Holds an event against what must be true.
    pub fn take(&mut self, bench: &Bench, event: Event) {
        match event {
            Event::IndicateData {
                connection,
                buffer,
                length,
                push,
            } => {
                assert_eq!(connection, self.connection);
                let length_all = usize::from(length);
                let expected = pattern(self.at, length_all);
                assert_eq!(bench.anonymous(buffer, length), expected, "at {}", self.at);
                assert!(
                    self.accepted().is_none(),
                    "{event:?} beside an accepted buffer"
                );
                let end = self.at + length_all;
                let pushed = self.pushed(self.at, end);
                assert_eq!(push, pushed, "PSH in {}..{end}: {:?}", self.at, self.pushes);
                self.at = end;
                self.pending += length_all;
                if push {
                    self.push_end = end;
                }
                assert!(self.pending <= self.window, "B8");
            }
            Event::UploadData { buffer, length, .. } => {
                let expected = pattern(self.at, length.into());
                assert_eq!(bench.anonymous(buffer, length), expected);
                assert!(self.posted.is_empty(), "B6: buffers first");
                self.at += usize::from(length);
            }
            Event::NamedBufferAccepted {
                connection,
                skipped,
            } => {
                assert_eq!(connection, self.connection);
                assert_eq!(
                    skipped as usize, self.pending,
                    "B25: the skip is what is pending"
                );
                let at = self.at;
                let skipped = skipped as usize;
                let head = self.posted.front_mut().expect("a posted buffer");
                assert!(head.accepted.is_none(), "{head:?} is accepted twice");
                assert!(skipped < head.bytes(), "a part is left to place");
                head.accepted = Some((at - skipped, skipped));
                self.pending = 0;
            }
            Event::NamedBufferReturned {
                connection,
                bytes,
                reason,
            } => {
                assert_eq!(connection, self.connection);
                self.take_returned(bench, bytes as usize, reason);
            }
            Event::CommandRefused {
                opcode,
                reason,
                request,
                ..
            } => {
                if opcode == 10 {
                    let cancelled = self.cancels.pop_front();
                    assert_eq!(cancelled, Some(request), "cancels are answered in order");
                    assert_eq!(reason, Refusal::NotPosted);
                    let still = self.posted.iter().any(|posted| posted.request == request);
                    assert!(!still, "it is with the adapter");
                } else {
                    self.posted.retain(|posted| posted.request != request);
                }
                self.refused.push((request, reason));
            }
            Event::PeerClosed { .. } => {
                assert!(self.posted.is_empty(), "B27: buffers come back first");
                assert_eq!(self.at, self.sent, "B37: after all data");
                self.closed = true;
            }
            Event::PeerReset { .. } => {
                assert!(self.posted.is_empty(), "B27: buffers come back first");
                self.reset = true;
            }
            Event::State { .. } | Event::CommandsTaken => {}
            Event::Uploaded { .. } => {
                assert!(self.posted.is_empty(), "B6: every buffer comes back");
                self.uploaded = true;
            }
            other => panic!("{other:?} of a connection with Named Buffers"),
        }
    }

    fn pushed(&self, from: usize, to: usize) -> bool {
        self.pushes.iter().any(|&at| from < at && at <= to)
    }

    fn take_returned(&mut self, bench: &Bench, bytes: usize, reason: ReturnReason) {
        let at = if reason == ReturnReason::Cancelled {
            let request = self.cancels.pop_front().expect("a cancel");
            let at = self.posted.iter().position(|p| p.request == request);
            at.expect("the buffer that was named")
        } else {
            0
        };
        let posted = self.posted.remove(at).expect("a posted buffer");
        let (start, skipped) = posted.accepted.unwrap_or((self.at, 0));
        assert!(bytes <= posted.bytes(), "{bytes} of {posted:?}");
        if posted.accepted.is_none() {
            assert_eq!(bytes, 0, "only an accepted buffer is filled");
            let early = [ReturnReason::Cancelled, ReturnReason::Ended].contains(&reason);
            assert!(early, "{reason:?} of {posted:?}");
        }
        // PSH in a delivery of which bytes are skipped, or among the bytes placed.
        let pushed =
            skipped > 0 && self.push_end > start || self.pushed(start + skipped, start + bytes);
        let expected = pattern(start, bytes);
        let mut index = 0;
        for &(address, length) in &posted.pages {
            let around = bench.memory(address - 64, length + 128);
            let (before, page) = around.split_at(64);
            let (page, after) = page.split_at(length);
            assert!(before.iter().chain(after).all(|&b| b == FILL), "outside");
            for &byte in page {
                if index < skipped {
                    assert_eq!(byte, FILL, "byte {index} is the driver's");
                } else if index < bytes {
                    assert_eq!(byte, expected[index], "byte {index} of {posted:?}");
                } else {
                    assert_eq!(byte, FILL, "byte {index} is not filled");
                }
                index += 1;
            }
        }
        match reason {
            ReturnReason::Full => assert_eq!(bytes, posted.bytes()),
            ReturnReason::Push => {
                assert!(posted.push, "B31: {posted:?}");
                assert!(pushed, "no PSH: {posted:?} {bytes}");
            }
            ReturnReason::Timeout => {
                assert!(posted.push, "B31: {posted:?}");
                assert!(
                    bytes > 0 && !pushed,
                    "PSH: {posted:?} {bytes} {:?}",
                    self.pushes
                );
            }
            ReturnReason::Cancelled | ReturnReason::Ended => {}
        }
        if posted.accepted.is_some() {
            self.at = start + bytes;
        }
        self.returned.push(Returned {
            request: posted.request,
            bytes,
            reason,
        });
    }
}
