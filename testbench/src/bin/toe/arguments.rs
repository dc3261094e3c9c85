//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use toe_driver::{AcknowledgePolicy, IndicateWindowSize};

use crate::values::{
    ApplicationValue, PaceValue, PolicyValue, StallsValue, acknowledge, time, window,
};

/// A TCP offload engine in simulation: real frames in, the application's bytes out
///
/// An offload engine is a network adapter that runs TCP itself: it takes frames from the wire and
/// hands each connection's bytes to the host. This command puts the engine's RTL, compiled by
/// Verilator, between your captures and a model of the host, and checks every byte on the way.
#[derive(Debug, Parser)]
#[command(
    name = "toe",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    disable_help_subcommand = true,
    after_long_help = "\
Start here:
  toe replay testbench/demo/wrap_loss3_up_150k.pcap
  toe capture eth0 --count 1000 && toe replay eth0.pcapng --repair-checksums

Exit status: 0 done, 1 the run found a fault, 2 bad usage or bad input (one line tells)."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Replay(ReplayArguments),
    Capture(CaptureArguments),
    Bench(BenchArguments),
    Params(ParamsArguments),
    /// Print the completion script of a shell
    ///
    /// For bash: toe completions bash > ~/.local/share/bash-completion/completions/toe
    Completions {
        /// The shell
        shell: Shell,
    },
}

/// Run captures through the RTL; report per connection; deliver the byte streams
///
/// Every frame of the captures goes to the adapter's MAC port, in order. Each direction of each
/// TCP connection is offloaded from its SYN, or from its first segment where the capture starts
/// later; the adapter reassembles it, and the driver hands its bytes to an application. Frames
/// that are no TCP of an offloaded connection go to the host whole, as with any network adapter.
///
/// Captures are pcap or pcapng, plain or .gz, of Ethernet, Linux cooked, raw IP or loopback.
///
/// While it runs, a scoreboard holds every delivery against an independent reassembly of the
/// capture. A stream that differs, or lacks bytes that the capture holds, is a fault: status 1.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  toe replay trace.pcapng                       a table of what came out
  toe replay trace.pcapng --streams out         each direction's bytes, a file each
  toe replay trace.pcapng --window 1460         deliver at most one segment unacknowledged
  toe replay trace.pcapng --app slow --think 50us --json - | jq .connections
  toe replay trace.pcapng --policy copy         the same bytes, all of them copied
  toe replay trace.pcapng --stalls heavy --seed 7 --trace run.fst

The table goes to standard output, hints and progress to standard error.")]
pub(crate) struct ReplayArguments {
    /// Capture files, replayed one after another
    #[arg(value_name = "CAPTURE", required = true)]
    pub captures: Vec<PathBuf>,

    /// indicateWindowSize: bytes that the adapter may deliver unacknowledged, for each connection
    #[arg(long, value_name = "BYTES", value_parser = window, help_heading = "Driver and adapter")]
    pub window: Option<IndicateWindowSize>,

    /// What becomes of data that nobody has posted a buffer for [default: indicate]
    #[arg(long, value_enum, help_heading = "Driver and adapter")]
    pub policy: Option<PolicyValue>,

    /// Parameter file of the driver, TOML; `toe params` lists its keys
    #[arg(long, value_name = "FILE.toml", help_heading = "Driver and adapter")]
    pub params: Option<PathBuf>,

    /// When the driver acknowledges: window-full, every-acceptance, or a fraction of the window
    #[arg(long, value_name = "WHEN", value_parser = acknowledge, help_heading = "Driver and adapter")]
    pub acknowledge: Option<AcknowledgePolicy>,

