//! Tools of the machine that some proofs need. Without one a proof is skipped, loudly; under `KESTREL_STRICT=1` it fails.

use std::path::{Path, PathBuf};
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

/// Where a library of `package` is, e.g. `fiu/fiu_run_preload.so`, which is loaded before the program to make the
/// system fail: below `/usr/lib`, or in the folder there for this kind of processor.
pub(crate) fn library(proof: &str, name: &str, package: &str) -> Option<PathBuf> {
    let root = Path::new("/usr/lib");
    let folders = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mine =
        folders.filter(|entry| entry.file_name().to_string_lossy().starts_with(std::env::consts::ARCH));
    let mut places = std::iter::once(root.to_owned()).chain(mine.map(|entry| entry.path()));
    let found = places.find_map(|place| Some(place.join(name)).filter(|path| path.exists()));
    if found.is_none() {
        skipped(proof, &format!("{name} is nowhere below /usr/lib (apt install {package})"));
    }
    found
}

/// A file system of a few blocks in memory, gone when dropped.
pub(crate) struct SmallDisk {
    place: PathBuf,
}

impl SmallDisk {
    /// Mounts it; none where this user may not mount.
    pub(crate) fn mount(proof: &str, place: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(place).unwrap();
        let mounted = mount(place, &format!("size={size},mode=700"));
        if !mounted {
            skipped(
                proof,
                "this process may not mount a small disk (it takes root, in a container CAP_SYS_ADMIN)",
            );
            return None;
        }
        Some(Self { place: place.to_owned() })
    }

    /// Gives it more room.
    pub(crate) fn grow(&self, size: &str) {
        assert!(mount(&self.place, &format!("remount,size={size}")), "the disk does not grow");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.place).status();
    }
}

fn mount(place: &Path, options: &str) -> bool {
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(place).stderr(Stdio::null());
    mount.status().is_ok_and(|status| status.success())
}
