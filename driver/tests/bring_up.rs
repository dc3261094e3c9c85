//! Start-up, step by step, and what happens when a step fails.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{Bench, Log, MockDriver, Seen, settle, small, sources, window};
use toe_driver::mock::{Adapter, Memory};
use toe_driver::registers::{Command, field, offset};
use toe_driver::{BusError, Driver, Error, Parameters, Source, Sources, Step};

async fn bring_up(adapter: &Adapter, memory: &Memory) -> Result<MockDriver, Error> {
    Driver::new(adapter.clone(), memory.clone())
        .bring_up(&sources(small(100)))
        .await
}

fn failed_at(result: Result<MockDriver, Error>, step: Step) -> Error {
    match result {
        Err(Error::BringUp {
            step: failed,
            reason,
        }) if failed == step => *reason,
        Err(error) => panic!("{error}, not at {step}"),
        Ok(_) => panic!("it worked"),
    }
}

// B4
#[tokio::test(start_paused = true)]
async fn the_adapter_gets_the_ring_the_sizes_the_window_and_the_pool() {
    let bench = Bench::new(small(100)).await;
    assert!(bench.adapter.is_enabled());
    assert_eq!(bench.adapter.resets(), 1);
    assert_eq!(bench.adapter.anonymous_buffers(), 16);
    assert_eq!(bench.adapter.host_frame_buffers(), 4);
    let [anonymous, host_frame] = bench.adapter.commands().try_into().unwrap();
    assert!(matches!(
        anonymous,
        Command::GrantAnonymousBuffers {
            first_buffer: 0,
            count: 16,
            ..
        }
    ));
    assert!(matches!(
        host_frame,
        Command::GrantHostFrameBuffers {
            first_buffer: 0,
            count: 4,
            ..
        }
    ));
    let seen = bench.log.take();
    assert_eq!(seen, [Seen::Command(anonymous), Seen::Command(host_frame)]);
    assert_eq!(bench.memory.allocated_bytes(), 16 * 64 + 4 * 128 + 8 * 8);
    let explained = bench.driver.settings().explain();
    assert_eq!(
        explained[0].to_string(),
        "indicate_window_size = 100 (user interface)"
    );
    assert_eq!(bench.driver.connections(), 4);
    assert_eq!(bench.driver.free_connections(), 4);
    assert_eq!(bench.driver.receive_ring_bytes(), 65_536);
}

// B3
#[tokio::test(start_paused = true)]
async fn the_adapter_s_own_defaults_are_read_from_it() {
    let memory = Memory::new();
    let adapter = Adapter::new(4, memory.clone());
    let driver = Driver::new(adapter.clone(), memory.clone());
    let driver = driver.bring_up(&Sources::new()).await.unwrap();
    let of_reset = driver.settings().indicate_window_size.clone();
    assert_eq!(
        (of_reset.value, of_reset.source),
        (window(65_536), Source::ResetValue)
    );
    driver.shut_down().await.unwrap();
    adapter.set_register(offset::NVRAM_INDICATE_WINDOW_SIZE, 9);
    let driver = Driver::new(adapter.clone(), memory);
    let driver = driver.bring_up(&Sources::new()).await.unwrap();
    let of_nvram = driver.settings().indicate_window_size.clone();
    assert_eq!(
        (of_nvram.value, of_nvram.source),
        (window(9), Source::Nvram)
    );
}

// B4
#[tokio::test(start_paused = true)]
async fn no_more_buffers_are_granted_than_the_adapter_can_hold() {
    let parameters = Parameters {
        anonymous_buffers: Some(1000),
        ..small(100)
    };
    let bench = Bench::new(parameters).await;
    assert_eq!(bench.adapter.anonymous_buffers(), 64);
}

// B4
#[tokio::test(start_paused = true)]
async fn the_largest_pool_is_granted_in_two_commands() {
    let memory = Memory::new();
    let adapter = Adapter::new(4, memory.clone());
    let room = field::BUFFER_ROOM_ANONYMOUS_BUFFERS.set(u32::MAX, 65_535);
    adapter.set_register(offset::BUFFER_ROOM, room);
    // All ones in a register is not all ones everywhere.
    let parameters = Parameters {
        anonymous_buffers: Some(65_536),
        ..small(100)
    };
    let driver = Driver::new(adapter.clone(), memory);
    driver.bring_up(&sources(parameters)).await.unwrap();
    assert_eq!(adapter.anonymous_buffers(), 65_535);
}

// B4
#[tokio::test(start_paused = true)]
async fn a_failure_at_any_register_access_is_undone() {
    let mut steps = Vec::new();
    for accesses in 0.. {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        adapter.fail_after(accesses);
        match bring_up(&adapter, &memory).await {
            Ok(_) => break,
            Err(Error::BringUp { step, reason }) => {
                assert!(matches!(*reason, Error::Bus(BusError::Response { .. })));
                if steps.last() != Some(&step) {
                    steps.push(step);
                }
                // A register port that is dead cannot reset the adapter. What it may know of stays allocated.
                let may_know = step > Step::AllocatePool;
                assert_eq!(
                    memory.allocated_bytes() > 0,
                    may_know,
                    "at access {accesses}"
                );
                assert!(!adapter.is_enabled() || step == Step::MakeReady);
            }
            Err(error) => panic!("{error} does not name the step"),
        }
    }
    assert_eq!(
        steps,
        [
            Step::LoadParameters,
            Step::InitialiseAdapter,
            Step::HandOverPool,
            Step::MakeReady
        ]
    );
}

