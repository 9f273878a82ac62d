//! The file is written by many at once, by hand, on a full disk, and read whatever it holds.

use super::*;

#[test]
fn a_written_halt_is_read_back_until_it_is_cleared() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    let record = HaltRecord {
        id: "h-1".into(),
        at: "2026-11-24T12:00:00Z".parse().unwrap(),
        source: HaltSource::CircuitBreaker,
        by: "risk_guard".into(),
        reason: "the day lost 3.1 %".into(),
        level: HaltLevel::Halted,
        nonce: HaltNonce::new(5),
        cancel_open: true,
    };
    assert_eq!(file.read(), None);
    file.write(&record).unwrap();
    assert_eq!(HaltFile::new(directory.path()).read(), Some(record));
    file.clear().unwrap();
    file.clear().unwrap();
    assert_eq!(file.read(), None);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn a_record_from_before_there_were_levels_stops_everything_and_no_code_lifts_it() {
    let directory = tempfile::tempdir().unwrap();
    let old = r#"{"id":"h-1","at":"2026-11-24T12:00:00Z","source":"operator","by":"ada","reason":"old"}"#;
    fs::write(directory.path().join("HALT"), old).unwrap();
    let record = HaltFile::new(directory.path()).read().unwrap();
    assert_eq!((record.id.as_str(), record.level, record.cancel_open), ("h-1", HaltLevel::Halted, false));
    assert!(!record.nonce.is_proved_by(&HaltNonce::default()));
}

#[test]
fn invariant_10_a_halt_is_added_to_those_that_the_file_holds() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    let named = |id: &str| HaltRecord { id: id.into(), ..file.operator_halt("x".into()) };
    // As an older version wrote it: one record.
    let old = serde_json::to_vec(&named("h-0")).unwrap();
    fs::write(directory.path().join("HALT"), old).unwrap();
    for id in ["h-1", "h-2", "h-1"] {
        file.write(&named(id)).unwrap();
    }
    let ids = || file.read_all().into_iter().map(|halt| halt.id).collect::<Vec<_>>();
    assert_eq!(ids(), ["h-0", "h-2", "h-1"]);
    file.keep_only(&[named("h-2")]).unwrap();
    assert_eq!(ids(), ["h-2"]);
    // A person's own file is one of them.
    fs::write(directory.path().join("HALT"), "").unwrap();
    file.write(&named("h-3")).unwrap();
    assert_eq!(ids(), [OPERATOR_ID, "h-3"]);
    file.keep_only(&[]).unwrap();
    assert_eq!(file.read_all(), []);
    fs::write(directory.path().join("HALT"), "[]").unwrap();
    assert_eq!(ids(), [OPERATOR_ID], "an empty list is a file all the same");
}

/// Each with a handle of its own, as processes have them.
fn at_once(directory: &Path, writers: usize, work: impl Fn(&HaltFile, usize) + Sync) {
    let ready = std::sync::Barrier::new(writers);
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (ready, work) = (&ready, &work);
            scope.spawn(move || {
                ready.wait();
                work(&HaltFile::new(directory), writer);
            });
        }
    });
}

#[test]
fn invariant_10_of_halts_that_many_write_at_once_none_is_lost_while_others_are_lifted() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    let named = |id: String| HaltRecord { id, ..file.operator_halt("x".into()) };
    for round in 0..8 {
        at_once(directory.path(), 6, |file, writer| {
            file.write(&named(format!("lifted-{round}-{writer}"))).unwrap();
            let lifted = |record: &HaltRecord| record.id == format!("lifted-{round}-{writer}");
            file.write(&named(format!("stands-{round}-{writer}"))).unwrap();
            file.lift(&lifted, &[]).unwrap();
        });
    }
    let mut ids: Vec<_> = file.read_all().into_iter().map(|halt| halt.id).collect();
    ids.sort();
    let expected = (0..8).flat_map(|round| (0..6).map(move |writer| format!("stands-{round}-{writer}")));
    assert_eq!(ids, expected.collect::<Vec<_>>());
}

#[test]
fn who_never_gets_the_turn_halts_all_the_same_and_lifts_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    let named = |id: &str| HaltRecord { id: id.into(), ..file.operator_halt("x".into()) };
    file.write(&named("h-1")).unwrap();
    let hangs = File::open(directory.path()).unwrap();
    hangs.try_lock().unwrap();
    let why = file.write(&named("h-2")).unwrap_err();
    assert!(why.contains("another process is writing it"), "it may yet write over it: {why}");
    let why = file.lift(&|halt| halt.id == "h-1", &[]).unwrap_err();
    assert!(why.contains("another process is writing it"), "{why}");
    let ids = || file.read_all().into_iter().map(|halt| halt.id).collect::<Vec<_>>();
    assert_eq!(ids(), ["h-1", "h-2"]);
    drop(hangs);
    assert_eq!(file.lift(&|halt| halt.id == "h-1", &[named("h-3")]).unwrap().len(), 2);
    assert_eq!(ids(), ["h-2", "h-3"], "what is in no book is put back");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing unfinished is left behind");
}

