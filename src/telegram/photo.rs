//! Pictures through `sendPhoto` (TELEGRAM.md 6): a form of several parts, at most 10 MB, and a caption.

use notifier::Picture;
use tokio::time::Instant;

use super::{Failure, LIMITS, Telegram};

/// Between the parts. The bytes of a PNG hold its own checks, and never this line: they are looked through all the same.
const BOUNDARY: &str = "kestrel-part-5b1f0c6a9e7d4823";
/// Longest caption (TELEGRAM.md 6), in characters.
const CAPTION_MAX_CHARS: usize = 1_024;
/// Largest picture (TELEGRAM.md 6), in bytes.
const PICTURE_BYTES_MAX: usize = 10_000_000;

impl Telegram {
    /// Shows a picture in a chat, once. It counts like a message.
    pub(super) async fn show_to(&self, chat: i64, picture: &Picture, is_silent: bool) -> Result<(), Failure> {
        let form = form(chat, picture, is_silent)
            .ok_or_else(|| Failure::Refused("the picture cannot be sent as it is".to_owned()))?;
        let wait = self.pace().wait(Instant::now());
        tokio::time::sleep(wait).await;
        self.pace().sent(Instant::now());
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        self.exchange(self.post_to("sendPhoto", &content_type, form)?, LIMITS).await.map(drop)
    }
}

/// The parts (RFC 7578); none for a picture that is too large, or that would end its own part.
fn form(chat: i64, picture: &Picture, is_silent: bool) -> Option<Vec<u8>> {
    let caption: String = picture.caption.chars().take(CAPTION_MAX_CHARS).collect();
    let is_whole = |text: &[u8]| !text.windows(BOUNDARY.len()).any(|window| window == BOUNDARY.as_bytes());
    if picture.png.len() > PICTURE_BYTES_MAX || !is_whole(&picture.png) || !is_whole(caption.as_bytes()) {
        return None;
    }
    let mut form = Vec::new();
    let fields = [
        ("chat_id", chat.to_string()),
        ("caption", caption),
        ("disable_notification", is_silent.to_string()),
    ];
    for (name, value) in fields {
        form.extend(
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                .into_bytes(),
        );
    }
    form.extend(
        format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"report.png\"\r\n\
             Content-Type: image/png\r\n\r\n"
        )
        .into_bytes(),
    );
    form.extend_from_slice(&picture.png);
    form.extend(format!("\r\n--{BOUNDARY}--\r\n").into_bytes());
    Some(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(png: &[u8], caption: &str) -> Picture {
        Picture { png: png.into(), caption: caption.to_owned() }
    }

    #[test]
    fn the_form_holds_each_field_once_and_the_picture_byte_for_byte() {
        let png = b"\x89PNG\r\n\x1a\n\0\xff";
        let form = form(-42, &picture(png, "Equity"), true).unwrap();
        let text = String::from_utf8_lossy(&form);
        for part in
            ["name=\"chat_id\"\r\n\r\n-42\r\n", "name=\"caption\"\r\n\r\nEquity\r\n", "\r\n\r\ntrue\r\n"]
        {
            assert_eq!(text.matches(part).count(), 1, "{part:?} in {text:?}");
        }
        assert_eq!(form.windows(png.len()).filter(|window| window == png).count(), 1);
        assert!(text.ends_with(&format!("\r\n--{BOUNDARY}--\r\n")));
        assert_eq!(text.matches(&format!("--{BOUNDARY}")).count(), 5);
    }

    #[test]
    fn a_picture_that_would_end_its_part_or_is_too_large_is_not_sent_and_a_long_caption_is_cut() {
        assert_eq!(form(1, &picture(BOUNDARY.as_bytes(), "x"), false), None);
        assert_eq!(form(1, &picture(b"x", BOUNDARY), false), None);
        assert_eq!(form(1, &picture(&vec![0; PICTURE_BYTES_MAX + 1], "x"), false), None);
        let long = form(1, &picture(b"x", &"\u{e9}".repeat(2_000)), false).unwrap();
        assert_eq!(String::from_utf8_lossy(&long).matches('\u{e9}').count(), CAPTION_MAX_CHARS);
    }
}