// B4
#[tokio::test(start_paused = true)]
async fn a_failure_with_a_live_register_port_resets_the_adapter_and_gives_the_memory_back() {
    for (register, step) in [
        (offset::EVENT_RING_ADDRESS_LOW, Step::InitialiseAdapter),
        (offset::HOST_FRAME_BUFFER_BYTES, Step::InitialiseAdapter),
        (offset::INDICATE_WINDOW_SIZE, Step::HandOverPool),
        (offset::INTERRUPT_ENABLE, Step::MakeReady),
    ] {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        adapter.lie(register, 77);
        let reason = failed_at(bring_up(&adapter, &memory).await, step);
        assert!(
            matches!(reason, Error::RegisterLost { offset, found: 77, .. } if offset == register)
        );
        assert_eq!(memory.allocated_bytes(), 0);
        assert_eq!(adapter.resets(), 2, "once at the start, once to undo");
        assert!(!adapter.is_enabled());
    }
}

// B4
#[tokio::test(start_paused = true)]
async fn a_failing_allocation_gives_the_others_back() {
    for allocations in 0..3 {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        memory.refuse_after(allocations);
        let reason = failed_at(bring_up(&adapter, &memory).await, Step::AllocatePool);
        assert!(matches!(reason, Error::Bus(BusError::OutOfMemory { .. })));
        assert_eq!(memory.allocated_bytes(), 0);
    }
}

// B4
#[tokio::test(start_paused = true)]
async fn another_device_is_left_alone() {
    for (register, value) in [
        (offset::IDENTITY, 0x1234_5678),
        (offset::IDENTITY, u32::MAX),
        (offset::VERSION, 0x0002_0000),
    ] {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        adapter.lie(register, value);
        let reason = failed_at(bring_up(&adapter, &memory).await, Step::LoadParameters);
        assert!(matches!(
            reason,
            Error::OtherDevice { .. } | Error::AdapterGone { .. } | Error::OtherVersion { .. }
        ));
        assert_eq!(adapter.resets(), 0);
    }
}

// B4
#[tokio::test(start_paused = true)]
async fn capabilities_that_no_adapter_has_are_refused() {
    for (register, value) in [
        (offset::CONNECTIONS, 0),
        (offset::CONNECTIONS, 65_537),
        (offset::RECEIVE_RING_BYTES, 0),
        (offset::RECEIVE_RING_BYTES, 3000),
        (offset::BUFFER_ROOM, 0x0001_0000),
        (offset::BUFFER_ROOM, 0x0000_0001),
        (offset::INDICATE_WINDOW_SIZE, 0),
        (offset::ANONYMOUS_BUFFER_BYTES, 70_000),
    ] {
        let memory = Memory::new();
        let adapter = Adapter::new(4, memory.clone());
        adapter.lie(register, value);
        let reason = failed_at(bring_up(&adapter, &memory).await, Step::LoadParameters);
        assert_eq!(
            reason,
            Error::Capability {
                offset: register,
                value
            }
        );
    }
}

// B4
#[tokio::test(start_paused = true)]
async fn settings_that_cannot_be_used_name_themselves() {
    let parameters = Parameters {
        event_ring_entries: Some(100),
        ..small(100)
    };
    let memory = Memory::new();
    let adapter = Adapter::new(4, memory.clone());
    let driver = Driver::new(adapter.clone(), memory);
    let error = driver.bring_up(&sources(parameters)).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "bring-up failed at the step \"load parameters\": \
         event_ring_entries = 100 is out of range: a power of two, 2 to 65536"
    );
}

// B4
#[tokio::test(start_paused = true)]
async fn a_shut_down_resets_the_adapter_and_ends_every_call() {
    let bench = Bench::new(small(100)).await;
    let users = async {
        let mut connection = bench.driver.offload(common::offload(1)).await.unwrap();
        let mut frames = bench.driver.host_frames();
        let watch = connection.watch();
        let shut_down = async {
            settle().await;
            bench.driver.clone().shut_down().await.unwrap();
        };
        let (indication, frame, closed, ()) = tokio::join!(
            connection.indication(),
            frames.receive(),
            watch.closed(),
            shut_down
        );
        assert_eq!(indication.err(), Some(Error::ShutDown));
        assert_eq!(frame, Err(Error::ShutDown));
        assert!(!closed);
        let offload = bench.driver.offload(common::offload(2)).await;
        assert_eq!(offload.err(), Some(Error::ShutDown));
        assert_eq!(connection.upload().await, Err(Error::ShutDown));
    };
    let (ended, ()) = tokio::join!(bench.driver.run(), users);
    assert_eq!(ended.err(), Some(Error::ShutDown));
    assert_eq!(bench.memory.allocated_bytes(), 0);
    assert_eq!(bench.adapter.resets(), 2);
    assert!(!bench.adapter.is_enabled());
}

// B4
#[tokio::test(start_paused = true)]
async fn an_adapter_can_be_brought_up_again() {
    let memory = Memory::new();
    let adapter = Adapter::new(4, memory.clone());
    for _ in 0..3 {
        let driver = bring_up(&adapter, &memory).await.unwrap();
        let log = Log::default();
        assert!(log.take().is_empty());
        driver.shut_down().await.unwrap();
    }
    assert_eq!(memory.allocated_bytes(), 0);
}
