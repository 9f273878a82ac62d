//! The eight rules of the control channel, one table each (TELEGRAM.md 8).

use super::*;

const CHAT: i64 = 70;
const USER: i64 = 7;
const GROUP: i64 = -100;

fn now() -> DateTime<Utc> {
    "2026-11-26T12:00:00Z".parse().unwrap()
}

fn doorman() -> Doorman {
    let mut doorman = Doorman::new(Policy { chats: vec![CHAT, GROUP], users: vec![USER] }, None);
    doorman.is_called("kestrel_bot".into());
    doorman
}

fn message(text: &str) -> ChatMessage {
    let head = text.split(' ').next().unwrap_or_default();
    ChatMessage {
        chat: CHAT,
        user: Some(USER),
        is_bot: false,
        date_s: now().timestamp(),
        text: Some(text.to_owned()),
        command_units: head.starts_with('/').then(|| head.encode_utf16().count()),
        foreign_sign: None,
    }
}

fn press() -> ButtonPress {
    ButtonPress {
        query: "q".into(),
        user: USER,
        is_bot: false,
        chat: Some(CHAT),
        message: Some(9),
        data: "yes:0000000000000001".into(),
    }
}

fn judge(content: Content) -> Verdict {
    doorman().judge(Incoming { update_id: 5, content }, now())
}

fn why(verdict: Verdict) -> Option<Refusal> {
    match verdict {
        Verdict::Refused { why, .. } => Some(why),
        Verdict::Command { .. } | Verdict::Press(_) | Verdict::Help { .. } => None,
    }
}

#[test]
fn rule_1_chat_and_person_must_both_be_named() {
    for (chat, user, expected) in [
        (CHAT, Some(USER), None),
        (GROUP, Some(USER), None),
        (71, Some(USER), Some(Refusal::ForeignChat)),
        (USER, Some(USER), Some(Refusal::ForeignChat)),
        (CHAT, Some(8), Some(Refusal::ForeignUser)),
        (GROUP, Some(8), Some(Refusal::ForeignUser)),
        (CHAT, Some(CHAT), Some(Refusal::ForeignUser)),
        (CHAT, None, Some(Refusal::ForeignUser)),
    ] {
        let sent = ChatMessage { chat, user, ..message("/halt") };
        assert_eq!(why(judge(Content::Message(sent))), expected, "{chat} {user:?}");
    }
    for policy in [
        Policy::default(),
        Policy { chats: vec![CHAT], users: vec![] },
        Policy { chats: vec![], users: vec![USER] },
    ] {
        assert!(!policy.is_open());
        let mut closed = Doorman::new(policy, None);
        let verdict =
            closed.judge(Incoming { update_id: 1, content: Content::Message(message("/halt")) }, now());
        assert!(why(verdict).is_some(), "off by default");
    }
}

#[test]
fn rule_2_only_what_a_person_typed_there_and_then() {
    let signs = [
        "sender_chat",
        "forward_origin",
        "via_bot",
        "is_from_offline",
        "is_automatic_forward",
        "business_connection_id",
        "guest_query_id",
    ];
    for sign in signs {
        let sent = ChatMessage { foreign_sign: Some(sign), ..message("/halt") };
        assert_eq!(why(judge(Content::Message(sent))), Some(Refusal::NotTyped), "{sign}");
    }
    let of_bot = ChatMessage { is_bot: true, ..message("/halt") };
    assert_eq!(why(judge(Content::Message(of_bot))), Some(Refusal::Bot));
    assert_eq!(why(judge(Content::Other)), Some(Refusal::Kind), "edited messages are of another kind");
    let spoken = ChatMessage { command_units: None, ..message("halt /halt") };
    assert_eq!(why(judge(Content::Message(spoken))), Some(Refusal::NoCommand));
}

#[test]
fn rule_3_old_commands_and_such_from_the_future_are_not_done_but_halts_are_for_ten_minutes() {
    for (text, age_s, expected) in [
        ("/resume", 60, None),
        ("/resume", 61, Some(Refusal::Age)),
        ("/resume", -61, Some(Refusal::Age)),
        ("/flatten", 61, Some(Refusal::Age)),
        ("/status", 61, Some(Refusal::Age)),
        ("/halt", 600, None),
        ("/halt", 601, Some(Refusal::Age)),
        ("/halt", -601, Some(Refusal::Age)),
        ("/reduce", 600, None),
        ("/foo", 601, Some(Refusal::Age)),
    ] {
        let sent = ChatMessage { date_s: now().timestamp() - age_s, ..message(text) };
        assert_eq!(why(judge(Content::Message(sent))), expected, "{text} {age_s}");
    }
    for date_s in [i64::MIN, i64::MAX, 0] {
        let sent = ChatMessage { date_s, ..message("/halt") };
        assert_eq!(why(judge(Content::Message(sent))), Some(Refusal::Age), "{date_s}");
    }
}

