//! Commands on their way to the adapter: in order, never more than it has room for.
//!
//! Room is counted: `sent` minus `taken` commands are in the adapter's queue, whose depth the register map states.
//! Every event carries the low 8 bits of `taken`, so the driver never polls for room.

use std::collections::VecDeque;

use crate::bus::Registers;
use crate::error::Error;
use crate::register_file::RegisterFile;
use crate::registers::{COMMAND_QUEUE_DEPTH, Command, offset};

/// Commands that wait for room, and the count of those in the adapter.
#[derive(Default)]
pub(crate) struct CommandQueue {
    waiting: VecDeque<Command>,
    /// Commands committed, modulo 2^32.
    sent: u32,
    /// Commands that the adapter is known to have taken, modulo 2^32.
    taken: u32,
}

impl CommandQueue {
    /// Queues a command behind all others. An acknowledgement joins one of its connection that still waits, unless
    /// another command of the connection stands between: acknowledgements only add up, but a Named Buffer posted between
    /// skips by them.
    pub fn push(&mut self, command: Command) {
        if let Command::IndicateAcknowledge {
            connection,
            acknowledged_bytes,
        } = command
        {
            let last = self
                .waiting
                .iter_mut()
                .rev()
                .find(|command| connection_of(command) == Some(connection));
            if let Some(Command::IndicateAcknowledge {
                acknowledged_bytes: sum,
                ..
            }) = last
                && let Some(joined) = sum.checked_add(acknowledged_bytes)
            {
                *sum = joined;
                return;
            }
        }
        self.waiting.push_back(command);
    }

    /// Takes out the next command, which the caller commits.
    pub fn pop(&mut self) -> Option<Command> {
        self.waiting.pop_front()
    }

    /// Commands committed and not known to be taken.
    pub fn in_flight(&self) -> u32 {
        self.sent.wrapping_sub(self.taken)
    }

    /// Whether the adapter has room for a command.
    pub fn has_room(&self) -> bool {
        self.in_flight() < COMMAND_QUEUE_DEPTH
    }

    /// A command is about to be committed.
    pub fn count_sent(&mut self) {
        self.sent = self.sent.wrapping_add(1);
    }

    /// Event `number` carries `low`, the low 8 bits of the commands taken. The depth is far below 256, so the step
    /// from the last known count is not ambiguous.
    pub fn count_taken(&mut self, number: u32, low: u8) -> Result<(), Error> {
        let step = u32::from(low.wrapping_sub(self.taken as u8));
        let in_flight = self.in_flight();
        if step > in_flight {
            return Err(Error::CommandsNeverSent {
                number,
                taken: step,
                in_flight,
            });
        }
        self.taken = self.taken.wrapping_add(step);
        Ok(())
    }
}

/// The connection that a command names, of those that change what the adapter counts for it.
fn connection_of(command: &Command) -> Option<u16> {
    match *command {
        Command::Offload { connection, .. }
        | Command::Upload { connection }
        | Command::IndicateAcknowledge { connection, .. }
        | Command::SetIndicateWindowSize { connection, .. }
        | Command::PostNamedBuffer { connection, .. }
        | Command::CancelNamedBuffer { connection, .. } => Some(connection),
        Command::GrantAnonymousBuffers { .. }
        | Command::GrantHostFrameBuffers { .. }
        | Command::SetSourceAddress { .. }
        | Command::SetDestinationAddress { .. } => None,
    }
}

const _: () = assert!(COMMAND_QUEUE_DEPTH < 256);

/// The last word of the command window.
const DOORBELL: u32 = offset::COMMAND + 4 * 7;

/// Writes the words that a command has a use for to the command window, and commits them.
///
/// Order: word 7 is the doorbell. [`Registers`] keeps writes in order, so the adapter has every word before it; and
/// whatever the command hands over (a buffer, say) was read for the last time before the first word is written.
pub(crate) async fn commit<R: Registers>(
    registers: &RegisterFile<R>,
    command: &Command,
) -> Result<(), Error> {
    let [words @ .., doorbell] = command.words();
    for (place, &word) in (0..).zip(words.iter().take(command.words_used())) {
        registers.write(offset::COMMAND + 4 * place, word).await?;
    }
    registers.write(DOORBELL, doorbell).await
}
