//! From a model's text to the one JSON value in it: fences, prose and thoughts around it are ignored, the value itself
//! is never repaired (LLM.md 3, rules 2 to 6).

use super::Unusable;
use super::json::Json;

/// Blocks in which models think aloud before they answer.
const THOUGHT_TAGS: [&str; 3] = ["think", "thinking", "reasoning"];

/// The one JSON value that `text` holds.
pub(super) fn unpack(text: &str) -> Result<Json, Unusable> {
    serde_json::from_str(only_json(text)?).map_err(|_| Unusable::Malformed)
}

/// The part of `text` that is the one JSON value.
pub(super) fn only_json(text: &str) -> Result<&str, Unusable> {
    let text = trim(text);
    if text.is_empty() {
        return Err(Unusable::Empty);
    }
    if serde_json::from_str::<Json>(text).is_ok() {
        return Ok(text);
    }
    let span = only_span(after_thoughts(text)?)?;
    serde_json::from_str::<Json>(span).map(|_| span).map_err(|_| Unusable::Malformed)
}

fn trim(text: &str) -> &str {
    trim_start(text).trim_end_matches(is_padding)
}

fn trim_start(text: &str) -> &str {
    text.trim_start_matches(is_padding)
}

fn is_padding(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

/// The text behind all thoughts. An unclosed one means that the answer never came.
fn after_thoughts(text: &str) -> Result<&str, Unusable> {
    // Lowering ASCII letters moves nothing, so positions hold in both.
    let lower = text.to_ascii_lowercase();
    let mut start = 0;
    while let Some(tag) = THOUGHT_TAGS.into_iter().find(|tag| lower[start..].starts_with(&format!("<{tag}>")))
    {
        let close = format!("</{tag}>");
        let at = lower[start..].find(&close).ok_or(Unusable::Truncated)?;
        start += at + close.len();
        start += text[start..].len() - trim_start(&text[start..]).len();
    }
    let last_close = lower[start..].rfind("</think>").map_or(0, |at| at + "</think>".len());
    let answer = trim(&text[start + last_close..]);
    if answer.is_empty() { Err(Unusable::Empty) } else { Ok(answer) }
}

/// The only outermost `{...}` or `[...]` of the text.
fn only_span(text: &str) -> Result<&str, Unusable> {
    let Some(start) = text.find(['{', '[']) else { return Err(Unusable::NoJson) };
    let end = start + span_length(&text[start..])?;
    if text[end..].contains(['{', '[']) {
        return Err(Unusable::Ambiguous);
    }
    Ok(&text[start..end])
}

/// Bytes from the opening bracket to its partner; brackets inside strings do not count.
fn span_length(text: &str) -> Result<usize, Unusable> {
    let mut open = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' => open.push(b'}'),
            b'[' => open.push(b']'),
            b'}' | b']' if open.pop() != Some(byte) => return Err(Unusable::Malformed),
            b'}' | b']' if open.is_empty() => return Ok(at + 1),
            _ => {}
        }
    }
    Err(Unusable::Truncated)
}
