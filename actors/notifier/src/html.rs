//! Texts as Telegram reads them with `parse_mode` HTML: escaped, stripped, and split (TELEGRAM.md 2).

/// Longest source of one message, in UTF-16 units; Telegram takes 4096 after parsing.
pub const PART_MAX_UNITS: usize = 3_500;
/// Parts of one text, at most.
pub const PARTS_MAX: usize = 5;
/// What numbering a part and closing what is open takes, at most.
const RESERVE_UNITS: usize = 64;

/// `text` with nothing in it that is markup.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

/// What is left of `html` for a reader of plain text: no tags, and the characters that were escaped.
pub fn plain(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    for atom in Atoms(html) {
        match atom {
            "&amp;" => text.push('&'),
            "&lt;" => text.push('<'),
            "&gt;" => text.push('>'),
            "&quot;" => text.push('"'),
            tag if tag.len() > 1 && tag.starts_with('<') => {}
            other => text.push_str(other),
        }
    }
    text
}

/// `html` in parts that each fit a message: cut at line ends, never inside a tag or an entity, numbered when there are
/// several. What does not fit into the most parts is counted in the last one.
pub fn split(html: &str) -> Vec<String> {
    if units(html) <= PART_MAX_UNITS {
        return vec![html.to_owned()];
    }
    let mut parts = Parts::default();
    let lines: Vec<&str> = html.split('\n').collect();
    for (place, line) in lines.iter().enumerate() {
        if !parts.take(line) {
            parts.give_up(lines.len() - place);
            break;
        }
    }
    parts.numbered()
}

/// Length as Telegram counts it.
fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

#[derive(Default)]
struct Parts {
    done: Vec<String>,
    current: String,
    /// Inside `<pre>`, which every part must close.
    in_pre: bool,
}

impl Parts {
    /// False when no part is left for it.
    fn take(&mut self, line: &str) -> bool {
        for piece in pieces(line) {
            let has_room = units(&self.current) + units(piece) < PART_MAX_UNITS - RESERVE_UNITS;
            if !has_room {
                if self.done.len() + 1 == PARTS_MAX {
                    return false;
                }
                self.turn();
            }
            if !self.current.is_empty() && !self.current.ends_with("<pre>") {
                self.current.push('\n');
            }
            self.current.push_str(piece);
            self.watch_pre(piece);
        }
        true
    }

    fn watch_pre(&mut self, piece: &str) {
        match (piece.rfind("<pre>"), piece.rfind("</pre>")) {
            (Some(open), Some(close)) => self.in_pre = open > close,
            (Some(_), None) => self.in_pre = true,
            (None, Some(_)) => self.in_pre = false,
            (None, None) => {}
        }
    }

    fn turn(&mut self) {
        self.close_pre();
        self.done.push(std::mem::take(&mut self.current));
        if self.in_pre {
            self.current.push_str("<pre>");
        }
    }

    fn close_pre(&mut self) {
        if self.in_pre {
            self.current.push_str("</pre>");
        }
    }

    fn give_up(&mut self, left: usize) {
        self.close_pre();
        self.in_pre = false;
        self.current.push_str(&format!("\n(cut off: {left} more lines)"));
    }

    fn numbered(mut self) -> Vec<String> {
        self.close_pre();
        self.done.push(self.current);
        let all = self.done.len();
        let numbered =
            self.done.iter().enumerate().map(|(place, part)| format!("({}/{all})\n{part}", place + 1));
        numbered.collect()
    }
}

/// A line in pieces that fit a part each; mostly the line itself.
fn pieces(line: &str) -> Vec<&str> {
    let most = PART_MAX_UNITS - 2 * RESERVE_UNITS;
    let (mut pieces, mut begin, mut at, mut length) = (Vec::new(), 0, 0, 0);
    for atom in Atoms(line) {
        if length + units(atom) > most {
            pieces.push(&line[begin..at]);
            (begin, length) = (at, 0);
        }
        length += units(atom);
        at += atom.len();
    }
    pieces.push(&line[begin..]);
    pieces
}

/// Tags, entities and single characters, in order: what must not be cut.
struct Atoms<'a>(&'a str);

impl<'a> Iterator for Atoms<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.0.chars().next()?;
        let end = match first {
            '<' => self.0.find('>').map(|end| end + 1),
            '&' => self.0.find(';').filter(|end| *end < 10).map(|end| end + 1),
            _ => None,
        };
        let (atom, rest) = self.0.split_at(end.unwrap_or(first.len_utf8()));
        self.0 = rest;
        Some(atom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_wrote_is_no_markup() {
        let hostile = "<b>\"A&B\"</b> &lt; <3 <a href=\"x\">";
        let safe = escape(hostile);
        assert!(!safe.contains('<') && !safe.contains('>') && !safe.contains('"'), "{safe}");
        assert_eq!(plain(&safe), hostile);
        assert_eq!(plain("<b>Halted</b> &amp; sold"), "Halted & sold");
    }

    #[test]
    fn a_short_text_is_one_message_and_a_long_one_is_numbered_parts_that_fit() {
        assert_eq!(split("<b>x</b>\ny"), ["<b>x</b>\ny"]);
        let long: String = (0..400).map(|n| format!("line {n} &amp; more\n")).collect();
        let parts = split(long.trim_end());
        assert!(parts.len() > 1 && parts.len() <= PARTS_MAX);
        let mut lines = Vec::new();
        for (place, part) in parts.iter().enumerate() {
            assert!(units(part) <= PART_MAX_UNITS, "{}", units(part));
            let (number, text) = part.split_once('\n').unwrap();
            assert_eq!(number, format!("({}/{})", place + 1, parts.len()));
            lines.extend(text.split('\n').map(str::to_owned));
        }
        assert_eq!(lines.join("\n"), long.trim_end(), "nothing is lost and no line is cut");
    }

    #[test]
    fn each_part_closes_what_it_opens_and_no_entity_or_surrogate_is_cut() {
        let table = format!("head\n<pre>{}</pre>\ntail", "한😀&lt;row&gt;\n".repeat(600));
        for part in split(&table) {
            assert_eq!(part.matches("<pre>").count(), part.matches("</pre>").count(), "{part}");
            assert!(units(&part) <= PART_MAX_UNITS);
        }
        let line = "&amp;".repeat(3_000);
        for part in split(&line) {
            let (_, text) = part.split_once('\n').unwrap();
            assert_eq!(text.replace("&amp;", "").replace('\n', ""), "", "{part}");
        }
    }

    #[test]
    fn what_fits_into_no_part_is_counted() {
        let endless: String = (0..5_000).map(|n| format!("line {n}\n")).collect();
        let parts = split(&endless);
        assert_eq!(parts.len(), PARTS_MAX);
        assert!(parts[PARTS_MAX - 1].contains("more lines)"));
    }
}
