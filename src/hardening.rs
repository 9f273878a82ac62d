//! What the process gives up before it reads a secret: memory that others can look into, and files that they can open.

use rustix::fs::Mode;
use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Switches off core dumps and the reading of this process's memory by others of the same user, and makes every file
/// that it creates its own. Keys and tokens live in that memory, and a dump would write them to disk.
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
        .map_err(|error| format!("cannot close this process's memory to others: {error}"))
}
