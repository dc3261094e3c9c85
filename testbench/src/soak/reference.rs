//! A bench without hardware: the reference driver on the reference adapter, to try out scripts, models and shrinker.

use std::collections::BTreeMap;

use toe_driver::registers::Command;

use super::run::{Bench, Observation};
use super::script::{Operation, Script, content};
use crate::model::{
    Answer, DriverSettings, Fault, Page, ReferenceAdapter, ReferenceDriver, Settings,
};

/// Where the Anonymous Buffers lie, and how many there are.
const POOL: u64 = 0x1000_0000;
const BUFFERS: u16 = 64;
/// Where Named Buffers lie, and how far their pages are apart.
const NAMED: u64 = 0x4000_0000;
const PAGE: u64 = 0x1_0000;

/// The bench.
#[derive(Debug)]
pub struct ReferenceBench {
    settings: (Settings, DriverSettings),
    driver: ReferenceDriver,
    seed: u64,
    next_page: u64,
    next_request: u64,
    /// What the application will take as soon as it is shown something.
    eager: BTreeMap<u16, u32>,
    rests: bool,
}

impl ReferenceBench {
    /// A bench for a script; with a fault, one whose adapter breaks a behaviour.
    pub fn new(script: &Script, fault: Option<Fault>) -> Self {
        let said = &script.settings;
        let settings = Settings {
            indicate_window_size: said.window,
            anonymous_buffer_bytes: said.anonymous,
            anonymous_buffers: BUFFERS.into(),
            push_timer_cycles: said.push_timer.into(),
            early_cycles: 0,
            late_cycles: 4_000,
            ..Settings::default()
        };
        let policy = DriverSettings {
            indicate_window_size: said.window,
            acknowledge_at: said.acknowledge,
            named_buffer_pages: 16,
            push_timer_cycles: said.push_timer.into(),
            early_cycles: 0,
            late_cycles: 4_000,
        };
        let stride = u64::from(said.anonymous).next_multiple_of(64);
        let adapter = ReferenceAdapter::new(settings.clone(), script.seed, fault);
        let driver = ReferenceDriver::new(adapter, policy.clone(), POOL, stride, BUFFERS);
        ReferenceBench {
            settings: (settings, policy),
            driver,
            seed: script.seed,
            next_page: NAMED,
            next_request: 0,
            eager: BTreeMap::new(),
            rests: false,
        }
    }

    fn segment(&mut self, connection: u16, distance: i32, bytes: u32, push: bool) {
        let next = self.driver.adapter.in_order(connection);
        let offset = next.saturating_add_signed(distance.into());
        let byte = |at| content(self.seed, connection, at);
        let data: Vec<u8> = (offset..offset + u64::from(bytes)).map(byte).collect();
        self.driver.sent(connection, offset, data.clone());
        self.driver.adapter.segment(connection, offset, &data, push);
    }

    /// A buffer scattered over pages of about equal size, the later ones at odd addresses too.
    fn post(&mut self, connection: u16, bytes: u32, align: u16, pages: u16, push: bool) {
        let count = u32::from(pages.max(1)).min(bytes);
        let mut list = Vec::new();
        for at in 0..count {
            list.push(Page {
                address: self.next_page + u64::from(align) + u64::from(at),
                bytes: bytes / count + u32::from(at < bytes % count),
            });
            self.next_page += PAGE;
        }
        self.next_request += 1;
        self.driver.post(connection, self.next_request, list, push);
    }

    fn answer(&mut self) {
        for (connection, bytes) in self.eager.clone() {
            let Some(shown) = self.driver.shown(connection) else {
                continue;
            };
            self.eager.remove(&connection);
            let all = u64::from(bytes) >= shown;
            let answer = if all {
                Answer::Accepted
            } else {
                Answer::Part(bytes.into())
            };
            self.driver.answer(connection, answer);
        }
    }
}

impl Bench for ReferenceBench {
    fn settings(&self) -> (Settings, DriverSettings) {
        self.settings.clone()
    }

    fn apply(&mut self, operation: &Operation) -> Result<(), String> {
        self.rests = false;
        match *operation {
            Operation::Offload { connection, window } => {
                let closed = self.driver.adapter.is_closed(connection);
                if closed && self.driver.is_done(connection) {
                    self.driver.command(Command::Offload {
                        connection,
                        destination_port: 80,
                        source_port: 40000 + connection,
                        receive_next: u32::MAX - 99,
                        indicate_window_size: window,
                        ipv6: false,
                    });
                }
            }
            Operation::Segment {
                connection,
                distance,
                bytes,
                push,
            } => self.segment(connection, distance, bytes, push),
            Operation::Fin { connection } => self.driver.adapter.end(connection, false),
            Operation::Reset { connection } => self.driver.adapter.end(connection, true),
            Operation::Post {
                connection,
                bytes,
                align,
                pages,
                push,
            } => self.post(connection, bytes, align, pages, push),
            Operation::Cancel { connection, nth } => self.driver.cancel(connection, nth),
            Operation::Accept { connection, bytes } => {
                self.eager.insert(connection, bytes);
            }
            Operation::Decline { connection } => {
                self.driver.answer(connection, Answer::NotAccepted);
            }
            Operation::Window { connection, bytes } => self.driver.window(connection, bytes),
            Operation::Upload { connection } => {
                if self.driver.knows(connection) && !self.driver.adapter.is_closed(connection) {
                    self.driver.command(Command::Upload { connection });
                }
            }
            Operation::Stall { cycles, .. } => self.driver.adapter.stall(cycles.into()),
            Operation::Wait { .. } | Operation::Rest => (),
        }
        Ok(())
    }

    fn poll(&mut self, cycles: u64) -> Result<Vec<(u64, Observation)>, String> {
        let end = self.driver.adapter.cycle() + cycles;
        while self.driver.adapter.cycle() < end {
            self.answer();
            self.rests = !self.driver.step(end);
            if self.rests {
                self.driver.adapter.advance(end);
            }
        }
        Ok(self.driver.seen())
    }

    fn cycle(&self) -> u64 {
        self.driver.adapter.cycle()
    }

    fn is_at_rest(&self) -> bool {
        self.rests
    }
}
