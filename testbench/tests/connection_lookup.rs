//! `rtl/rx/connection_lookup.v`, with room for 512 connections: who is offloaded, and who only looks like it.

mod frames;

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use frames::{Tuple, below, port_words};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use toe_sim::models::ConnectionLookup;
use toe_sim::trial::trials;
use verilated::{Context, Error, RandomReset};

const CONNECTIONS: u16 = 512;
const OK: u8 = 0;
const BUSY: u8 = 1;
const NO_ROOM: u8 = 2;
const DUPLICATE: u8 = 3;
const BAD_CONNECTION: u8 = 4;

struct Bench {
    dut: ConnectionLookup,
    rng: ChaCha8Rng,
    numbers: HashMap<u16, Tuple>,
    table: HashMap<Tuple, u16>,
}

impl Bench {
    fn new(seed: u64, wave: Option<&Path>) -> Result<Self, Error> {
        let context = Context::new().seed(seed).random_reset(RandomReset::Random);
        let mut dut = ConnectionLookup::new(&context)?;
        if let Some(wave) = wave {
            dut.open_trace(wave)?;
        }
        dut.set_rst(1);
        dut.set_lookup_command_valid(0);
        dut.set_quiet(0);
        dut.set_change_ready(1);
        let mut bench = Self {
            dut,
            rng: ChaCha8Rng::seed_from_u64(seed),
            numbers: HashMap::new(),
            table: HashMap::new(),
        };
        bench.idle(3)?;
        bench.dut.set_rst(0);
        // The tables are emptied first: no frame may come before.
        let mut cycles = 0;
        loop {
            bench.dut.settle()?;
            if bench.dut.hold() == 0 {
                break;
            }
            bench.dut.rise()?;
            cycles += 1;
            assert!(cycles < 1000, "the tables are never empty");
        }
        Ok(bench)
    }

    fn idle(&mut self, cycles: usize) -> Result<(), Error> {
        self.dut.set_frame_start(0);
        self.dut.set_frame_address_valid(0);
        self.dut.set_frame_address(0);
        self.dut.set_frame_ports_valid(0);
        self.dut.set_frame_ports(0);
        for _ in 0..cycles {
            self.dut.cycle()?;
        }
        Ok(())
    }

    /// Gives a command and tells its status. A change is announced with the answer exactly when it is done.
    fn command(&mut self, tuple: Option<Tuple>, connection: u16) -> Result<u8, Error> {
        self.dut.set_lookup_command_connection(connection);
        self.dut
            .set_lookup_command_insert(u8::from(tuple.is_some()));
        if let Some(tuple) = tuple {
            self.dut
                .set_lookup_command_source(&port_words(tuple.source));
            self.dut
                .set_lookup_command_destination(&port_words(tuple.destination));
            self.dut.set_lookup_command_source_port(tuple.source_port);
            self.dut
                .set_lookup_command_destination_port(tuple.destination_port);
            self.dut.set_lookup_command_ipv6(u8::from(tuple.is_ipv6()));
        }
        self.dut.set_lookup_command_valid(1);
        self.dut.set_quiet(0);
        // Nothing is done while frames may still be on their way.
        for _ in 0..below(&mut self.rng, 20) {
            self.dut.settle()?;
            assert_eq!((self.dut.hold(), self.dut.lookup_answer_valid()), (1, 0));
            self.dut.rise()?;
        }
        self.dut.set_quiet(1);
        for _ in 0..40 {
            self.dut.settle()?;
            let answered = self.dut.lookup_answer_valid() == 1;
            let status = self.dut.lookup_answer_status();
            assert_eq!(answered, self.dut.lookup_command_ready() == 1);
            assert_eq!(answered && status == OK, self.dut.change_valid() == 1);
            self.dut.rise()?;
            if answered {
                self.dut.set_lookup_command_valid(0);
                self.idle(1)?;
                self.dut.set_quiet(0);
                return Ok(status);
            }
        }
        panic!("no answer");
    }

    fn insert(&mut self, tuple: Tuple, connection: u16) -> Result<(), Error> {
        assert_eq!(self.command(Some(tuple), connection)?, OK, "{tuple:?}");
        self.table.insert(tuple, connection);
        self.numbers.insert(connection, tuple);
        Ok(())
    }

