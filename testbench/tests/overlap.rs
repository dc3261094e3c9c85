//! Copy and DMA at work in the same cycles (B25, B52): the driver copies what was pending as a Named Buffer was accepted, and
//! meanwhile the adapter places what follows behind it. `make waves-overlap` writes the waveform that shows it.

mod toe_bench;
mod waves;

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use toe_bench::{ACK, pattern, segment};
use toe_driver::registers::{Command, Event};
use toe_driver::{
    BusAddress, Driver, IndicateWindowSize, Observer, Offload, Parameters, Reason, Received,
    SeqNumber, Sources,
};
use toe_sim::adapter::{Adapter, AdapterSettings};
use toe_sim::frame_source::WireFrame;
use toe_sim::host_view::Overlap;
use toe_sim::models::ToeSmall;
use toe_testbench::world::{Scoreboard, World};
use verilated::{Context, RandomReset};

/// indicateWindowSize: what the driver copies.
const WINDOW: usize = 16_384;
/// The Named Buffer, in two pages; the copy ends within the first.
const PAGES: [u32; 2] = [20_480, 45_056];
const TOTAL: usize = 65_536;
/// Payload of a frame.
const SEGMENT: usize = 512;
/// What the adapter has memory for. Bytes that leave it free that only with the last of a delivery, so that the peer sends no
/// more than half of it ahead.
const RING: usize = 4_096;
/// Bytes that the host copies in a cycle: 2.5 GB/s.
const SPEED: u64 = 16;
/// Cycles in which all of it is over.
const DEADLINE: u64 = 100_000;
/// Sequence number of the first byte: soon behind it the numbers wrap.
const FIRST: u32 = u32::MAX - 999;

/// When the peer sends what follows the window.
#[derive(Clone, Copy, PartialEq)]
enum Sender {
    /// As soon as there is room.
    Streams,
    /// When the driver has copied.
    WaitsForTheCopy,
}

/// What a run showed.
struct Run {
    overlap: Overlap,
    /// Bytes that the driver copied to the Named Buffer.
    copied: u64,
    /// Bytes that the adapter skipped for that.
    skipped: u64,
}

/// Tells the adapter's model where Named Buffers lie, and the test how many bytes were skipped.
struct Watcher {
    world: World<ToeSmall>,
    skipped: Rc<Cell<u64>>,
}

impl Observer for Watcher {
    fn event(&self, _: u32, event: &Event, _: Option<BusAddress>) {
        if let Event::NamedBufferAccepted { skipped, .. } = event {
            self.skipped.set((*skipped).into());
        }
    }

    fn command(&self, command: &Command) {
        if let Command::PostNamedBuffer { address, bytes, .. } = *command {
            let mut adapter = self.world.adapter();
            adapter.watch_named_page(address, bytes.into());
        }
    }
}

/// A window's worth arrives, then the application posts one buffer for the whole stream, which goes on arriving.
fn run(sender: Sender, trace: Option<&Path>) -> Run {
    let settings = AdapterSettings {
        memory_bytes: 1 << 24,
        ..AdapterSettings::default()
    };
    let context = Context::new().seed(1).random_reset(RandomReset::Random);
    let model = ToeSmall::new(&context).expect("the model");
    let mut adapter = Adapter::new(model, &settings).expect("the adapter");
    if let Some(path) = trace {
        adapter.open_trace(path).expect("the waveform's file");
    }
    let world = World::new(adapter, Scoreboard::new());
    let run = world.run(story(world.clone(), sender));
    world.adapter().close_trace();
    run.expect("adapter and scoreboard find no fault")
}

async fn story(world: World<ToeSmall>, sender: Sender) -> Run {
    let parameters = Parameters {
        indicate_window_size: IndicateWindowSize::new(WINDOW as u64).ok(),
        anonymous_buffer_bytes: Some(2_048),
        anonymous_buffers: Some(64),
        event_ring_entries: Some(64),
        ..Parameters::default()
    };
    let sources = Sources::new().user_interface(parameters);
    let skipped = Rc::new(Cell::new(0));
    let watcher = Watcher {
        world: world.clone(),
        skipped: Rc::clone(&skipped),
    };
    let driver = Driver::new(world.bus(), world.bus())
        .observed_by(watcher)
        .bring_up(&sources)
        .await
        .expect("the driver comes up");
    world.set_copy_speed(SPEED);
    let loops = driver.clone();
    world.spawn(async move {
        let Err(error) = loops.run().await;
        panic!("the driver stopped: {error}");
    });
    let mut connection = driver
        .offload(Offload {
            source: "10.0.0.1:40000".parse().expect("an address"),
            destination: "10.0.0.2:80".parse().expect("an address"),
            receive_next: SeqNumber::new(FIRST),
            indicate_window_size: None,
        })
        .await
        .expect("the offload");
    world.spawn(send(world.clone(), connection.id().get(), sender));

    // The application is told of data, and takes so long to answer that the window is full by then.
    let Ok(Received::Data(indication)) = connection.receive().await else {
        panic!("data is told first");
    };
    world.sleep(4_000).await;
    indication.decline().expect("the driver runs");
    let buffer = driver.scattered_named_buffer(PAGES).expect("memory");
    connection.post(buffer, false).expect("the stream goes on");
    let Ok(Received::Completed(completion)) = connection.receive().await else {
        panic!("the buffer comes back");
    };
    assert_eq!(
        (completion.bytes, completion.reason),
        (TOTAL as u64, Reason::Full)
    );
    let content = completion.content().await.expect("its bytes");
    assert!(content == pattern(0, TOTAL), "the bytes are the peer's");
    let copied = connection.statistics().copied_bytes;
    let overlap = world.adapter().overlap();
    Run {
        overlap,
        copied,
        skipped: skipped.get(),
    }
}

