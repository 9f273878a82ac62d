//! Updates of the Bot API, as far as the rules look at them (TELEGRAM.md 5 and 7). One odd update blocks no other: what cannot
//! be read is of a kind that nobody handles.

use notifier::chat::{ButtonPress, ChatMessage, Content, Incoming};
use serde_json::Value;

/// Signs that a message was not typed by its sender there and then.
const FOREIGN_SIGNS: [&str; 12] = [
    "sender_chat",
    "forward_origin",
    "forward_date",
    "forward_from",
    "via_bot",
    "is_from_offline",
    "is_automatic_forward",
    "business_connection_id",
    "sender_business_bot",
    "guest_query_id",
    "edit_date",
    "reply_to_story",
];
/// What an update may hold of what is handled; it holds exactly one thing.
const MESSAGE: &str = "message";
const PRESS: &str = "callback_query";

/// An update; none when it has no number, so that nothing can be said about it.
pub(super) fn parse(update: &Value) -> Option<Incoming> {
    let update_id = update.get("update_id")?.as_i64()?;
    let payloads = update.as_object().map_or(0, |fields| fields.len().saturating_sub(1));
    let content = match (update.get(MESSAGE), update.get(PRESS)) {
        (Some(sent), None) if payloads == 1 => message(sent).map(Content::Message),
        (None, Some(pressed)) if payloads == 1 => press(pressed).map(Content::Press),
        (Some(_) | None, Some(_) | None) => None,
    };
    Some(Incoming { update_id, content: content.unwrap_or(Content::Other) })
}

fn message(sent: &Value) -> Option<ChatMessage> {
    let from = sent.get("from");
    Some(ChatMessage {
        chat: sent.get("chat")?.get("id")?.as_i64()?,
        user: from.and_then(|from| from.get("id")?.as_i64()),
        is_bot: is_bot(from),
        date_s: sent.get("date")?.as_i64()?,
        text: sent.get("text").and_then(|text| text.as_str().map(str::to_owned)),
        command_units: sent.get("entities").and_then(command_units),
        foreign_sign: FOREIGN_SIGNS.into_iter().find(|sign| sent.get(sign).is_some_and(is_said)),
    })
}

/// Who does not say that they are a person is none.
fn is_bot(from: Option<&Value>) -> bool {
    from.and_then(|from| from.get("is_bot")?.as_bool()).unwrap_or(true)
}

fn is_said(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Bool(false))
}

fn command_units(entities: &Value) -> Option<usize> {
    let is_command = |entity: &&Value| {
        entity.get("type").and_then(Value::as_str) == Some("bot_command")
            && entity.get("offset").and_then(Value::as_u64) == Some(0)
    };
    let length = entities.as_array()?.iter().find(is_command)?.get("length")?.as_u64()?;
    usize::try_from(length).ok()
}

fn press(pressed: &Value) -> Option<ButtonPress> {
    let from = pressed.get("from");
    let under = pressed.get("message");
    Some(ButtonPress {
        query: pressed.get("id")?.as_str()?.to_owned(),
        user: from?.get("id")?.as_i64()?,
        is_bot: is_bot(from),
        chat: under.and_then(|under| under.get("chat")?.get("id")?.as_i64()),
        message: under.and_then(|under| under.get("message_id")?.as_i64()),
        data: pressed.get("data")?.as_str()?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mutation::Mutator;
    use notifier::chat::{Doorman, Policy, Verdict};
    use serde_json::json;

    const SENT: &str = r#"{"update_id":5,"message":{"message_id":9,"date":1795694400,"text":"/halt the feed is odd",
        "chat":{"id":70,"type":"private"},"from":{"id":7,"is_bot":false,"first_name":"Kim"},
        "entities":[{"type":"bot_command","offset":0,"length":5}]}}"#;
    const PRESSED: &str = r#"{"update_id":6,"callback_query":{"id":"q1","data":"yes:0000000000000001","chat_instance":"1",
        "from":{"id":7,"is_bot":false},"message":{"message_id":9,"date":1795694400,"chat":{"id":70,"type":"private"}}}}"#;

    fn read(text: &str) -> Incoming {
        parse(&serde_json::from_str(text).unwrap()).unwrap()
    }

    #[test]
    fn a_command_and_a_press_are_read_as_they_were_sent() {
        let Content::Message(sent) = read(SENT).content else { panic!() };
        assert_eq!(
            (sent.chat, sent.user, sent.command_units, sent.foreign_sign),
            (70, Some(7), Some(5), None)
        );
        let Content::Press(pressed) = read(PRESSED).content else { panic!() };
        assert_eq!((pressed.chat, pressed.message, pressed.query.as_str()), (Some(70), Some(9), "q1"));
    }

    #[test]
    fn every_sign_that_a_message_was_not_typed_is_seen() {
        for sign in FOREIGN_SIGNS {
            let mut update: Value = serde_json::from_str(SENT).unwrap();
            update["message"][sign] = json!({ "any": 1 });
            let Content::Message(sent) = parse(&update).unwrap().content else { panic!() };
            assert_eq!(sent.foreign_sign, Some(sign));
        }
        let edited = SENT.replace("\"message\":", "\"edited_message\":");
        assert_eq!(read(&edited).content, Content::Other);
        let both = r#"{"update_id":7,"message":{"date":1,"chat":{"id":70}},"edited_message":{}}"#;
        assert_eq!(read(both).content, Content::Other);
        let unsaid = SENT.replace("\"is_bot\":false,", "");
        assert!(matches!(read(&unsaid).content, Content::Message(sent) if sent.is_bot));
    }

    #[test]
    fn invariant_24_no_broken_update_is_taken_for_a_command_of_somebody_who_may_not() {
        let now = chrono::DateTime::from_timestamp(1_795_694_400, 0).unwrap();
        let mut mutator = Mutator::new(0x0b07);
        let (mut commands, mut presses, mut odd) = (0_u32, 0_u32, 0_u32);
        for case in 0..Mutator::cases() {
            let bytes = mutator.mutate(if case % 3 == 0 { PRESSED } else { SENT });
            let Ok(update) = serde_json::from_slice::<Value>(&bytes) else {
                odd += 1;
                continue;
            };
            let Some(incoming) = parse(&update) else {
                odd += 1;
                continue;
            };
            let mut doorman = Doorman::new(Policy { chats: vec![70], users: vec![7] }, None);
            let id = |value: &Value| value["id"].as_i64();
            match doorman.judge(incoming, now) {
                Verdict::Command { .. } => {
                    commands += 1;
                    let sent = &update["message"];
                    assert_eq!((id(&sent["chat"]), id(&sent["from"])), (Some(70), Some(7)), "{update}");
                    assert_eq!(sent["from"]["is_bot"], json!(false), "{update}");
                    assert!((sent["date"].as_i64().unwrap() - now.timestamp()).abs() <= 600, "{update}");
                }
                Verdict::Press(_) => {
                    presses += 1;
                    let pressed = &update["callback_query"];
                    assert_eq!(
                        (id(&pressed["message"]["chat"]), id(&pressed["from"])),
                        (Some(70), Some(7)),
                        "{update}"
                    );
                    assert_eq!(pressed["from"]["is_bot"], json!(false), "{update}");
                }
                Verdict::Help { chat, user, .. } => assert_eq!((chat, user), (70, 7), "{update}"),
                Verdict::Refused { .. } => odd += 1,
            }
        }
        println!(
            "Telegram: {} updates, {commands} commands, {presses} presses, {odd} refused",
            Mutator::cases()
        );
        assert!(commands > 0 && presses > 0 && odd > 0);
    }
}
