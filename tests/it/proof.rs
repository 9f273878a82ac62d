//! Proofs that need another user or a network that leads nowhere, and how a program is started so.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::harness::command;
use crate::tools::skipped;

/// Reports that a proof was not made.
pub(crate) fn skip(why: &str) {
    let _never = skipped("a proof about other users and the network", why);
}

/// True when this runs as root and can become nobody.
pub(crate) fn can_be_nobody() -> bool {
    let root =
        std::fs::metadata("/proc/self").is_ok_and(|entry| std::os::unix::fs::MetadataExt::uid(&entry) == 0);
    root && works(&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "true"])
}

/// True when a process can be given a network of its own that leads nowhere.
pub(crate) fn can_be_cut_off() -> bool {
    works(&["unshare", "-rn", "true"])
}

fn works(words: &[&str]) -> bool {
    Command::new(words[0]).args(&words[1..]).output().is_ok_and(|output| output.status.success())
}

/// The program on `dir`, started through another one.
pub(crate) fn through(
    wrapper: &[&str],
    program: Option<&Path>,
    dir: &TempDir,
    settings: &[(&str, &str)],
) -> Command {
    let plain = command(dir, settings);
    let mut wrapped = Command::new(wrapper[0]);
    wrapped.args(&wrapper[1..]).arg(program.unwrap_or(Path::new(plain.get_program())));
    wrapped.env_clear().current_dir(dir.path());
    for (name, value) in plain.get_envs() {
        wrapped.env(name, value.unwrap_or_default());
    }
    wrapped.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    wrapped.stdin(std::process::Stdio::null());
    wrapped
}

/// The wrapper that makes a process nobody's.
pub(crate) const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
/// The wrapper that cuts a process off from every network.
pub(crate) const CUT_OFF: [&str; 2] = ["unshare", "-rn"];
