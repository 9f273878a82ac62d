//! Hostile texts in every part of an event, in every form of the log.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use domain::text::is_hidden;
use serde_json::Value;

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