    fn remove(&mut self, connection: u16) -> Result<(), Error> {
        assert_eq!(self.command(None, connection)?, OK);
        let tuple = self.numbers.remove(&connection);
        self.table.retain(|other, _| Some(*other) != tuple);
        Ok(())
    }

    /// Looks up as a frame does. Tells whether a tag hit, and the connection if the whole tuple is right.
    fn look_up(&mut self, tuple: &Tuple) -> Result<(bool, Option<u16>), Error> {
        self.idle(1)?;
        self.dut.set_frame_start(1);
        self.dut.cycle()?;
        let [s, d] = [port_words(tuple.source), port_words(tuple.destination)];
        let pair = |first: u32, second: u32| u64::from(first) << 32 | u64::from(second);
        let pairs = if tuple.is_ipv6() {
            vec![
                pair(s[3], s[2]),
                pair(s[1], s[0]),
                pair(d[3], d[2]),
                pair(d[1], d[0]),
            ]
        } else {
            vec![pair(s[0], d[0])]
        };
        let together = self.rng.next_u32() & 1 == 1;
        for (place, &address) in pairs.iter().enumerate() {
            let bubbles = below(&mut self.rng, 2);
            self.idle(bubbles)?;
            self.dut.set_frame_address_valid(1);
            self.dut.set_frame_address(address);
            self.dut.set_frame_address_ipv6(u8::from(tuple.is_ipv6()));
            if !(together && place + 1 == pairs.len()) {
                self.dut.cycle()?;
            }
        }
        if !together {
            self.idle(1)?;
        }
        self.dut.set_frame_ports_valid(1);
        let ports = u32::from(tuple.source_port) << 16 | u32::from(tuple.destination_port);
        self.dut.set_frame_ports(ports);
        self.dut.cycle()?;
        self.idle(2)?;
        self.dut.settle()?;
        let (hit, connection) = (self.dut.hit() == 1, self.dut.connection());
        self.dut.rise()?;
        self.dut.settle()?;
        let whole = hit && self.dut.tuple_parts() == 0x1FF;
        Ok((hit, whole.then_some(connection)))
    }

    /// What is offloaded is found, and its neighbours are not.
    fn verify(&mut self, tuple: Tuple) -> Result<(), Error> {
        let expected = self.table.get(&tuple).copied();
        assert_eq!(self.look_up(&tuple)?.1, expected, "{tuple:?}");
        let mut other = tuple;
        match below(&mut self.rng, 4) {
            0 => other.source_port ^= 1 << below(&mut self.rng, 16),
            1 => other.destination_port ^= 1 << below(&mut self.rng, 16),
            2 => std::mem::swap(&mut other.source, &mut other.destination),
            _ => std::mem::swap(&mut other.source_port, &mut other.destination_port),
        }
        let expected = self.table.get(&other).copied();
        assert_eq!(self.look_up(&other)?.1, expected, "{other:?}");
        Ok(())
    }
}

/// Kinds of sets, each over IPv4 and over IPv6.
const SETS: u64 = 2 * 9;

/// Sets of tuples as they occur: one client or many, one server or many, ports that count up, both directions.
fn structured(rng: &mut ChaCha8Rng, set: u64) -> Vec<Tuple> {
    let ipv6 = set % 2 == 1;
    let base = Tuple::random(rng, ipv6);
    let count = |address: IpAddr, by: u32| match address {
        IpAddr::V4(address) => IpAddr::V4(u32::from(address).wrapping_add(by).into()),
        IpAddr::V6(address) => IpAddr::V6(u128::from(address).wrapping_add(by.into()).into()),
    };
    (0..u32::from(CONNECTIONS))
        .map(|at| {
            let mut tuple = base;
            match set / 2 {
                0 => tuple.source_port = tuple.source_port.wrapping_add(at as u16),
                1 => tuple.source = count(tuple.source, at),
                2 => tuple.destination = count(tuple.destination, at << 8),
                3 => {
                    tuple.source = count(tuple.source, at % 32);
                    tuple.source_port = tuple.source_port.wrapping_add((at / 32) as u16);
                }
                4 => {
                    tuple.source = count(tuple.source, at % 23);
                    tuple.destination = count(tuple.destination, at / 23);
                }
                5 => {
                    tuple.destination_port = tuple.destination_port.wrapping_add((at / 2) as u16);
                    if at % 2 == 1 {
                        std::mem::swap(&mut tuple.source, &mut tuple.destination);
                        std::mem::swap(&mut tuple.source_port, &mut tuple.destination_port);
                    }
                }
                6 => {
                    tuple.source = count(tuple.source, at / 2);
                    tuple.source_port = tuple.source_port.wrapping_add((at / 2) as u16);
                    if at % 2 == 1 {
                        std::mem::swap(&mut tuple.source, &mut tuple.destination);
                        std::mem::swap(&mut tuple.source_port, &mut tuple.destination_port);
                    }
                }
                7 => {
                    tuple.source = count(tuple.source, at);
                    tuple.destination = count(tuple.destination, at);
                    tuple.destination_port = tuple.destination_port.wrapping_sub(at as u16);
                }
                _ => tuple = Tuple::random(rng, ipv6),
            }
            tuple
        })
        .collect()
}

