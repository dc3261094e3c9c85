//! The mock adapter's registers and interrupt line.

use std::future::poll_fn;
use std::task::Poll;

use super::{Adapter, State};
use crate::bus::{BusError, Registers};
use crate::registers::{Command, field, offset, reset};

impl State {
    fn line_is_high(&self) -> bool {
        let enabled = field::INTERRUPT_ENABLE_EVENT.get(self.register(offset::INTERRUPT_ENABLE));
        let news = self.produced != self.register(offset::EVENT_CONSUMER);
        self.line_stuck || enabled == 1 && news
    }

    fn access(&mut self, offset: u32) -> Result<(), BusError> {
        match &mut self.accesses_left {
            Some(0) => Err(BusError::Response {
                offset,
                response: 2,
            }),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn written(&mut self, offset: u32, value: u32) {
        match offset {
            offset::CONTROL if field::CONTROL_RESET.get(value) == 1 => {
                let kept = [
                    offset::IDENTITY,
                    offset::VERSION,
                    offset::CONNECTIONS,
                    offset::RECEIVE_RING_BYTES,
                    offset::NVRAM_INDICATE_WINDOW_SIZE,
                    offset::BUFFER_ROOM,
                    offset::NAMED_BUFFER_PAGES,
                    offset::CLOCK_PERIOD_PICOSECONDS,
                ];
                let mut fresh = State::new(std::mem::take(&mut self.registers));
                fresh.registers.retain(|offset, _| kept.contains(offset));
                fresh.registers.extend([
                    (
                        offset::ANONYMOUS_BUFFER_BYTES,
                        reset::ANONYMOUS_BUFFER_BYTES,
                    ),
                    (
                        offset::HOST_FRAME_BUFFER_BYTES,
                        reset::HOST_FRAME_BUFFER_BYTES,
                    ),
                    (offset::INDICATE_WINDOW_SIZE, reset::INDICATE_WINDOW_SIZE),
                ]);
                fresh.lies = std::mem::take(&mut self.lies);
                fresh.accesses_left = self.accesses_left;
                fresh.resets = self.resets + 1;
                fresh.changed = std::mem::take(&mut self.changed);
                *self = fresh;
            }
            offset::COMMAND..=COMMAND_LAST => {
                self.words[(offset - offset::COMMAND) as usize / 4] = value;
                if offset == COMMAND_LAST {
                    self.waiting.extend(Command::from_words(&self.words));
                    self.words = [UNWRITTEN; 8];
                }
            }
            _ => {
                self.registers.insert(offset, value);
            }
        }
    }
}

/// A word of the command window that was not written for this command: words do not keep what they held.
pub(super) const UNWRITTEN: u32 = 0xdead_beef;

const COMMAND_LAST: u32 = offset::COMMAND + 7 * 4;

impl Registers for Adapter {
    async fn read(&self, offset: u32) -> Result<u32, BusError> {
        tokio::task::yield_now().await; // Others get their turn, as on a real bus.
        let mut state = self.state.borrow_mut();
        state.access(offset)?;
        if let Some(&lie) = state.lies.get(&offset) {
            return Ok(lie);
        }
        Ok(match offset {
            offset::COMMANDS_TAKEN => state.taken,
            offset => state.register(offset),
        })
    }

    async fn write(&self, offset: u32, value: u32) -> Result<(), BusError> {
        tokio::task::yield_now().await;
        let mut state = self.state.borrow_mut();
        state.access(offset)?;
        state.written(offset, value);
        drop(state);
        self.advance();
        Ok(())
    }

    async fn interrupt(&self) {
        loop {
            let high = poll_fn(|task| {
                let mut state = self.state.borrow_mut();
                if state.line_is_high() {
                    return Poll::Ready(true);
                }
                if state.deadline() != self.deadline.replace(state.deadline()) {
                    return Poll::Ready(false); // Another Push Timer is the next one.
                }
                state.changed.add(task.waker());
                Poll::Pending
            });
            match self.deadline.get() {
                None => {
                    if high.await {
                        return;
                    }
                }
                Some(deadline) => match tokio::time::timeout_at(deadline, high).await {
                    Ok(true) => return,
                    Ok(false) => {}
                    Err(_) => self.advance(),
                },
            }
        }
    }
}
