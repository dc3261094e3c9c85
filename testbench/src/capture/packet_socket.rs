//! An AF_PACKET socket set up for lossless recording, before pnet takes it.
//!
//! pnet's own socket has the system's small receive buffer and sees the frames that the machine
//! sends. The few system calls that the standard library does not have are here.
#![allow(unsafe_code)]

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd, OwnedFd, RawFd};

use libc::{c_int, c_void, socklen_t};

/// Frames wait here while the file is written.
const RECEIVE_BUFFER_BYTES: c_int = 16 << 20;

/// The kernel's account of a packet socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Statistics {
    /// Frames that found no room in the receive buffer since the last look.
    pub lost: u32,
}

/// A packet socket that is not bound to an interface yet, so that no frame has come in.
pub(super) struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// Opens the socket; `outgoing`: see the frames that this machine sends, too.
    pub fn open(outgoing: bool) -> io::Result<Self> {
        // Protocol 0: nothing is received until pnet binds the socket.
        let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC;
        // SAFETY: takes three integers and touches no memory of ours.
        let socket = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
        if socket < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call above has just made this descriptor, and nobody else has it.
        let socket = Self(unsafe { OwnedFd::from_raw_fd(socket) });
        let forced = socket.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES);
        if forced.is_err() {
            // Without CAP_NET_ADMIN as much as the system's limit allows.
            socket.set(libc::SOL_SOCKET, libc::SO_RCVBUF, RECEIVE_BUFFER_BYTES)?;
        }
        if !outgoing {
            socket.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, 1)?;
        }
        Ok(socket)
    }

    /// A second handle of the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// Gives the descriptor away; the taker closes it.
    pub fn into_raw(self) -> RawFd {
        self.0.into_raw_fd()
    }

    fn set(&self, level: c_int, name: c_int, value: c_int) -> io::Result<()> {
        let length = size_of::<c_int>() as socklen_t;
        let pointer = (&raw const value).cast::<c_void>();
        // SAFETY: `pointer` is to a live c_int and `length` is its size; the kernel only reads it.
        let result = unsafe { libc::setsockopt(self.0.as_raw_fd(), level, name, pointer, length) };
        if result == 0 {
            Ok(())
        } else {
            Err(io::Error::last_os_error())
        }
    }

    /// The kernel's counts since the last call.
    pub fn statistics(&self) -> io::Result<Statistics> {
        // SAFETY: tpacket_stats is two integers, for which zero is a value.
        let mut counts: libc::tpacket_stats = unsafe { zeroed() };
        let mut length = size_of::<libc::tpacket_stats>() as socklen_t;
        let pointer = (&raw mut counts).cast::<c_void>();
        // SAFETY: `pointer` is to a live tpacket_stats, `length` is its size, and the kernel writes
        // no more than that.
        let result = unsafe {
            libc::getsockopt(
                self.0.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                pointer,
                &raw mut length,
            )
        };
        if result == 0 {
            Ok(Statistics {
                lost: counts.tp_drops,
            })
        } else {
            Err(io::Error::last_os_error())
        }
    }
}
