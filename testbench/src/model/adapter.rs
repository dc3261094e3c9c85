//! The adapter, seen from outside: is what it does what the behaviours allow?

use std::collections::BTreeMap;

use toe_driver::registers::{Command, Event, Refusal};

use super::histories::{Connection, Surroundings};
use super::lifecycle::behaviour_of;
use super::next::Next;
use super::pool::Pool;
use super::seen::{Seen, connection_of};
use super::state::{Settings, State, View};
use super::stream::Stream;
use super::violation::{Verdict, Violation, broken};

/// Judges an adapter by what is seen of it: the model of B1 to B15 and B25 to B32 (and of B37 as far as the ring shows it).
///
/// A command has its effect at some time after it was taken, in order with those before it. The model keeps every history that explains
/// what was seen, and complains when none is left.
#[derive(Debug)]
pub struct AdapterModel {
    settings: Settings,
    connections: BTreeMap<u16, Connection>,
    anonymous: Pool,
    host_frames: Pool,
    refused_grants: Vec<(u8, usize)>,
    cycle: u64,
    /// The bus failed: from then on nothing is asked.
    lost: bool,
}

impl AdapterModel {
    /// A model of an adapter that has just been reset.
    pub fn new(settings: Settings) -> Self {
        AdapterModel {
            anonymous: Pool::new(settings.anonymous_buffer_bytes),
            host_frames: Pool::new(settings.host_frame_buffer_bytes),
            connections: BTreeMap::new(),
            refused_grants: Vec::new(),
            settings,
            cycle: 0,
            lost: false,
        }
    }

    /// Takes note of one observation at a cycle, which never goes back; answers with what comes next on its connection.
    pub fn see(&mut self, cycle: u64, seen: &Seen) -> Result<Next, Violation> {
        self.note(cycle, seen)?;
        Ok(match connection_of(seen) {
            Some(connection) if !self.lost => self.next(connection),
            _ => Next::default(),
        })
    }

    /// Takes note of one observation, without an answer. Of other connections it notices with their next observation or
    /// `wait` that a deadline is over.
    pub fn note(&mut self, cycle: u64, seen: &Seen) -> Result<(), Violation> {
        self.cycle = self.cycle.max(cycle);
        if self.lost {
            return Ok(());
        }
        let connection = connection_of(seen);
        self.judge(connection, seen)
            .map_err(|broken| broken.at(self.cycle, connection))
    }

    /// Lets time pass: complains of duties whose deadline is over.
    pub fn wait(&mut self, cycle: u64) -> Result<(), Violation> {
        self.cycle = self.cycle.max(cycle);
        self.check_duties(false)
    }

    /// Everything rests: no command is under way, no bus stalls, and long enough nothing has moved. What is not done now
    /// will not be done; only timers may still run.
    pub fn rest(&mut self) -> Result<(), Violation> {
        let around = surroundings(&self.settings, self.cycle, &self.anonymous);
        for (number, connection) in &mut self.connections {
            connection.settle(*number, around);
        }
        self.check_duties(true)
    }

    /// What may and what must come next on a connection.
    pub fn next(&self, connection: u16) -> Next {
        let Some(known) = self.connections.get(&connection) else {
            return Next::default();
        };
        let around = surroundings(&self.settings, self.cycle, &self.anonymous);
        let view = known.view(connection, around);
        let reached = known.reachable(&view);
        let mut next = Next::default();
        for history in &reached {
            for may in history.may(&view) {
                if !next.may.contains(&may) {
                    next.may.push(may);
                }
            }
        }
        let mut duties = reached.iter().map(|history| history.must(&view));
        next.must = duties.next().unwrap_or_default();
        for others in duties {
            next.must.retain(|duty| others.contains(duty));
        }
        next
    }

    fn check_duties(&mut self, at_rest: bool) -> Result<(), Violation> {
        if self.lost {
            return Ok(());
        }
        let around = surroundings(&self.settings, self.cycle, &self.anonymous);
        for (number, connection) in &mut self.connections {
            connection
                .step(*number, around, |history, view| {
                    history.in_time(view, at_rest)
                })
                .map_err(|broken| broken.at(around.cycle, Some(*number)))?;
        }
        Ok(())
    }

    /// One step of one connection.
    fn on(&mut self, number: u16, step: impl Fn(&mut State, &View) -> Verdict) -> Verdict {
        let around = surroundings(&self.settings, self.cycle, &self.anonymous);
        let Some(connection) = self.connections.get_mut(&number) else {
            return broken(5, format!("connection {number} was never offloaded"));
        };
        connection.step(number, around, |history, view| {
            history.in_time(view, false)?;
            step(history, view)
        })
    }