#[test]
fn as_many_tuples_as_connections_find_room_whatever_their_structure() {
    trials("connection_lookup_room", 0..5 * SETS, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let tuples = structured(&mut bench.rng, seed % SETS);
        for (connection, &tuple) in (0..).zip(&tuples) {
            bench.insert(tuple, connection)?;
        }
        for &tuple in &tuples {
            bench.verify(tuple)?;
        }
        Ok::<(), Error>(())
    });
}

#[test]
fn the_table_follows_every_change() {
    trials("connection_lookup_changes", 0..8, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        let mut tuples = vec![];
        for _ in 0..400 {
            let ipv6 = bench.rng.next_u32() % 3 == 0;
            tuples.push(Tuple::random(&mut bench.rng, ipv6));
        }
        for _ in 0..1500 {
            let tuple = tuples[below(&mut bench.rng, tuples.len())];
            let connection = below(&mut bench.rng, CONNECTIONS.into()) as u16;
            let (used, known) = (
                bench.numbers.contains_key(&connection),
                bench.table.contains_key(&tuple),
            );
            match below(&mut bench.rng, 4) {
                0 if used => bench.remove(connection)?,
                0 => assert_eq!(bench.command(None, connection)?, BUSY),
                1 if used => assert_eq!(bench.command(Some(tuple), connection)?, BUSY),
                1 if known => assert_eq!(bench.command(Some(tuple), connection)?, DUPLICATE),
                1 => bench.insert(tuple, connection)?,
                2 => {
                    let connection = CONNECTIONS << below(&mut bench.rng, 7);
                    let status = bench.command(Some(tuple), connection)?;
                    assert_eq!(status, BAD_CONNECTION);
                    assert_eq!(bench.command(None, connection)?, BUSY);
                }
                _ => bench.verify(tuple)?,
            }
        }
        Ok::<(), Error>(())
    });
}

/// A tuple with the hash of `tuple`: of two IPv4 addresses only `source ^ turn(destination)` enters the hash.
fn twin(tuple: Tuple, destination: u32) -> Tuple {
    let (IpAddr::V4(source), IpAddr::V4(old)) = (tuple.source, tuple.destination) else {
        panic!("an IPv4 tuple");
    };
    let change = (u32::from(old) ^ destination).rotate_left(13);
    Tuple {
        source: Ipv4Addr::from(u32::from(source) ^ change).into(),
        destination: Ipv4Addr::from(destination).into(),
        ..tuple
    }
}

#[test]
fn a_tuple_of_the_same_hash_is_told_apart_and_refused_until_there_is_room() {
    trials("connection_lookup_twins", 0..6, |seed, wave| {
        let mut bench = Bench::new(seed, wave)?;
        for connection in 0..60 {
            let tuple = Tuple::random(&mut bench.rng, false);
            let destination = bench.rng.next_u32();
            let twin = twin(tuple, destination);
            bench.insert(tuple, connection)?;
            assert_eq!(bench.look_up(&twin)?, (true, None), "{twin:?}");
            let status = bench.command(Some(twin), 100 + connection)?;
            assert_eq!(status, NO_ROOM);
            bench.verify(tuple)?;
            if connection % 3 == 0 {
                bench.remove(connection)?;
                bench.insert(twin, connection)?;
                bench.verify(twin)?;
                bench.verify(tuple)?;
            }
        }
        Ok::<(), Error>(())
    });
}
