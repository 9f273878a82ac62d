//! Tools of the machine that some proofs need. Without one a proof is skipped, loudly; under `KESTREL_STRICT=1` it fails.

use std::process::{Command, Stdio};

use kestrel::terminal;

/// Says that a proof is skipped; fails where nothing may be skipped.
pub(crate) fn skipped(proof: &str, why: &str) -> bool {
    let strict = std::env::var("KESTREL_STRICT").is_ok_and(|value| value == "1");
    assert!(!strict, "{proof} cannot run here: {why}; KESTREL_STRICT=1 allows no skipping");
    // Not by a macro of the test harness, which would keep it to itself.
    terminal::complain(format_args!("SKIPPED: {proof}: {why}"));
    false
}

/// True when strace is there and may trace a child.
pub(crate) fn can_trace() -> bool {
    let traced = Command::new("strace")
        .args(["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "true"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    match traced {
        Ok(status) if status.success() => true,
        Ok(_) => skipped("the proof by system calls", "strace may not trace a process (ptrace is forbidden)"),
        Err(_) => skipped("the proof by system calls", "strace is not installed (apt install strace)"),
    }
}