    fn judge(&mut self, connection: Option<u16>, seen: &Seen) -> Verdict {
        match seen {
            Seen::Taken(command) => self.taken(connection, command),
            Seen::Event(event) => self.event(connection, *event),
            Seen::Write { address, bytes } => self.write(*address, bytes),
            Seen::Sent {
                connection,
                offset,
                bytes,
                push,
            } => self.hear(*connection, |stream| stream.sent(*offset, bytes, *push)),
            Seen::InOrder { connection, offset } => {
                self.hear(*connection, |stream| stream.reach(*offset))
            }
            Seen::Finished { connection } => self.hear(*connection, Stream::finish),
            Seen::Reset { connection } => self.hear(*connection, Stream::reset),
        }
    }

    fn hear(&mut self, connection: u16, change: impl FnOnce(&mut Stream)) -> Verdict {
        match self.connections.get_mut(&connection) {
            Some(known) => change(&mut known.stream),
            None => return broken(5, format!("connection {connection} was never offloaded")),
        }
        Ok(())
    }

    /// The buffers that commands of an opcode grant, and how many of them the adapter can hold.
    fn pool(&mut self, opcode: u8) -> (&mut Pool, usize) {
        match opcode {
            1 => (&mut self.anonymous, self.settings.anonymous_buffers),
            _ => (&mut self.host_frames, self.settings.host_frame_buffers),
        }
    }

    fn taken(&mut self, connection: Option<u16>, command: &Command) -> Verdict {
        let (Command::GrantAnonymousBuffers {
            address,
            first_buffer,
            count,
        }
        | Command::GrantHostFrameBuffers {
            address,
            first_buffer,
            count,
        }) = *command
        else {
            return self.queue(connection, command);
        };
        let (pool, room) = self.pool(command.opcode());
        pool.grant(address, first_buffer, count)?;
        if pool.len() > room {
            self.refused_grants.push((command.opcode(), count.into()));
        }
        Ok(())
    }

    fn queue(&mut self, connection: Option<u16>, command: &Command) -> Verdict {
        let Some(number) = connection else {
            return Ok(());
        };
        let known = self.connections.entry(number).or_default();
        known.take(*command);
        Ok(())
    }

    fn event(&mut self, connection: Option<u16>, event: Event) -> Verdict {
        let bytes = match event {
            Event::HostFrame { buffer, length } => {
                self.host_frames.report(33, buffer, length)?;
                return Ok(());
            }
            Event::IndicateData { buffer, length, .. } => {
                self.anonymous.report(7, buffer, length)?
            }
            Event::UploadData { buffer, length, .. } => self.anonymous.report(6, buffer, length)?,
            Event::CommandsTaken => return Ok(()),
            Event::BusError { .. } => {
                self.lost = true;
                return Ok(());
            }
            Event::CommandRefused { opcode, reason, .. } if opcode <= 2 => {
                return self.grant_refused(opcode, reason);
            }
            _ => Vec::new(),
        };
        match connection {
            Some(number) => self.on(number, |history, view| history.event(event, &bytes, view)),
            None => Ok(()),
        }
    }

    fn grant_refused(&mut self, opcode: u8, reason: Refusal) -> Verdict {
        let owed = self
            .refused_grants
            .iter()
            .position(|grant| grant.0 == opcode);
        let Some(owed) = owed else {
            let behaviour = behaviour_of(Some(reason));
            return broken(
                behaviour,
                format!("a grant is refused, {reason:?}, with room for it"),
            );
        };
        let (_, count) = self.refused_grants.remove(owed);
        self.pool(opcode).0.take_back(count);
        Ok(())
    }

    /// B38: no byte goes where the driver granted nothing.
    fn write(&mut self, address: u64, bytes: &[u8]) -> Verdict {
        if self.anonymous.contains(address) {
            return self.anonymous.write(address, bytes);
        }
        if self.host_frames.contains(address) {
            return self.host_frames.write(address, bytes);
        }
        let grants = |known: &Connection| {
            let mut histories = known.histories.iter();
            histories.any(|history| history.grants(address, &known.commands))
        };
        let granted = |known: &Connection| {
            let mut histories = known.histories.iter();
            histories.any(|history| history.granted(address))
        };
        let owner = |is: &dyn Fn(&Connection) -> bool| {
            let mut known = self.connections.iter();
            known.find(|(_, known)| is(known))
        };
        let owner = owner(&grants).or_else(|| owner(&granted));
        match owner.map(|(number, _)| *number) {
            Some(number) => self.on(number, |history, view| history.write(address, bytes, view)),
            None => broken(
                38,
                format!(
                    "{} bytes go to {address:#x}, granted to nobody",
                    bytes.len()
                ),
            ),
        }
    }
}

fn surroundings<'a>(settings: &'a Settings, cycle: u64, anonymous: &Pool) -> Surroundings<'a> {
    Surroundings {
        settings,
        cycle,
        buffers: anonymous.len(),
    }
}