#[test]
fn rule_4_an_update_is_handled_once_and_numbers_may_begin_anew_after_a_week() {
    let last = |days| Some(ChatPlace { update_id: 100, at: now() - TimeDelta::days(days) });
    for (update_id, days, expected) in [
        (101, 0, None),
        (100, 0, Some(Refusal::Replayed)),
        (3, 0, Some(Refusal::Replayed)),
        (3, 6, Some(Refusal::Replayed)),
        (3, 7, None),
    ] {
        let mut doorman = Doorman::new(doorman().policy, last(days));
        let content = Content::Message(message("/halt"));
        let verdict = doorman.judge(Incoming { update_id, content: content.clone() }, now());
        assert_eq!(why(verdict), expected, "{update_id} {days}");
        let again = doorman.judge(Incoming { update_id, content }, now());
        assert_eq!(why(again), Some(Refusal::Replayed));
    }
    let mut doorman = doorman();
    doorman.judge(Incoming { update_id: 8, content: Content::Other }, now());
    assert_eq!(doorman.next_offset(), Some(9), "what is ignored is passed over");
}

#[test]
fn rule_5_a_press_is_judged_like_a_message() {
    for (changed, expected) in [
        (press(), None),
        (ButtonPress { user: 8, ..press() }, Some(Refusal::ForeignUser)),
        (ButtonPress { chat: Some(71), ..press() }, Some(Refusal::ForeignChat)),
        (ButtonPress { chat: None, ..press() }, Some(Refusal::ForeignChat)),
        (ButtonPress { is_bot: true, ..press() }, Some(Refusal::Bot)),
    ] {
        assert_eq!(why(judge(Content::Press(changed.clone()))), expected, "{changed:?}");
    }
}

#[test]
fn rule_6_what_is_taken_is_a_request_and_no_command_orders_or_changes_limits() {
    for text in
        ["/buy KR:005930", "/sell KR:005930", "/order", "/limits", "/set", "/token", "/settings", "/cancel"]
    {
        assert!(matches!(judge(Content::Message(message(text))), Verdict::Help { .. }), "{text}");
    }
    let Verdict::Command { chat, user, command } = judge(Content::Message(message("/resume"))) else {
        panic!()
    };
    assert_eq!((chat, user, command), (CHAT, USER, Command::Resume));
}

#[test]
fn rule_7_ten_commands_a_minute_for_each_person_and_a_halt_is_never_one_too_many() {
    let mut doorman = doorman();
    let mut ask = |update_id, text: &str, after_s| {
        let at = now() + TimeDelta::seconds(after_s);
        let sent = ChatMessage { date_s: at.timestamp(), ..message(text) };
        why(doorman.judge(Incoming { update_id, content: Content::Message(sent) }, at))
    };
    for update_id in 1..=10 {
        assert_eq!(ask(update_id, "/status", 0), None);
    }
    assert_eq!(ask(11, "/status", 1), Some(Refusal::TooMany));
    assert_eq!(ask(12, "/foo", 1), Some(Refusal::TooMany));
    assert_eq!(ask(13, "/halt", 1), None);
    assert_eq!(ask(14, "/status", 60), None);
}

#[test]
fn rule_7_strangers_are_not_answered_and_those_who_may_command_are_helped() {
    let stranger = ChatMessage { user: Some(8), ..message("/help") };
    let Verdict::Refused { is_told, .. } = judge(Content::Message(stranger)) else { panic!() };
    assert!(!is_told);
    let Verdict::Help { why, .. } = judge(Content::Message(message("/foo"))) else { panic!() };
    assert_eq!(why, "there is no command /foo");
    let late = ChatMessage { date_s: now().timestamp() - 100, ..message("/resume") };
    let Verdict::Refused { is_told, command, .. } = judge(Content::Message(late)) else { panic!() };
    assert_eq!((is_told, command), (true, "resume"));
}

#[test]
fn rule_8_nothing_here_is_needed_to_halt() {
    // The chat's own answer to a halt is a request; the local ways (socket, file HALT) do not pass the doorman.
    let verdict = judge(Content::Message(message("/halt the feed is odd")));
    let expected = Command::Halt { reason: "the feed is odd".into(), cancel_open: false };
    assert_eq!(verdict, Verdict::Command { chat: CHAT, user: USER, command: expected });
}

#[test]
fn a_command_for_another_bot_in_the_group_is_not_ours() {
    for (text, expected) in [("/halt@kestrel_bot", None), ("/halt@other_bot", Some(Refusal::OtherBot))] {
        let sent = ChatMessage { chat: GROUP, ..message(text) };
        assert_eq!(why(judge(Content::Message(sent))), expected, "{text}");
    }
}
