//! The world around the adapter: captures, the peers in them, applications, scoreboards, reports.
//!
//! A capture through the RTL, from a test of yours:
//!
//! ```
//! use std::{path::Path, rc::Rc};
//! use toe_driver::{Parameters, Sources};
//! use toe_sim::{adapter::AdapterSettings, models::Toe};
//! use toe_testbench::{capture::Capture, flows};
//! use toe_testbench::world::{Application, Pace, ReplaySettings, run_replay};
//!
//! let capture = Capture::read(Path::new("demo/wrap_loss3_up_150k.pcap"))?;
//! let frames: Rc<[_]> = flows::prepare(capture.frames, false).frames.into();
//! let flows = Rc::new(flows::scan(&frames));
//! let settings = ReplaySettings {
//!     sources: Sources::new().user_interface(Parameters {
//!         indicate_window_size: Some("8192".parse()?),
//!         ..Parameters::default()
//!     }),
//!     application: Application::Accept,
//!     pace: Pace::AsSoonAsPossible,
//!     adapter: AdapterSettings::default(), // stalls and their seed
//!     max_connections: None,
//!     trace: None, // or a file: the waveform
//!     streams: None,
//! };
//! let model = Toe::new(&verilated::Context::new())?;
//! let outcome = run_replay(model, &frames, &flows, settings, |_, _| {})?;
//! assert!(outcome.streams.iter().all(|stream| stream.all_delivered));
//! assert_eq!(outcome.streams[0].bytes, 153_600);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod defaults;

pub mod bench;
pub mod capture;
pub mod flows;
pub mod model;
pub mod mutants;
pub mod report;
pub mod soak;
pub mod world;

pub use defaults::{SIMULATED_CONNECTIONS, adapter_defaults};
