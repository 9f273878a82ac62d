//! What a trace of system calls proves about the order of disk and wire.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

/// The header that names the intent of an order.
const TRUTH: &[u8] = b"x-kestrel-truth: ";
/// `i-`, twelve and sixteen hexadecimal digits with a dash between.
const INTENT_LENGTH: usize = 31;
/// From an intent's id to its state in the row: approval, market, symbol, date, side, two numbers.
const ROW_LENGTH: usize = 200;

/// What was read from a trace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Orders that left.
    pub(crate) posts: u64,
    /// Intents whose order left before a page with their row in state `Sending` was synced.
    pub(crate) early: Vec<String>,
}

impl Proof {
    /// Reads the output of `strace -f -y -xx`.
    pub(crate) fn read(trace: &Path) -> Self {
        let mut reading = Reading::default();
        for line in BufReader::new(std::fs::File::open(trace).unwrap()).lines() {
            reading.line(&line.unwrap());
        }
        reading.proof
    }
}

#[derive(Default)]
struct Reading {
    proof: Proof,
    /// Intents in state `Sending` on pages that are written, not synced.
    written: BTreeSet<String>,
    /// Those that are synced.
    synced: BTreeSet<String>,
    /// Threads that are inside a sync of the write-ahead log, with what was written when it began.
    syncing: BTreeMap<String, BTreeSet<String>>,
}

impl Reading {
    fn line(&mut self, line: &str) {
        let Some((thread, call)) = line.split_once(' ') else { return };
        let call = call.trim_start();
        if call.starts_with("<... fsync resumed>") || call.starts_with("<... fdatasync resumed>") {
            if let Some(covered) = self.syncing.remove(thread).filter(|_| call.trim_end().ends_with("= 0")) {
                self.synced.extend(covered);
            }
            return;
        }
        let Some((name, arguments)) = call.split_once('(') else { return };
        match name {
            "pwrite64" if is_log(arguments) => self.written.extend(sending(&bytes(arguments))),
            "fsync" | "fdatasync" if is_log(arguments) => self.sync(thread, arguments),
            "write" | "writev" | "sendto" | "sendmsg" => self.post(&bytes(arguments)),
            _ => {}
        }
    }

    fn sync(&mut self, thread: &str, arguments: &str) {
        if arguments.trim_end().ends_with("= 0") {
            self.synced.extend(self.written.iter().cloned());
        } else if arguments.contains("<unfinished") {
            self.syncing.insert(thread.to_owned(), self.written.clone());
        }
    }

    fn post(&mut self, sent: &[u8]) {
        if !sent.windows(5).any(|window| window == b"POST ") {
            return;
        }
        let Some(at) = find(sent, TRUTH) else { return };
        let id = &sent[at + TRUTH.len()..];
        let Some(intent) = intent_at(id) else { return };
        self.proof.posts += 1;
        if !self.synced.contains(&intent) {
            self.proof.early.push(intent);
        }
    }
}

/// True when the first argument is the write-ahead log of the database.
fn is_log(arguments: &str) -> bool {
    let path =
        arguments.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(path, _)| bytes(path));
    path.is_some_and(|path| path.ends_with(b"-wal"))
}

/// The bytes that strace wrote as `\xNN`, without the rest.
fn bytes(text: &str) -> Vec<u8> {
    let digits = text.split("\\x").skip(1).filter_map(|part| part.get(..2));
    digits.filter_map(|digits| u8::from_str_radix(digits, 16).ok()).collect()
}

/// Intents whose row on this page says `Sending`.
fn sending(page: &[u8]) -> Vec<String> {
    let mut intents = Vec::new();
    let mut from = 0;
    while let Some(at) = find(&page[from..], b"Sending").map(|at| from + at) {
        let row = &page[at.saturating_sub(ROW_LENGTH)..at];
        let starts = (0..row.len()).rev();
        intents.extend(starts.filter_map(|start| intent_at(&row[start..])).next());
        from = at + 1;
    }
    intents
}

fn intent_at(text: &[u8]) -> Option<String> {
    let id = text.get(..INTENT_LENGTH)?;
    let hexadecimal = |part: &[u8]| part.iter().all(u8::is_ascii_hexdigit);
    let is_intent =
        id.starts_with(b"i-") && id[14] == b'-' && hexadecimal(&id[2..14]) && hexadecimal(&id[15..]);
    is_intent.then(|| String::from_utf8_lossy(id).into_owned())
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTENT: &str = "i-019e80b2bca0-0aff80dd3ac6851e";

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("\\x{byte:02x}")).collect()
    }

    fn read(lines: &[String]) -> Proof {
        let mut reading = Reading::default();
        lines.iter().for_each(|line| reading.line(line));
        reading.proof
    }

    #[test]
    fn an_order_that_leaves_before_its_row_is_synced_is_found() {
        let log = hex("/data/t.db-wal");
        let row =
            |state: &str| format!("{INTENT}a-019e80b2bca0-0aff80dd3ac6851fKR9100402026-06-01BUY..{state}");
        let page = |state| format!("7 pwrite64(8<{log}>, \"{}\", 4096, 56) = 4096", hex(&row(state)));
        let sync = format!("7 fsync(8<{log}>) = 0");
        let request = format!("POST /order HTTP/1.1\r\nx-kestrel-truth: {INTENT}\r\n");
        let post = format!("9 writev(11<{}>, [{{iov_base=\"{}\"}}], 2) = 90", hex("socket"), hex(&request));
        let begins = format!("7 fsync(8<{log}> <unfinished ...>");
        let ends = "7 <... fsync resumed>) = 0".to_owned();
        let early = Proof { posts: 1, early: vec![INTENT.to_owned()] };
        let fine = Proof { posts: 1, early: vec![] };
        let (approved, sending) = (page("Approved"), page("Sending"));
        assert_eq!(read(&[sending.clone(), sync.clone(), post.clone()]), fine);
        assert_eq!(read(&[sending.clone(), begins.clone(), ends, post.clone()]), fine);
        assert_eq!(read(&[sending.clone(), begins, post.clone()]), early);
        assert_eq!(read(&[sending, post.clone(), sync.clone()]), early);
        assert_eq!(read(&[approved, sync, post]), early);
    }
}
