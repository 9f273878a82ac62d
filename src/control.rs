//! What a person asks of a running agent and what it answers, and the first door to it, the control socket: halt, reduce, resume, limits and status for people on this machine.
//!
//! A Unix socket in a folder of its own that only the owner may enter; the peer's user id is checked besides. The
//! server has its own thread and runtime, so a busy actor thread cannot deafen it. One JSON line per request.

pub mod answers;
pub mod approval;
pub mod client;
pub(crate) mod crowd;
pub mod insist;
mod judges;
pub mod listed;
pub mod reader;
mod request;
mod server;
pub mod standing;
pub mod stocks;
pub mod storage;
pub mod wire;

use std::path::{Path, PathBuf};

pub use request::cleaned;
pub use server::{
    Answers, Counted, Desk, Door, Evolution, LastResort, OpenReader, Pulse, Running, Server, View, Wound,
    serve,
};

/// Longest request line, in bytes (proof.md 8).
pub const REQUEST_MAX_BYTES: u64 = 4096;
/// Longest reply line, in bytes: five hundred judgements with their reasons, in any script.
const REPLY_MAX_BYTES: u64 = 4 << 20;
/// Longest text that a person gives a command, in characters; in any script it fits a request.
pub const TEXT_MAX_CHARS: usize = 500;

/// Where the socket of a data directory is.
pub fn socket_path(data_dir: &Path) -> PathBuf {
    data_dir.join("control").join("kestrel.sock")
}

/// Why the control socket cannot be used; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody listens.
    #[error(
        "no running kestrel answers at {path}; start one with `kestrel run`, or set DB_PATH as the running one has it"
    )]
    NotRunning {
        /// The socket.
        path: PathBuf,
    },
    /// Another process listens there.
    #[error("another kestrel already listens at {path}; stop it first, or give this one its own DB_PATH")]
    InUse {
        /// The socket.
        path: PathBuf,
    },
    /// The path does not fit a socket address.
    #[error("the path {path} is too long for a socket (at most 107 bytes); choose a shorter DB_PATH")]
    PathTooLong {
        /// The socket.
        path: PathBuf,
    },
    /// The folder or the socket cannot be made.
    #[error("cannot make {path}: {source}; check that the folder exists and belongs to you")]
    CannotCreate {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The conversation broke off.
    #[error("the running kestrel did not answer: {0}; see its log")]
    Broken(String),
}
