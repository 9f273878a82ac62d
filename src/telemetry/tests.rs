//! Hostile texts in every part of an event, in every form of the log; and another end that takes nothing.

use std::io::{self, BufRead as _, BufReader, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use domain::text::is_hidden;
use serde_json::Value;

use super::sink::WAITING_LINES;
use super::*;
use crate::mutation::Mutator;

/// A log in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Memory {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Quoting(String);

/// The log of one event per text, each with the text in message, field, debug form and error.
fn log_of(texts: &[String], escape: Escape) -> String {
    let memory = Memory::default();
    let dispatch = dispatch(EnvFilter::new("trace"), escape, memory.clone());
    tracing::dispatcher::with_default(&dispatch, || {
        for text in texts {
            let error = Quoting(text.clone());
            let source: &(dyn std::error::Error + 'static) = &error;
            tracing::warn!(%error, source, name = text, shown = %text, debug = ?text, "the order was refused: {text}");
        }
    });
    String::from_utf8(memory.0.lock().unwrap().clone()).unwrap()
}

#[test]
fn a_thousand_hostile_texts_make_a_thousand_lines_in_every_form() {
    let mut mutator = Mutator::new(24);
    let texts: Vec<String> = (0..1000).map(|_| mutator.hostile_text()).collect();
    for escape in [Escape::Json, Escape::Plain, Escape::Coloured] {
        let log = log_of(&texts, escape);
        assert_eq!(log.split('\n').count(), texts.len() + 1, "{escape:?}");
        assert_eq!(log.lines().count(), texts.len(), "{escape:?}");
        let steering = |c: char| is_hidden(c) || (c.is_control() && c != '\n' && c != '\u{1b}');
        assert!(!log.contains(steering), "{escape:?}");
        assert!(escape == Escape::Coloured || !log.contains('\u{1b}'), "{escape:?}");
        if escape == Escape::Json {
            for (line, text) in log.lines().zip(&texts) {
                let event: Value = serde_json::from_str(line).unwrap();
                assert_eq!(event["name"].as_str(), Some(text.as_str()), "the text itself is kept");
            }
        }
    }
}

#[test]
fn a_panic_is_one_line_too() {
    let log = log_of(&["first\nsecond".to_owned()], Escape::Plain);
    assert!(log.contains("first\\u{a}second") || log.contains("first\\nsecond"), "{log}");
    assert_eq!(log.lines().count(), 1);
}

/// Nothing here takes so long unless it is held up for ever.
const PATIENCE: Duration = Duration::from_secs(60);
/// More lines than a pipe and the queue before it hold.
const LINES: usize = 3 * WAITING_LINES;

/// What `task` gives, done by a thread of its own so that a task that is held up fails the test.
fn in_time<T: Send + 'static>(what: &str, task: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, over) = mpsc::channel();
    std::thread::spawn(move || done.send(task()));
    over.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("{what}: {error}"))
}

fn log_many(dispatch: &Dispatch) {
    let dispatch = dispatch.clone();
    in_time("whoever logs was held up", move || {
        tracing::dispatcher::with_default(&dispatch, || {
            (0..LINES).for_each(|number| tracing::info!(number, "a line like many others"));
        });
    });
}

#[test]
fn a_log_that_nobody_takes_holds_nobody_up_and_says_where_and_how_many_lines_are_missing_once_it_is_taken() {
    let (reader, writer) = io::pipe().unwrap();
    let Log { dispatch, guard, losses } = Log::open(writer, EnvFilter::new("trace"), Escape::Json);
    log_many(&dispatch);
    let lost = losses.lines();
    assert!(lost > 0 && lost <= (LINES - WAITING_LINES) as u64, "{lost}");

    let (tell, told) = mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut lines = Vec::new();
        for line in BufReader::new(reader).lines().map(Result::unwrap) {
            if line.contains("were lost") {
                tell.send(()).unwrap();
            }
            lines.push(line);
        }
        lines
    });
    told.recv_timeout(PATIENCE).expect("the log says that lines were lost");
    in_time("the end of the log", move || drop(guard));
    let text = in_time("the end of the pipe", move || reading.join().unwrap());
    let lines: Vec<Value> = text.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (said, kept): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line["lines"].is_number());
    assert_eq!(said.iter().map(|line| line["lines"].as_u64()).collect::<Vec<_>>(), [Some(lost)]);
    assert_eq!(kept.len() as u64 + lost, LINES as u64, "each line was either written or counted");
    let numbers: Vec<_> = kept.iter().map(|line| line["number"].as_u64().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..kept.len() as u64), "in their order, and the oldest first");
    assert!(lines.last().unwrap()["lines"].is_number(), "where the lost ones would have been");
}

#[test]
fn a_log_that_nobody_takes_does_not_hold_up_the_end_of_the_process() {
    let (_reader, writer) = io::pipe().unwrap();
    let Log { dispatch, guard, losses } = Log::open(writer, EnvFilter::new("trace"), Escape::Plain);
    log_many(&dispatch);
    in_time("the end of the log", move || drop(guard));
    assert!(losses.lines() > 0);
}

#[test]
fn lines_that_the_other_end_refuses_are_counted_as_lost() {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let Log { dispatch, guard, losses } = Log::open(writer, EnvFilter::new("trace"), Escape::Plain);
    tracing::dispatcher::with_default(&dispatch, || {
        (0..5).for_each(|number| tracing::info!(number, "into a closed pipe"));
    });
    in_time("the end of the log", move || drop((dispatch, guard)));
    assert_eq!(losses.lines(), 5);
}