#[test]
fn invariant_10_a_slow_writer_and_one_who_does_not_wait_for_it_keep_both_halts() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    let named = |id: &str| HaltRecord { id: id.into(), ..file.operator_halt("x".into()) };
    let ids = || file.read_all().into_iter().map(|halt| halt.id).collect::<Vec<_>>();
    // It has read the file and its disk is slow: what it made of it is not there yet.
    let before = file.read_all();
    file.write(&named("h-2")).unwrap();
    assert_eq!(file.replace(&before, &[named("h-1")], UNFINISHED), Ok(Put::Overtaken));
    assert_eq!(ids(), ["h-2"]);
    // An older version looks at nothing: it replaces what it has not seen, while the other waits for it.
    let slow = File::open(directory.path()).unwrap();
    slow.try_lock().unwrap();
    std::thread::scope(|scope| {
        let other = scope.spawn(|| HaltFile::new(directory.path()).write(&named("h-3")));
        while !ids().contains(&"h-3".to_owned()) {
            std::thread::yield_now();
        }
        fs::write(directory.path().join("HALT"), serde_json::to_vec(&[named("h-1")]).unwrap()).unwrap();
        slow.unlock().unwrap();
        assert_eq!(other.join().unwrap(), Ok(()));
    });
    assert_eq!(ids(), ["h-1", "h-3"]);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing unfinished is left behind");
}

#[test]
fn a_full_disk_that_takes_a_name_and_no_word_leaves_a_file_that_halts() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    // Whatever is written there meets a disk without room.
    std::os::unix::fs::symlink("/dev/full", directory.path().join("HALT.new")).unwrap();
    let record = HaltRecord { id: "h-1".into(), ..file.operator_halt("x".into()) };
    assert!(file.write(&record).unwrap_err().contains("space"));
    assert_eq!(file.read().map(|halt| halt.id).as_deref(), Some(OPERATOR_ID));
    fs::remove_file(directory.path().join("HALT")).unwrap();
    file.write(&record).unwrap();
    std::os::unix::fs::symlink("/dev/full", directory.path().join("HALT.new")).unwrap();
    assert!(file.write(&HaltRecord { id: "h-2".into(), ..record.clone() }).is_err());
    assert_eq!(file.read_all(), [record], "what was there says more");
}

#[test]
fn a_file_made_by_hand_is_a_halt_whatever_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    for (content, reason) in [("", "the file HALT is there"), ("maintenance\n", "maintenance")] {
        fs::write(directory.path().join("HALT"), content).unwrap();
        let record = file.read().unwrap();
        assert_eq!((record.by.as_str(), record.reason.as_str()), (BY_OPERATOR, reason));
        assert_eq!(record.source, HaltSource::EmergencyFile);
    }
    fs::remove_file(directory.path().join("HALT")).unwrap();
    fs::create_dir(directory.path().join("HALT")).unwrap();
    assert!(file.read().unwrap().reason.starts_with("the file HALT cannot be read"));
}

#[test]
fn invariant_10_whatever_the_file_holds_it_is_a_halt_with_harmless_words() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    let record = r#"{"id":"h-1","at":"2026-11-24T12:00:00Z","source":"circuit_breaker","by":"risk_guard","reason":"lost 3.1 %"}"#;
    let mut mutator = crate::mutation::Mutator::new(0x4a17);
    let mut by_operator = 0;
    for _ in 0..crate::mutation::Mutator::cases() {
        let halts = file.interpret(&mutator.mutate(record));
        assert!(!halts.is_empty());
        for halt in halts {
            for text in [&halt.id, &halt.by, &halt.reason] {
                assert_eq!(*text, harmless(text, REASON_MAX_CHARS));
            }
            by_operator += u64::from(halt.by == BY_OPERATOR);
        }
    }
    fs::write(directory.path().join("HALT"), mutator.mutate(record)).unwrap();
    assert!(file.read().is_some());
    println!("HALT file: {} payloads, {by_operator} no record", crate::mutation::Mutator::cases());
    assert!(by_operator > 0);
}

#[test]
fn the_texts_of_a_file_cannot_steer_a_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(directory.path());
    fs::write(directory.path().join("HALT"), "a\u{1b}[2J\nb\u{202e}").unwrap();
    assert_eq!(file.read().unwrap().reason, "a [2J b");
}

#[test]
fn a_halt_that_cannot_be_written_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let file = HaltFile::new(&directory.path().join("missing"));
    let record = file.operator_halt("x".into());
    assert!(file.write(&record).unwrap_err().contains("HALT"));
}
