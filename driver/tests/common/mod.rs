//! A driver on a mock adapter.

#![allow(dead_code, missing_docs)] // Every test binary uses a part.

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use toe_driver::mock::{Adapter, Memory};
use toe_driver::registers::{Command, Event};
use toe_driver::{
    AcknowledgePolicy, BusAddress, Driver, Error, IndicateWindowSize, Observer, Offload,
    Parameters, Running, SeqNumber, Sources,
};

pub type MockDriver = Driver<Running<Adapter, Memory>>;

/// Sequence numbers start just below 2^32.
pub const FIRST: SeqNumber = SeqNumber::new(u32::MAX - 2);

pub fn window(bytes: u64) -> IndicateWindowSize {
    IndicateWindowSize::new(bytes).expect("a window that is in range")
}

pub fn sources(parameters: Parameters) -> Sources {
    Sources::new().user_interface(parameters)
}

/// Small buffers and a small ring, so that everything turns over often.
pub fn small(window_bytes: u64) -> Parameters {
    Parameters {
        indicate_window_size: Some(window(window_bytes)),
        anonymous_buffer_bytes: Some(64),
        anonymous_buffers: Some(16),
        host_frame_buffer_bytes: Some(128),
        host_frame_buffers: Some(4),
        event_ring_entries: Some(8),
        acknowledge: Some(AcknowledgePolicy::WindowFull),
        ..Parameters::default()
    }
}

/// What the observer saw, as text.
#[derive(Clone, Default)]
pub struct Log(Rc<RefCell<Vec<Seen>>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Event(u32, Event, Option<BusAddress>),
    Command(Command),
}

impl Log {
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.borrow_mut())
    }
}

impl Observer for Log {
    fn event(&self, number: u32, event: &Event, address: Option<BusAddress>) {
        self.0
            .borrow_mut()
            .push(Seen::Event(number, *event, address));
    }

    fn command(&self, command: &Command) {
        self.0.borrow_mut().push(Seen::Command(*command));
    }
}

pub struct Bench {
    pub adapter: Adapter,
    pub memory: Memory,
    pub driver: MockDriver,
    pub log: Log,
}

impl Bench {
    pub async fn new(parameters: Parameters) -> Self {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        let log = Log::default();
        let driver = Driver::new(adapter.clone(), memory.clone())
            .observed_by(log.clone())
            .bring_up(&sources(parameters))
            .await
            .expect("bring-up");
        Self {
            adapter,
            memory,
            driver,
            log,
        }
    }

    /// Runs `test` beside the driver, which must not end.
    pub async fn run<T>(&self, test: impl Future<Output = T>) -> T {
        tokio::select! {
            biased; // or chance decides who goes first
            error = self.driver.run() => panic!("the driver ended: {}", unwrap_error(error)),
            result = test => result,
            () = stuck() => panic!("the test waits for what does not come"),
        }
    }

    /// Runs `test` beside the driver until the driver ends.
    pub async fn run_to_error(&self, test: impl Future<Output = ()>) -> Error {
        let test = async {
            test.await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            biased; // or chance decides who goes first
            error = self.driver.run() => unwrap_error(error),
            () = test => unreachable!("it never ends"),
            () = stuck() => panic!("the driver does not end"),
        }
    }
}

/// Resolves when every task waits: then the clock, which stands still, jumps ahead.
async fn stuck() {
    tokio::time::sleep(Duration::from_secs(3600)).await;
}

fn unwrap_error<T>(result: Result<T, Error>) -> Error {
    match result {
        Ok(_) => panic!("the main loop cannot succeed"),
        Err(error) => error,
    }
}

/// The connection from port `port`.
pub fn offload(port: u16) -> Offload {
    Offload {
        source: SocketAddr::from(([192, 0, 2, 1], port)),
        destination: SocketAddr::from(([198, 51, 100, 2], 80)),
        receive_next: FIRST,
        indicate_window_size: None,
    }
}

/// Lets every other task go on until nothing more happens.
pub async fn settle() {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
}

/// `length` bytes, none like its neighbours.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|place| (place * 7 + place / 251) as u8)
        .collect()
}
