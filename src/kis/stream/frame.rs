//! What a text of the stream is: data, a keep-alive, or an answer to a registration (KIS.md 14.1). Parsed at the border.

use serde::Deserialize;

use super::cipher::Cipher;

/// Records of one frame, at most: the count has three digits.
const RECORDS_MAX: usize = 999;
/// Longest name of a TR or key that is looked at.
const NAME_CHARS_MAX: usize = 64;

/// A text, understood.
#[derive(Debug)]
pub(super) enum Message<'a> {
    /// Prices or notices.
    Data(Data<'a>),
    /// To be sent back as it came.
    KeepAlive,
    /// What became of a registration.
    Answer(Answer),
}

/// `0|TR_ID|NNN|payload` or `1|TR_ID|NNN|base64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Data<'a> {
    pub(super) tr_id: &'a str,
    pub(super) is_encrypted: bool,
    /// Records in the payload, 1 to 999.
    pub(super) count: usize,
    pub(super) payload: &'a str,
}

/// An acknowledgement or an error.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) tr_id: String,
    pub(super) tr_key: String,
    pub(super) code: String,
    pub(super) text: String,
    /// What the notices of this registration will be encrypted with.
    pub(super) cipher: Option<Cipher>,
}

#[derive(Deserialize)]
struct Wire {
    header: Header,
    #[serde(default)]
    body: Option<Body>,
}

#[derive(Deserialize)]
struct Header {
    tr_id: String,
    #[serde(default)]
    tr_key: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    msg_cd: String,
    #[serde(default)]
    msg1: String,
    #[serde(default)]
    output: Option<Keys>,
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    iv: String,
    #[serde(default)]
    key: String,
}

/// Understands a text; none when it is nothing that KIS sends.
pub(super) fn parse(text: &str) -> Option<Message<'_>> {
    if text.trim_start().starts_with('{') {
        return control(text);
    }
    let mut parts = text.splitn(4, '|');
    let (flag, tr_id, count, payload) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_encrypted = match flag {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let digits = (1..=3).contains(&count.len()) && count.bytes().all(|byte| byte.is_ascii_digit());
    let count: usize = count.parse().ok().filter(|count| digits && (1..=RECORDS_MAX).contains(count))?;
    Some(Message::Data(Data { tr_id, is_encrypted, count, payload }))
}

fn control(text: &str) -> Option<Message<'_>> {
    let Wire { header, body } = serde_json::from_str(text).ok()?;
    if header.tr_id == "PINGPONG" {
        return Some(Message::KeepAlive);
    }
    let Body { msg_cd, msg1, output } = body?;
    let cipher = output.and_then(|keys| Cipher::new(&keys.key, &keys.iv));
    let short = |text: String| text.chars().take(NAME_CHARS_MAX).collect();
    Some(Message::Answer(Answer {
        tr_id: short(header.tr_id),
        tr_key: short(header.tr_key.unwrap_or_default()),
        code: short(msg_cd),
        text: crate::kis::wire::clip(&msg1),
        cipher,
    }))
}

/// The records of a payload: KIS appends fields, so more than `least` are accepted and fewer are not. None when the
/// fields do not divide into `count` records.
pub(super) fn records(payload: &str, count: usize, least: usize) -> Option<Vec<Vec<&str>>> {
    let fields: Vec<&str> = payload.split('^').collect();
    let each = fields.len().checked_div(count)?;
    let fits = each >= least && each * count == fields.len();
    fits.then(|| fields.chunks(each).map(<[&str]>::to_vec).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(text: &str) -> Option<Data<'_>> {
        match parse(text)? {
            Message::Data(data) => Some(data),
            Message::KeepAlive | Message::Answer(_) => None,
        }
    }

    #[test]
    fn data_has_a_flag_a_tr_id_a_count_and_a_payload() {
        let read = data("0|H0STCNT0|002|a^b|c^d^e").unwrap();
        assert_eq!(read, Data { tr_id: "H0STCNT0", is_encrypted: false, count: 2, payload: "a^b|c^d^e" });
        assert!(data("1|H0STCNI0|001|abc=").unwrap().is_encrypted);
        for wrong in
            ["", "0", "0|X|001", "2|X|001|a", "0|X|000|a", "0|X|1000|a", "0|X|+01|a", "0|X|a|a", "hello"]
        {
            assert!(data(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn every_record_of_a_frame_is_read_and_a_frame_that_does_not_divide_is_refused() {
        assert_eq!(records("1^2^3^4", 2, 2), Some(vec![vec!["1", "2"], vec!["3", "4"]]));
        assert_eq!(
            records("1^2^3^4^5^6", 2, 2).map(|all| all.len()),
            Some(2),
            "a field more in each is fine"
        );
        for (payload, count, least) in
            [("1^2^3", 2, 1), ("1^2", 1, 3), ("", 1, 2), ("1^2^3^4", 0, 2), ("1", 5, 1)]
        {
            assert_eq!(records(payload, count, least), None, "{payload}");
        }
    }

    #[test]
    fn answers_are_told_from_keep_alives_and_carry_a_cipher_only_if_it_is_one() {
        let ping = r#"{"header":{"tr_id":"PINGPONG","datetime":"20260302093000"}}"#;
        assert!(matches!(parse(ping), Some(Message::KeepAlive)));
        let answer = |iv: &str| {
            let text = format!(
                r#"{{"header":{{"tr_id":"H0STCNI0","tr_key":"me","encrypt":"Y"}},"body":{{"rt_cd":"0","msg_cd":"OPSP0000","msg1":"SUBSCRIBE SUCCESS","output":{{"iv":"{iv}","key":"abcdefghijklmnopabcdefghijklmnop"}}}}}}"#
            );
            match parse(&text) {
                Some(Message::Answer(answer)) => answer,
                other => panic!("{other:?}"),
            }
        };
        let full = answer("0123456789abcdef");
        assert_eq!(
            (full.tr_id.as_str(), full.tr_key.as_str(), full.code.as_str()),
            ("H0STCNI0", "me", "OPSP0000")
        );
        assert!(full.cipher.is_some() && answer("too short").cipher.is_none());
        assert!(!format!("{full:?}").contains("abcdefgh"), "keys are not printed");
        for wrong in ["{", "{}", r#"{"header":{"tr_id":"X"}}"#, r#"{"header":1}"#, "[]"] {
            assert!(parse(wrong).is_none(), "{wrong}");
        }
    }
}
