//! Wrong checksums: damage on the wire, or work that the sender left to its NIC?

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::scan::Verdict;
use super::view::TcpView;

/// Fewer wrong checksums than this from one sender show no habit.
const FEWEST_OF_A_HABIT: u64 = 3;

/// Nearly all of a sender's frames, and not by chance.
pub(super) fn is_habit(wrong: u64, frames: u64) -> bool {
    wrong >= FEWEST_OF_A_HABIT && wrong * 10 >= frames * 9
}

#[derive(Clone, Copy, Debug, Default)]
struct Sender {
    frames: u64,
    wrong: u64,
}

/// Checksums of the TCP frames of a capture.
#[derive(Clone, Debug, Default)]
pub struct ChecksumStatistics {
    /// TCP frames looked at.
    pub frames: u64,
    /// Frames with a wrong IPv4 header checksum.
    pub wrong_ip: u64,
    /// Frames with a wrong TCP checksum (and a right IPv4 one).
    pub wrong_tcp: u64,
    /// Of the wrong ones, those that hold just the sum of the pseudo-header.
    pub partial: u64,
    senders: BTreeMap<IpAddr, Sender>,
}

impl ChecksumStatistics {
    /// Counts a frame and tells what is wrong with it.
    pub(super) fn check(&mut self, view: &TcpView<'_>) -> Option<Verdict> {
        let ip = view.ip_checksum_ok();
        let tcp = view.tcp_checksum_ok();
        self.frames += 1;
        let sender = self.senders.entry(view.source.ip()).or_default();
        sender.frames += 1;
        if ip && tcp {
            return None;
        }
        sender.wrong += 1;
        self.partial += u64::from(!tcp && view.tcp_checksum_partial());
        if ip {
            self.wrong_tcp += 1;
            Some(Verdict::TcpChecksum)
        } else {
            self.wrong_ip += 1;
            Some(Verdict::IpChecksum)
        }
    }

    /// Adds the counts of another capture.
    pub(super) fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.wrong_ip += other.wrong_ip;
        self.wrong_tcp += other.wrong_tcp;
        self.partial += other.partial;
        for (address, counts) in &other.senders {
            let sender = self.senders.entry(*address).or_default();
            sender.frames += counts.frames;
            sender.wrong += counts.wrong;
        }
    }

    /// Frames with a wrong checksum of either kind.
    #[must_use]
    pub fn wrong(&self) -> u64 {
        self.wrong_ip + self.wrong_tcp
    }

    /// Senders nearly all of whose frames are wrong.
    fn habitual(&self) -> Vec<IpAddr> {
        let habit = |sender: &Sender| is_habit(sender.wrong, sender.frames);
        self.senders
            .iter()
            .filter(|(_, sender)| habit(sender))
            .map(|(ip, _)| *ip)
            .collect()
    }

    /// The wrong checksums look like those of frames captured before the sender's NIC filled
    /// them in, rather than like damage.
    #[must_use]
    pub fn looks_unfinished(&self) -> bool {
        self.wrong() > 0 && (self.partial * 2 >= self.wrong() || !self.habitual().is_empty())
    }

    /// A line for the user, where it looks so.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        if !self.looks_unfinished() {
            return None;
        }
        let senders: Vec<String> = self.habitual().iter().map(IpAddr::to_string).collect();
        let by = match senders.as_slice() {
            [] => String::new(),
            [.., _] if senders.len() > 4 => format!(", sent by {} addresses", senders.len()),
            _ => format!(", sent by {}", senders.join(", ")),
        };
        let partial = match self.partial {
            0 => String::new(),
            n => format!(" ({n} hold just the pseudo-header's sum)"),
        };
        Some(format!(
            "{} of {} TCP frames have a wrong checksum{partial}{by}: this looks like a capture \
             taken before the sender's NIC filled checksums in; --repair-checksums repairs them",
            self.wrong(),
            self.frames,
        ))
    }
}
