//! What the frames of a capture say about TCP, found before they meet the adapter.
//!
//! ```text
//!  frames ─► prepare ────────► scan ─────────► Flows: a Stream for each direction
//!            (super-frames,    (4-tuples,        bytes expected, holes, FIN, RST,
//!             checksums)        reassembly)      segments by frame number
//! ```
//!
//! This is the answer that the scoreboard holds the adapter to, so it shares no code with the
//! driver: its own view of a frame, its own sequence arithmetic, its own reassembly, tested
//! against the independent answers that come with the captures.

mod assembly;
mod checksum;
mod hint;
mod prepare;
mod scan;
mod seq;
mod stream;
mod view;

pub use assembly::{Alternative, Assembly};
pub use hint::ChecksumStatistics;
pub use prepare::{LARGEST_FRAME_BYTES, Prepared, data_behind_syn, prepare, repair_checksums};
pub use scan::{Flows, Verdict, scan};
pub use seq::SeqNumber;
pub use stream::{Ending, Segment, Start, Stream};
pub use view::{Flags, Layout, MAXIMUM_VLAN_TAGS, Outside, TcpView};
