//! Text that strangers wrote, made harmless: names of stocks and a model's reasons.

/// `text` on one line, without control, direction and invisible characters, at most `max_chars` long.
pub(crate) fn harmless(text: &str, max_chars: usize) -> String {
    let seen = text.chars().map(|c| if c.is_control() { ' ' } else { c }).filter(|c| !is_hidden(*c));
    let mut line = String::new();
    for c in seen {
        if c != ' ' || !line.ends_with(' ') {
            line.push(c);
        }
    }
    line.trim().chars().take(max_chars).collect()
}

/// Zero-width characters, direction marks, tags and the byte order mark.
fn is_hidden(c: char) -> bool {
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
    }
}
