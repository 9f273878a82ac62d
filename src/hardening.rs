//! What the process gives up before it reads a secret: memory that others can look into, and files that they can open;
//! and what it must be ready for before its first write.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit, Signal};
use tokio::signal::unix::{SignalKind, signal};

/// Switches off core dumps and the reading of this process's memory by others of the same user, and makes every file
/// that it creates its own. Keys and tokens live in that memory, and a dump would write them to disk. From here on a limit
/// of file sizes makes writes fail and does not kill.
///
/// # Errors
/// What the system refused, in words; then no secret should be read.
pub fn harden() -> Result<(), String> {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    rustix::process::setrlimit(Resource::Core, none).map_err(|error| {
        format!("cannot switch off core dumps: {error}; look at the limits of this service")
    })?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(|error| format!("cannot close this process's memory to others: {error}"))?;
    outlive_size_limits().map_err(|error| format!("cannot watch for limits of file sizes: {error}"))
}

/// Over a limit of file sizes a write then fails, which is handled, instead of killing the process (order-protocol 3, row
/// 23). A handler stays until the process ends; this one must be there before the first write, and so before the
/// program's own runtime.
fn outlive_size_limits() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let _context = runtime.enter();
    signal(SignalKind::from_raw(Signal::XFSZ.as_raw())).map(drop)
}
