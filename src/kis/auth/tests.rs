//! The token: one owner, one issue, kept between runs.

use std::sync::Arc;
use std::time::Duration;

use http::Method;

use super::*;
use crate::http::NetError;
use crate::kis::testing::{Reply, Scripted, config, ports, reply, token_reply};
use crate::kis::{Environment, KisConfig};

fn keeper(transport: &Arc<Scripted>, file: Option<PathBuf>) -> TokenKeeper {
    keeper_of("KEY-OF-TEST", transport, file)
}

fn keeper_of(app_key: &str, transport: &Arc<Scripted>, file: Option<PathBuf>) -> TokenKeeper {
    let KisConfig { base_url, mut credentials, .. } = config(Environment::Real);
    credentials.app_key = app_key.into();
    TokenKeeper::new(Identity { base_url, credentials, file }, ports(transport))
}

fn bearer(token: &Token) -> String {
    token.bearer.expose_secret().to_owned()
}

fn issues(transport: &Scripted) -> usize {
    transport.count(&Method::POST, "/oauth2/tokenP")
}

/// A different token at each issue.
fn fresh(_: &Request, before: usize) -> Reply {
    token_reply(&format!("token-{before}"))
}

async fn pass(duration: TimeDelta) {
    tokio::time::advance(duration.to_std().unwrap() + Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn many_callers_at_once_cause_one_issue() {
    let transport = Scripted::new(fresh);
    let keeper = keeper(&transport, None);
    let (a, b, c) = tokio::join!(keeper.token(), keeper.token(), keeper.token());
    assert_eq!([a, b, c].map(|token| bearer(&token.unwrap())), ["token-0"; 3]);
    assert_eq!(issues(&transport), 1);
}

#[tokio::test(start_paused = true)]
async fn the_token_is_replaced_before_it_ends() {
    let transport = Scripted::new(fresh);
    let keeper = keeper(&transport, None);
    keeper.token().await.unwrap();
    pass(TimeDelta::hours(23)).await;
    assert_eq!(bearer(&keeper.token().await.unwrap()), "token-0");
    pass(TimeDelta::minutes(31)).await;
    // The script's second token has the same end, which is now too near: both are still good to use.
    assert_eq!(bearer(&keeper.token().await.unwrap()), "token-1");
    assert_eq!(issues(&transport), 2);
}

#[tokio::test(start_paused = true)]
async fn a_failed_early_refresh_keeps_the_old_token_until_its_end() {
    let transport =
        Scripted::new(|request, before| if before == 0 { fresh(request, 0) } else { reply(500, "") });
    let keeper = keeper(&transport, None);
    keeper.token().await.unwrap();
    pass(TimeDelta::minutes(23 * 60 + 45)).await;
    assert_eq!(bearer(&keeper.token().await.unwrap()), "token-0");
    pass(TimeDelta::minutes(16)).await;
    assert!(keeper.token().await.is_err());
    assert!(keeper.current().is_none());
}

#[tokio::test(start_paused = true)]
async fn two_issues_are_never_closer_than_65_seconds() {
    let transport =
        Scripted::new(|_, _| reply(403, r#"{"error_code":"EGW00133","error_description":"wait"}"#));
    let keeper = keeper(&transport, None);
    let refused = QueryError::Refused { code: "EGW00133".into(), text: "wait".into() };
    assert_eq!(keeper.token().await.err(), Some(refused));
    pass(TimeDelta::seconds(64)).await;
    assert!(matches!(keeper.token().await, Err(QueryError::Unavailable(_))));
    assert_eq!(issues(&transport), 1);
    pass(TimeDelta::seconds(1)).await;
    assert!(keeper.token().await.is_err());
    assert_eq!(issues(&transport), 2);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_of_a_clock_that_ran_ahead_holds_up_no_token_once_it_is_set_right() {
    let transport = Scripted::new(fresh);
    let keeper = keeper(&transport, None);
    for (ahead, is_asked) in [(TimeDelta::seconds(64), false), (TimeDelta::days(1), true)] {
        *keeper.issuing.lock().await = Some(keeper.ports.clock.now() + ahead);
        assert_eq!(keeper.token().await.is_ok(), is_asked, "{ahead}");
    }
    assert_eq!(issues(&transport), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_refused_once_and_is_handed_out_again_is_used_again() {
    let transport = Scripted::new(|_, _| token_reply("the-same"));
    let keeper = keeper(&transport, None);
    let token = keeper.token().await.unwrap();
    keeper.discard(&token);
    assert!(keeper.token().await.is_err(), "not asked for again within 65 s");
    pass(TimeDelta::seconds(65)).await;
    assert_eq!(bearer(&keeper.token().await.unwrap()), "the-same");
    assert_eq!(keeper.trouble(), None, "one gateway was wrong once");
    // Hours later it is refused once more: that is another story.
    pass(TimeDelta::hours(2)).await;
    keeper.discard(&token);
    assert_eq!(bearer(&keeper.token().await.unwrap()), "the-same");
    assert_eq!(keeper.trouble(), None);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_again_and_again_is_asked_for_after_growing_pauses_and_a_person_is_told() {
    let transport = Scripted::new(|_, before| token_reply(if before < 9 { "dead" } else { "fresh" }));
    let keeper = keeper(&transport, None);
    let mut pauses = Vec::new();
    for refused in 1..=9 {
        let token = keeper.token().await.unwrap();
        assert_eq!((bearer(&token), issues(&transport)), ("dead".into(), refused));
        keeper.discard(&token);
        assert_eq!(keeper.trouble().is_some(), refused >= 2, "{refused}");
        let mut waited = 0;
        while keeper.token().await.is_err() {
            pass(TimeDelta::seconds(5)).await;
            waited += 5;
        }
        pauses.push(waited / 60);
    }
    assert_eq!(pauses, [1, 1, 2, 4, 8, 16, 30, 30, 30]);
    assert_eq!(keeper.current().as_ref().map(bearer), Some("fresh".into()));
    assert_eq!(keeper.trouble(), None, "another token has a clean record");
}

/// An exchange whose token server answers the second request after a minute.
struct SlowSecondIssue(Arc<Scripted>);

impl crate::http::Transport for SlowSecondIssue {
    fn carry(&self, cleared: crate::http::Cleared) -> domain::BoxFuture<'_, Reply> {
        Box::pin(async move {
            if issues(&self.0) > 0 {
                tokio::time::sleep(Duration::from_secs(60)).await;
            }
            self.0.carry(cleared).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_an_early_refresh_while_the_old_token_is_good() {
    let transport = Scripted::new(fresh);
    let slow: Arc<dyn crate::http::Transport> = Arc::new(SlowSecondIssue(Arc::clone(&transport)));
    let KisConfig { base_url, credentials, .. } = config(Environment::Real);
    let ports = Ports { reads: slow, ..ports(&transport) };
    let keeper = TokenKeeper::new(Identity { base_url, credentials, file: None }, ports);
    keeper.token().await.unwrap();
    pass(TimeDelta::minutes(23 * 60 + 45)).await;
    let at_once = async {
        let read = keeper.token().await.unwrap();
        let order = keeper.token_for_order().await.unwrap();
        assert_eq!([read, order].map(|token| bearer(&token)), ["token-0"; 2]);
        issues(&transport)
    };
    let (refreshed, issued_before) = tokio::join!(keeper.token(), at_once);
    assert_eq!((bearer(&refreshed.unwrap()), issued_before), ("token-1".into(), 1));
}

#[tokio::test(start_paused = true)]
async fn an_order_leaves_the_early_refresh_to_the_reads_until_the_last_minute() {
    let transport = Scripted::new(fresh);
    let keeper = keeper(&transport, None);
    keeper.token().await.unwrap();
    pass(TimeDelta::minutes(23 * 60 + 58)).await;
    assert_eq!(bearer(&keeper.token_for_order().await.unwrap()), "token-0");
    pass(TimeDelta::seconds(90)).await;
    assert_eq!(bearer(&keeper.token_for_order().await.unwrap()), "token-1");
}

#[tokio::test(start_paused = true)]
async fn discarding_a_token_that_was_already_replaced_changes_nothing() {
    let transport = Scripted::new(fresh);
    let keeper = keeper(&transport, None);
    let old = keeper.token().await.unwrap();
    keeper.discard(&old);
    pass(TimeDelta::seconds(65)).await;
    keeper.token().await.unwrap();
    keeper.discard(&old);
    assert_eq!(keeper.current().as_ref().map(bearer), Some("token-1".into()));
}

#[tokio::test(start_paused = true)]
async fn a_restart_uses_the_kept_token_and_other_credentials_do_not() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kis_token.json");
    let transport = Scripted::new(fresh);
    keeper(&transport, Some(file.clone())).token().await.unwrap();
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("KEY-OF-TEST") && !text.contains("SECRET-OF-TEST"));

    let again = keeper(&transport, Some(file.clone()));
    assert_eq!(bearer(&again.token().await.unwrap()), "token-0");
    let other = keeper_of("ANOTHER", &transport, Some(file));
    assert!(other.current().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_crash_loop_asks_once_a_minute_because_the_attempt_is_kept_before_the_call() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kis_token.json");
    let transport = Scripted::new(|_, _| Err(NetError::Ambiguous("cut".into())));
    for _ in 0..5 {
        assert!(keeper(&transport, Some(file.clone())).token().await.is_err());
    }
    assert_eq!(issues(&transport), 1);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_is_no_token_and_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kis_token.json");
    for text in ["", "{", "[]", r#"{"owner":1}"#] {
        std::fs::write(&file, text).unwrap();
        assert!(keeper(&Scripted::new(fresh), Some(file.clone())).current().is_none(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn invariant_24_a_broken_token_file_gives_no_token_that_is_not_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let transport = Scripted::new(fresh);
    keeper(&transport, Some(file.clone())).token().await.unwrap();
    let honest = std::fs::read_to_string(&file).unwrap();
    let mut mutator = crate::mutation::Mutator::new(0x70c);
    let (mut used, cases) = (0_u64, crate::mutation::Mutator::cases());
    for _ in 0..cases {
        let content = mutator.mutate(&honest);
        std::fs::write(&file, &content).unwrap();
        let keeper = keeper(&transport, Some(file.clone()));
        if let Some(token) = keeper.current() {
            used += 1;
            let text = String::from_utf8_lossy(&content).into_owned();
            assert!(
                is_bearer(&bearer(&token)) && token.expires_at <= keeper.ports.clock.now() + VALIDITY_MAX,
                "{text}"
            );
            assert!(text.contains(&serde_json::json!(bearer(&token)).to_string()), "{text}");
        }
    }
    println!("token file: {cases} payloads, {used} used");
    assert!(used > 0 && used < cases);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_header_can_carry_or_that_lasts_for_ever_is_not_believed() {
    let answer = |bearer: &str| {
        format!(r#"{{"access_token":"{bearer}","access_token_token_expired":"9999-12-31 23:59:59"}}"#)
    };
    for bearer in ["a\\nb", "토큰", "a b", &"x".repeat(5_000)] {
        let body = answer(bearer);
        let transport = Scripted::new(move |_, _| reply(200, &body));
        let error = keeper(&transport, None).token().await.err().unwrap();
        assert!(matches!(error, QueryError::Malformed(_)), "{error}");
    }
    let transport = Scripted::new(move |_, _| reply(200, &answer("good")));
    let keeper = keeper(&transport, None);
    let token = keeper.token().await.unwrap();
    assert!(token.expires_at <= keeper.ports.clock.now() + VALIDITY_MAX);
}
