//! The driver, seen from the application and from the adapter: is what it does what the behaviours allow?

use std::collections::BTreeMap;

use toe_driver::registers::{Command, Event, OffloadStatus};

use super::driver_duties::DriverNext;
use super::driver_seen::DriverSeen;
use super::next::Due;
use super::request::{DriverSettings, Place, Request};
use super::seen::{command_connection, event_connection};
use super::stream::Push;
use super::talk::Talk;
use super::violation::{Verdict, Violation, broken, rule};

/// Judges a driver by what application and adapter see of it: the model of B13 to B24, B26 and B29 to B32.
#[derive(Debug)]
pub struct DriverModel {
    settings: DriverSettings,
    talks: BTreeMap<u16, Talk>,
    windows: BTreeMap<u16, u32>,
    /// Anonymous Buffers with the adapter; the driver grants none twice (B18).
    granted: Vec<u16>,
    cycle: u64,
}

impl DriverModel {
    /// A model of a driver that has just been brought up.
    pub fn new(settings: DriverSettings) -> Self {
        DriverModel {
            settings,
            talks: BTreeMap::new(),
            windows: BTreeMap::new(),
            granted: Vec::new(),
            cycle: 0,
        }
    }

    /// Takes note of one observation at a cycle, which never goes back; answers with what comes next on its connection.
    pub fn see(&mut self, cycle: u64, seen: &DriverSeen) -> Result<DriverNext, Violation> {
        let connection = self.note(cycle, seen)?;
        Ok(connection.map_or(DriverNext::default(), |connection| self.next(connection)))
    }

    /// Takes note of one observation, and says of which connection it was. Of other connections it notices with their next
    /// observation or `wait` that a deadline is over.
    pub fn note(&mut self, cycle: u64, seen: &DriverSeen) -> Result<Option<u16>, Violation> {
        self.cycle = self.cycle.max(cycle);
        let connection = match seen {
            DriverSeen::Command(command) => command_connection(command),
            DriverSeen::Event(event) => event_connection(event),
            DriverSeen::Sent { connection, .. }
            | DriverSeen::Post { connection, .. }
            | DriverSeen::Cancel { connection, .. }
            | DriverSeen::Notify { connection, .. }
            | DriverSeen::Answer { connection, .. }
            | DriverSeen::Complete { connection, .. } => Some(*connection),
        };
        let verdict = self.buffers(seen).and_then(|()| match connection {
            Some(connection) => self
                .in_time(connection, |due| matches!(due, Due::By(by) if by < cycle))
                .and_then(|()| self.judge(connection, seen)),
            None => Ok(()),
        });
        verdict.map_err(|broken| broken.at(self.cycle, connection))?;
        Ok(connection)
    }

    /// Lets time pass: complains of duties whose deadline is over.
    pub fn wait(&mut self, cycle: u64) -> Result<(), Violation> {
        self.cycle = self.cycle.max(cycle);
        self.check(|due| matches!(due, Due::By(by) if by < cycle))
    }

    /// Everything rests: what is not done now will not be done; only timers may still run.
    pub fn rest(&self) -> Result<(), Violation> {
        self.check(|due| due == Due::AtRest)
    }

    fn check(&self, over: impl Fn(Due) -> bool) -> Result<(), Violation> {
        for &connection in self.talks.keys() {
            self.in_time(connection, &over)
                .map_err(|broken| broken.at(self.cycle, Some(connection)))?;
        }
        Ok(())
    }

    fn in_time(&self, connection: u16, over: impl Fn(Due) -> bool) -> Verdict {
        let Some(talk) = self.talks.get(&connection) else {
            return Ok(());
        };
        let mut duties = talk.must(&self.settings).into_iter();
        match duties.find(|duty| over(duty.due)) {
            Some(late) => broken(late.behaviour.0, format!("not done: {}", late.what)),
            None => Ok(()),
        }
    }

    /// What the driver may and must do next on a connection.
    pub fn next(&self, connection: u16) -> DriverNext {
        self.talks
            .get(&connection)
            .map_or(DriverNext::default(), |talk| DriverNext {
                may: talk.may(),
                must: talk.must(&self.settings),
            })
    }

    /// B18: each Anonymous Buffer is with one of the two.
    fn buffers(&mut self, seen: &DriverSeen) -> Verdict {
        match *seen {
            DriverSeen::Command(Command::GrantAnonymousBuffers {
                first_buffer,
                count,
                ..
            }) => {
                for number in (0..count).map(|nth| first_buffer.wrapping_add(nth)) {
                    let there = self.granted.contains(&number);
                    rule!(
                        18,
                        !there,
                        "buffer {number} is granted while the adapter has it"
                    );
                    self.granted.push(number);
                }
            }
            DriverSeen::Event(
                Event::IndicateData { buffer, .. } | Event::UploadData { buffer, .. },
            ) => self.granted.retain(|granted| *granted != buffer),
            _ => (),
        }
        Ok(())
    }

    fn judge(&mut self, connection: u16, seen: &DriverSeen) -> Verdict {
        let cycle = self.cycle;
        if let DriverSeen::Command(Command::Offload {
            indicate_window_size,
            ..
        }) = *seen
        {
            self.windows.insert(connection, indicate_window_size);
            return Ok(());
        }
        if let DriverSeen::Event(Event::Offloaded { status, .. }) = *seen {
            let own = self.windows.remove(&connection).filter(|own| *own > 0);
            if status == OffloadStatus::Ok {
                let open = self.talks.get(&connection);
                let open = open.map_or(0, |talk| talk.requests.len());
                rule!(24, open == 0, "offloaded anew, {open} requests are open");
                let talk = Talk {
                    window: own.unwrap_or(self.settings.indicate_window_size),
                    ..Talk::default()
                };
                self.talks.insert(connection, talk);
            }
            return Ok(());
        }
        let Some(talk) = self.talks.get_mut(&connection) else {
            let refusal = matches!(seen, DriverSeen::Event(Event::CommandRefused { .. }));
            let what = format!("connection {connection} is not offloaded");
            return if refusal { Ok(()) } else { broken(5, what) };
        };
        match seen {
            DriverSeen::Command(command) => talk.command(command),
            DriverSeen::Event(event) => talk.event(event, cycle),
            DriverSeen::Sent { offset, bytes, .. } => {
                talk.stream.sent(*offset, bytes, Push::No);
                Ok(())
            }
            DriverSeen::Post {
                request,
                bytes,
                pages,
                push_mode,
                ..
            } => {
                let request = Request {
                    id: *request,
                    bytes: (*bytes).into(),
                    push_mode: *push_mode,
                    cancelled: false,
                    refused: *pages > self.settings.named_buffer_pages,
                    came_back: false,
                    widest: 0,
                    place: Place::Driver,
                };
                talk.post(request, cycle)
            }
            DriverSeen::Cancel { request, .. } => {
                talk.cancel(*request);
                Ok(())
            }
            DriverSeen::Notify { data, .. } => talk.notify(data),
            DriverSeen::Answer { answer, .. } => talk.answer(*answer, cycle),
            DriverSeen::Complete {
                request,
                data,
                reason,
                ..
            } => talk.complete(*request, data, *reason, &self.settings, cycle),
        }?;
        talk.note(cycle);
        Ok(())
    }
}
