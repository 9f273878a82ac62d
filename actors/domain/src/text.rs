//! Text that strangers wrote, made harmless where it enters: names of stocks, messages of servers, a model's and a
//! person's reasons. It then cannot break a log line, steer a terminal or hide a part of itself.

/// `text` on one line, without control, direction and invisible characters, at most `max_chars` long.
pub fn harmless(text: &str, max_chars: usize) -> String {
    let seen = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_hidden(*c));
    let mut line = String::new();
    for c in seen {
        if c != ' ' || !line.ends_with(' ') {
            line.push(c);
        }
    }
    let cut: String = line.trim().chars().take(max_chars).collect();
    cut.trim_end().to_owned()
}

/// True for characters that are not seen or that move what is: zero-width characters, direction marks, line and
/// paragraph separators, tags and the byte order mark.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_text_becomes_one_visible_line() {
        let cases = [
            ("Samsung  Electronics ", "Samsung Electronics"),
            ("a\n\nb\tc", "a b c"),
            ("abc\u{202e}def\u{200b}", "abcdef"),
            ("\u{1b}[31mred", "[31mred"),
            ("삼성전자 📉", "삼성전자 📉"),
        ];
        for (text, expected) in cases {
            assert_eq!(harmless(text, 40), expected, "{text:?}");
        }
        assert_eq!(harmless("가나다라", 2), "가나");
        assert_eq!(harmless("a b", 2), "a");
    }
}