    /// Offload no more connections at once than this; the adapter may hold fewer
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(1..),
        help_heading = "Driver and adapter"
    )]
    pub max_connections: Option<u32>,

    /// How the application takes its data
    #[arg(
        long,
        value_enum,
        default_value = "stream",
        help_heading = "The world around"
    )]
    pub app: ApplicationValue,

    /// Time that a slow or transaction application thinks about each indication, such as 50us [default: 20us]
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "The world around")]
    pub think: Option<Duration>,

    /// Bytes of each Named Buffer that an application posts; larger than the window, or the adapter never has it
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=1 << 30), help_heading = "The world around")]
    pub buffer: Option<u32>,

    /// Named Buffers that a stream application keeps posted
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024), help_heading = "The world around")]
    pub ahead: Option<u32>,

    /// When frames are sent: asap, captured (at their times), or a rate: RATE[k|M|G]bit
    #[arg(
        long,
        value_name = "PACE",
        default_value = "asap",
        help_heading = "The world around"
    )]
    pub pace: PaceValue,

    /// How much the buses around the adapter stall at random
    #[arg(
        long,
        value_enum,
        default_value = "none",
        help_heading = "The world around"
    )]
    pub stalls: StallsValue,

    /// Seed of every random choice; same captures, settings and seed give the same report
    #[arg(
        long,
        value_name = "N",
        default_value_t = 1,
        help_heading = "The world around"
    )]
    pub seed: u64,

    /// Repair wrong checksums: the capture was taken before the sender's NIC filled them in
    #[arg(long, help_heading = "Input")]
    pub repair_checksums: bool,

    /// Of a damaged capture, replay the frames before the damage
    #[arg(long, help_heading = "Input")]
    pub salvage: bool,

    /// Write each direction's bytes to DIR/SRC.SPORT-DST.DPORT (of IPv6 with `_` for `:`)
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub streams: Option<PathBuf>,

    /// Write the report as JSON; `-` is standard output, and then no table is printed
    #[arg(long, value_name = "FILE|-", help_heading = "Output")]
    pub json: Option<PathBuf>,

    /// Write a waveform of every signal; the end of the name, .fst or .vcd, chooses the format
    #[arg(long, value_name = "FILE.fst", help_heading = "Output")]
    pub trace: Option<PathBuf>,

    /// Write the frames that the adapter sends (none yet: it has no transmit path)
    #[arg(long, value_name = "FILE.pcapng", help_heading = "Output")]
    pub transmitted: Option<PathBuf>,

    /// Leave this machine's speed out of the report, so that reports can be compared as files
    #[arg(long, help_heading = "Output")]
    pub reproducible: bool,

    /// No table, no progress, no hints: the exit status, errors, and the files asked for
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,
}

/// Record frames from a network interface into a pcapng file, ready to replay
///
/// Records the frames that arrive at the interface, as an adapter in its place would see them,
/// until a count or a time is reached, or Ctrl-C. Needs the right to open packet sockets (root,
/// or CAP_NET_RAW; with CAP_NET_ADMIN also a receive buffer of 16 MB).
///
/// The kernel strips VLAN tags before a packet socket sees a frame, and frames that come from the
/// same machine (veth, loopback, virtual machines) have no checksums yet: replay them with
/// --repair-checksums, or record with `ethtool -K PEER tx off` at the sender's side.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  toe capture eth0 --count 1000
  toe capture eth0 --duration 10s --output web.pcapng
  toe capture lo --outgoing")]
pub(crate) struct CaptureArguments {
    /// The interface; a wrong name gets you the list
    pub interface: String,

    /// The file to write [default: INTERFACE.pcapng]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Overwrite the file if it exists
    #[arg(long)]
    pub force: bool,

    /// Stop after this many frames
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// Stop after this time, such as 500ms or 10s
    #[arg(long, short, value_name = "TIME", value_parser = time)]
    pub duration: Option<Duration>,

    /// Record frames that this machine sends as well
    #[arg(long)]
    pub outgoing: bool,
}

/// Measure the simulation's speed and the datapath
///
/// Simulated cycles and frames a second; the same frames through a bare C++ loop over the same
/// model, in the same run; what tracing costs; and the datapath's figures in clock cycles.
#[derive(Debug, Args)]
pub(crate) struct BenchArguments {
    /// Frames to run
    #[arg(long, value_name = "N", default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: u64,

    /// Write the figures as JSON; `-` is standard output
    #[arg(long, value_name = "FILE|-")]
    pub json: Option<PathBuf>,
}

/// Print the settings in force, and the source of each
///
/// Sources, first found wins: the command line; the parameter file; the adapter's NVRAM; the
/// reset value of the adapter's registers; the driver's own default.
#[derive(Debug, Args)]
#[command(after_long_help = "\
A parameter file holds the keys of the first column:
  indicate_window_size = 65536
  acknowledge = 0.5")]
pub(crate) struct ParamsArguments {
    /// indicateWindowSize in bytes, as for replay
    #[arg(long, value_name = "BYTES", value_parser = window)]
    pub window: Option<IndicateWindowSize>,

    /// What becomes of data that nobody has posted a buffer for, as for replay
    #[arg(long, value_enum)]
    pub policy: Option<PolicyValue>,

    /// Parameter file of the driver, TOML
    #[arg(long, value_name = "FILE.toml")]
    pub params: Option<PathBuf>,

    /// When the driver acknowledges: window-full, every-acceptance, or a fraction of the window
    #[arg(long, value_name = "WHEN", value_parser = acknowledge)]
    pub acknowledge: Option<AcknowledgePolicy>,
}
