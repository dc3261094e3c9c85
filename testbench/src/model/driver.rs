//! The driver, seen from the application and from the adapter: is what it does what the behaviours allow?

use std::collections::BTreeMap;

use toe_driver::registers::{Command, Event, OffloadStatus, ReturnReason};

use super::next::{Due, Duty};
use super::seen::{command_connection, event_connection};
use super::stream::Push;
use super::talk::{Answer, DriverSettings, End, Place, Talk};
use super::violation::{Broken, Verdict, Violation, broken, rule};

/// One thing that can be seen at the driver, in the order of their happening there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DriverSeen {
    /// The driver gives the adapter a command.
    Command(Command),
    /// The driver reads an event.
    Event(Event),
    /// What the peer sends, where the content is to be judged.
    Sent {
        /// Connection.
        connection: u16,
        /// Offset from the offload's `receive_next`.
        offset: u64,
        /// Payload.
        bytes: Vec<u8>,
    },
    /// The application posts a buffer, or with 0 bytes asks for a notification.
    Post {
        /// Connection.
        connection: u16,
        /// The application's name for the request.
        request: u64,
        /// Size.
        bytes: u32,
        /// Push Mode.
        push_mode: bool,
    },
    /// The application wants a request back.
    Cancel {
        /// Connection.
        connection: u16,
        /// Which.
        request: u64,
    },
    /// The driver shows the application what is queued.
    Notify {
        /// Connection.
        connection: u16,
        /// The bytes shown.
        data: Vec<u8>,
    },
    /// The application answers a notification.
    Answer {
        /// Connection.
        connection: u16,
        /// How.
        answer: Answer,
    },
    /// The driver completes a request.
    Complete {
        /// Connection.
        connection: u16,
        /// Which.
        request: u64,
        /// The bytes in it.
        data: Vec<u8>,
        /// Why.
        reason: ReturnReason,
    },
}

/// What the driver may do next on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverMay {
    /// Show at most so many bytes.
    Notify(u64),
    /// Complete this request with at most so many bytes.
    Complete(u64, u64),
    /// Acknowledge at most so many bytes.
    Acknowledge(u64),
    /// Hand this request to the adapter.
    HandOver(u64),
}

/// The answer to a step of the driver that is allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DriverNext {
    /// What the driver may do.
    pub may: Vec<DriverMay>,
    /// What it must do.
    pub must: Vec<Duty>,
}

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

    /// Takes note of one observation at a cycle, which never goes back.
    pub fn see(&mut self, cycle: u64, seen: &DriverSeen) -> Result<DriverNext, Violation> {
        self.wait(cycle)?;
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
            Some(connection) => self.judge(connection, seen),
            None => Ok(()),
        });
        verdict.map_err(|broken| broken.at(self.cycle, connection))?;
        Ok(connection.map_or(DriverNext::default(), |connection| self.next(connection)))
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
        for (&connection, talk) in &self.talks {
            let late = talk.must(&self.settings).into_iter().find(|duty| over(duty.due));
            if let Some(duty) = late {
                let what = format!("not done: {}", duty.what);
                return Err(Broken::new(duty.behaviour.0, what).at(self.cycle, Some(connection)));
            }
        }
        Ok(())
    }

    /// What the driver may and must do next on a connection.
    pub fn next(&self, connection: u16) -> DriverNext {
        self.talks.get(&connection).map_or(DriverNext::default(), |talk| DriverNext {
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
                    rule!(18, !there, "buffer {number} is granted while the adapter has it");
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
                push_mode,
                ..
            } => talk.post(*request, *bytes, *push_mode, cycle),
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

impl Talk {
    fn may(&self) -> Vec<DriverMay> {
        let mut may = Vec::new();
        let posted = self.requests.iter().any(|request| request.bytes > 0);
        if self.queued > 0 && self.notified.is_none() && !self.blocked && !posted {
            may.push(DriverMay::Notify(self.queued));
        }
        if let Some(head) = self.requests.front() {
            match head.place {
                Place::Driver => may.push(DriverMay::Complete(head.id, self.fit())),
                Place::Adapter { back, .. } => {
                    let complete = |(bytes, _)| DriverMay::Complete(head.id, u64::from(bytes));
                    may.extend(back.map(complete));
                }
            }
        }
        let first = !self.requests.iter().any(|request| request.with_adapter());
        if first && self.acknowledgeable() > 0 {
            may.push(DriverMay::Acknowledge(self.acknowledgeable()));
        }
        let here = self.requests.iter().find(|request| request.place == Place::Driver);
        let ready = self.notified.is_none() && (!first || self.pending == self.queued);
        let large = |request: &&super::talk::Request| request.bytes > self.window.into();
        may.extend(here.filter(large).filter(|_| ready).map(|request| DriverMay::HandOver(request.id)));
        may
    }

    fn must(&self, settings: &DriverSettings) -> Vec<Duty> {
        let mut must = Vec::new();
        let mut at_rest = |behaviour, what| must.push(Duty::new(behaviour, Due::AtRest, what));
        let open = self.end == End::Open;
        let quiet = self.notified.is_none();
        if let Some(head) = self.requests.front() {
            let full = self.fit() == head.bytes && head.bytes > 0;
            match head.place {
                Place::Adapter { back: Some(_), .. } => at_rest(24, "the buffer is completed"),
                Place::Adapter { back: None, .. } => (),
                Place::Driver if quiet && (head.cancelled || !open) => at_rest(24, "the request is completed"),
                Place::Driver if full => at_rest(19, "the full buffer is returned"),
                Place::Driver if head.bytes == 0 && self.queued > 0 && quiet => {
                    at_rest(22, "the request for a notification is completed");
                }
                // Copied bytes that were acknowledged would not be skipped: such a buffer stays.
                Place::Driver
                    if head.bytes > self.window.into()
                        && quiet
                        && !head.refused
                        && self.pending >= self.queued =>
                {
                    at_rest(25, "the head of the queue is handed to the adapter");
                }
                Place::Driver => (),
            }
        } else if self.queued > 0 && quiet && !self.blocked {
            at_rest(20, "the application is notified");
        }
        let first = !self.requests.iter().any(|request| request.with_adapter());
        let taken = self.acknowledgeable();
        if open && first && taken > 0 {
            if self.pending >= self.window.into() && taken == self.pending {
                at_rest(13, "a new window is opened");
            } else if taken >= settings.acknowledge_at.into() {
                at_rest(14, "what was taken is acknowledged, as the policy says");
            }
        }
        must.extend(self.timer(settings));
        must
    }

    /// B29, B30: the Push Timer of the request that the driver fills.
    fn timer(&self, settings: &DriverSettings) -> Option<Duty> {
        self.requests.front().filter(|head| head.push_mode && self.fit() > 0)?;
        let limit = settings.push_timer_cycles + settings.late_cycles;
        Some(match self.push_at {
            Some(at) => Duty::new(29, Due::By(at + limit), "PSH returns the buffer"),
            None => {
                let due = Due::By(self.changed_at + limit);
                Duty::new(30, due, "the Push Timer returns the buffer")
            }
        })
    }
}
