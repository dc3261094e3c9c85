//! The application of one connection: it posts, cancels, takes what it is shown, and tells the model of all that.

use futures::FutureExt;
use toe_driver::{Connection, Indication, NamedBuffer, Received, RequestId};

use super::host::{HostBus, Machine};
use super::peer::Peer;
use super::run::Observation;
use crate::model::{Answer, DriverSeen};

/// A request that is open.
struct Request {
    id: RequestId,
    name: u64,
    bytes: u32,
    push_mode: bool,
}

/// How far the end of an offload has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaving {
    /// Nobody asked for it.
    No,
    /// It begins when no frame is under way.
    Wanted,
    /// The upload is under way.
    Begun,
}

/// An offloaded connection, its application and its peer.
pub(super) struct Live {
    pub connection: Connection<HostBus>,
    pub peer: Peer,
    pub number: u16,
    pub leaving: Leaving,
    shown: Option<Indication<HostBus>>,
    eager: Option<u32>,
    requests: Vec<Request>,
    /// Bytes that the application has.
    taken: u64,
    declined: bool,
    /// `receive` says that nothing more comes.
    over: bool,
}

impl Live {
    pub fn new(connection: Connection<HostBus>, peer: Peer) -> Self {
        Live {
            number: connection.id().get(),
            connection,
            peer,
            leaving: Leaving::No,
            shown: None,
            eager: None,
            requests: Vec::new(),
            taken: 0,
            declined: false,
            over: false,
        }
    }

    /// Nothing is left that the application waits for.
    pub fn is_over(&self) -> bool {
        let untold = self.declined && self.shown.is_none();
        self.leaving == Leaving::Begun && self.requests.is_empty() && (self.over || untold)
    }

    /// A Push Timer may run: the first request watches for PSH, and may hold bytes.
    pub fn is_timing(&self) -> bool {
        let watched = self.requests.iter().any(|request| request.push_mode);
        watched && self.peer.next > self.taken
    }

    /// Posts a buffer, or asks for a notification.
    pub fn post(
        &mut self,
        machine: &Machine,
        name: u64,
        buffer: Option<(NamedBuffer<HostBus>, u32, u16)>,
        push_mode: bool,
    ) {
        let (bytes, pages) = match &buffer {
            Some((_, bytes, pages)) => (*bytes, *pages),
            None => (0, 0),
        };
        let posted = match buffer {
            Some((buffer, ..)) => self.connection.post(buffer, push_mode).ok(),
            None => self.connection.post_zero_bytes().ok(),
        };
        let Some(id) = posted else { return };
        let push_mode = push_mode && bytes > 0;
        self.declined = false;
        self.requests.push(Request {
            id,
            name,
            bytes,
            push_mode,
        });
        machine.note(Observation::Driver(DriverSeen::Post {
            connection: self.number,
            request: name,
            bytes,
            pages,
            push_mode,
        }));
        machine.posted(id, self.number, name);
    }

    pub fn cancel(&mut self, machine: &Machine, nth: u16) {
        if self.requests.is_empty() {
            return;
        }
        let request = &self.requests[usize::from(nth) % self.requests.len()];
        machine.note(Observation::Driver(DriverSeen::Cancel {
            connection: self.number,
            request: request.name,
        }));
        // Complete already, it is refused, and the model has forgotten it.
        self.connection.cancel(request.id).ok();
    }

    /// Takes so many bytes of what is shown, or as soon as something is.
    pub fn accept(&mut self, bytes: u32) {
        self.eager = Some(bytes);
    }

    pub fn decline(&mut self, machine: &Machine) -> Result<(), String> {
        let Some(shown) = self.shown.take() else {
            return Ok(());
        };
        // With a buffer posted it is taken in spite of that, and what is left is shown again.
        self.declined = self.requests.iter().all(|request| request.bytes == 0);
        self.note_answer(machine, Answer::NotAccepted);
        shown.decline().map_err(|error| error.to_string())
    }

    fn note_answer(&self, machine: &Machine, answer: Answer) {
        let connection = self.number;
        machine.note(Observation::Driver(DriverSeen::Answer {
            connection,
            answer,
        }));
    }

    /// Answers and takes what has come. True when it did something.
    pub fn act(&mut self, machine: &Machine) -> Result<bool, String> {
        let mut acted = false;
        if self.leaving == Leaving::Begun {
            self.eager = Some(u32::MAX);
        }
        loop {
            if let (Some(bytes), true) = (self.eager, self.shown.is_some()) {
                self.answer(machine, bytes)?;
                acted = true;
            }
            let Some(received) = self.connection.receive().now_or_never() else {
                return Ok(acted);
            };
            match received {
                Ok(Received::Data(shown)) => self.notified(machine, shown)?,
                Ok(Received::Completed(completion)) => {
                    let content = completion.content().now_or_never();
                    let content = content.ok_or("memory makes the application wait")?;
                    let data = content.map_err(|error| error.to_string())?;
                    self.taken += data.len() as u64;
                    let at = self
                        .requests
                        .iter()
                        .position(|request| request.id == completion.request);
                    let at = at.ok_or("a request is completed that is not open")?;
                    let request = self.requests.remove(at).name;
                    machine.complete(request, data);
                }
                Ok(Received::Closed) | Err(_) => {
                    self.over = true;
                    return Ok(acted);
                }
            }
            acted = true;
        }
    }

    fn notified(&mut self, machine: &Machine, shown: Indication<HostBus>) -> Result<(), String> {
        let mut data = vec![0; shown.length()];
        let copied = shown.copy(&mut data).now_or_never();
        let copied = copied.ok_or("memory makes the application wait")?;
        copied.map_err(|error| error.to_string())?;
        let connection = self.number;
        machine.note(Observation::Driver(DriverSeen::Notify { connection, data }));
        self.shown = Some(shown);
        Ok(())
    }

    fn answer(&mut self, machine: &Machine, bytes: u32) -> Result<(), String> {
        self.eager = None;
        let Some(shown) = self.shown.take() else {
            return Ok(());
        };
        let taken = shown.length().min(bytes as usize);
        let answer = match taken == shown.length() {
            true => Answer::Accepted,
            false => Answer::Part(taken as u64),
        };
        self.note_answer(machine, answer);
        self.taken += taken as u64;
        if self.leaving == Leaving::Begun {
            self.eager = Some(u32::MAX);
        }
        shown.accept(taken).map_err(|error| error.to_string())
    }
}
