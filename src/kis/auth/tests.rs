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
async fn a_refused_token_handed_out_again_is_no_success() {
    let transport = Scripted::new(|_, _| token_reply("the-same"));
    let keeper = keeper(&transport, None);
    let token = keeper.token().await.unwrap();
    keeper.discard(&token);
    pass(TimeDelta::seconds(65)).await;
    assert!(matches!(keeper.token().await, Err(QueryError::Unavailable(_))));
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