/// The peer: a window's worth, what the adapter can hold beyond it, and then whatever there is room for.
async fn send(world: World<ToeSmall>, connection: u16, sender: Sender) {
    let all_copied = WINDOW as u64 / SPEED;
    for sent in (0..TOTAL).step_by(SEGMENT) {
        loop {
            let placed = {
                let adapter = world.adapter();
                let scoreboard = world.scoreboard();
                scoreboard.placed(connection, &adapter.memory).unwrap_or(0)
            };
            let delivered = sent.min(WINDOW) + placed as usize;
            let has_room = sent + SEGMENT <= delivered + RING / 2;
            let copied = world.adapter().overlap().copying >= all_copied;
            if has_room && (sent < WINDOW || sender == Sender::Streams || copied) {
                break;
            }
            assert!(
                world.cycle() < DEADLINE,
                "{sent} bytes are sent, {placed} placed"
            );
            world.sleep(16).await;
        }
        let sequence = FIRST.wrapping_add(sent as u32);
        let bytes = segment(0, sequence, ACK, &pattern(sent, SEGMENT));
        world.adapter().push_frame(WireFrame { bytes, bad: false });
    }
}

// B25, B52
#[test]
fn the_adapter_places_bytes_in_the_cycles_in_which_the_driver_copies_those_skipped() {
    let Run {
        overlap,
        copied,
        skipped,
    } = run(Sender::Streams, None);
    let Overlap {
        copying,
        beats,
        both,
    } = overlap;
    let said = format!(
        "{both} of the {copying} cycles of the copy ({copied} bytes) carry one of the {beats} beats of the DMA"
    );
    println!("{said}");
    assert_eq!((copied, skipped), (WINDOW as u64, WINDOW as u64), "{said}");
    assert_eq!(copying, WINDOW as u64 / SPEED, "{said}");
    assert_eq!(beats as usize, (TOTAL - WINDOW) / 8, "{said}");
    assert!(both > 0, "the DMA waited for the copy: {said}");
    // The line brings a beat almost every cycle, and so much is placed.
    assert!(both * 10 >= copying * 9, "{said}");
}

#[test]
fn the_count_of_common_cycles_is_0_when_the_bytes_come_after_the_copy() {
    let overlap = run(Sender::WaitsForTheCopy, None).overlap;
    assert_eq!(overlap.both, 0, "{overlap:?}");
    assert_eq!(overlap.copying, WINDOW as u64 / SPEED, "{overlap:?}");
    assert_eq!(overlap.beats as usize, (TOTAL - WINDOW) / 8, "{overlap:?}");
}

// B25, B52
#[test]
fn the_waveform_shows_every_signal_of_its_view_and_the_same_cycles() {
    let path = waves::place("overlap.fst");
    let overlap = run(Sender::Streams, Some(&path)).overlap;
    let trace = waves::Trace::read(&path);
    let waves::View { signals, start } = waves::View::read("overlap.gtkw");
    assert!(signals.len() > 10, "{signals:?}");
    let missing: Vec<_> = signals.iter().filter(|name| !trace.has(name)).collect();
    assert!(missing.is_empty(), "not in {}: {missing:?}", path.display());
    for (name, cycles) in [
        ("host_copying", overlap.copying),
        ("host_dma_beat", overlap.beats),
        ("host_copy_and_dma", overlap.both),
    ] {
        let name = format!("TOP.toe_observed.{name}");
        assert_eq!(trace.cycles_high(&name), cycles, "{name}");
    }
    // The view begins a little before the copy: else `[timestart]` and the marker are to be moved.
    let copy = trace.first_high("TOP.toe_observed.host_copying");
    let lead = copy.checked_sub(start);
    assert!(
        lead.is_some_and(|lead| lead < 4_000_000),
        "{start} ps, {copy} ps"
    );
    println!("waveform: {}", path.display());
}
