//! One event, one line: whatever an event quotes, it can neither break the line nor steer the terminal that shows it.
//!
//! Most texts of strangers are made harmless where they enter; this is the last door for those that are not, such as
//! the words of a library about a broken input.

use std::io::{self, Write};

use domain::text::is_hidden;
use tracing_subscriber::fmt::MakeWriter;

/// How a character that may not appear is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// As JSON shows it in a string, the only place where a JSON line can have one.
    Json,
    /// As Rust shows it.
    Plain,
    /// The same, and the formatter's own colours pass.
    Coloured,
}

/// Makes writers whose every write is one event.
pub(super) struct Lines<M> {
    pub(super) inner: M,
    pub(super) escape: Escape,
}

/// A writer whose every write is one event.
pub(super) struct Line<W> {
    inner: W,
    escape: Escape,
}

impl<'a, M: MakeWriter<'a>> MakeWriter<'a> for Lines<M> {
    type Writer = Line<M::Writer>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { inner: self.inner.make_writer(), escape: self.escape }
    }
}

impl<W: Write> Write for Line<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.inner.write_all(clean(&text, self.escape).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn clean(event: &str, escape: Escape) -> String {
    let (body, end) = event.strip_suffix('\n').map_or((event, ""), |body| (body, "\n"));
    let mut line = String::with_capacity(event.len());
    for (at, c) in body.char_indices() {
        let passes = escape == Escape::Coloured && c == '\u{1b}' && is_colour(&body[at..]);
        if passes || !(c.is_control() || is_hidden(c)) {
            line.push(c);
        } else if escape == Escape::Json {
            let mut units = [0; 2];
            line.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            line.extend(c.escape_unicode());
        }
    }
    line + end
}

/// True for `ESC [ digits m`, which only changes how text looks.
fn is_colour(text: &str) -> bool {
    let Some(codes) = text.strip_prefix("\u{1b}[") else { return false };
    let end = codes.find(|c: char| !(c.is_ascii_digit() || c == ';'));
    end.is_some_and(|end| codes[end..].starts_with('m'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_stays_on_its_line_and_shows_what_it_hides() {
        let cases = [
            (Escape::Plain, "a\nb\r\u{1b}[2J\u{202e}c\n", "a\\u{a}b\\u{d}\\u{1b}[2J\\u{202e}c\n"),
            (Escape::Plain, "\u{1b}[31mred", "\\u{1b}[31mred"),
            (Escape::Coloured, "\u{1b}[31mred\u{1b}[2J\u{1b}[\n", "\u{1b}[31mred\\u{1b}[2J\\u{1b}[\n"),
            (
                Escape::Json,
                "{\"a\":\"\u{7f}\u{2028}\u{e0041}\"}\n",
                "{\"a\":\"\\u007f\\u2028\\udb40\\udc41\"}\n",
            ),
            (Escape::Json, "{\"a\":\"삼성 📉\"}\n", "{\"a\":\"삼성 📉\"}\n"),
        ];
        for (escape, event, line) in cases {
            assert_eq!(clean(event, escape), line, "{event:?}");
        }
    }
}
