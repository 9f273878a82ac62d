//! Texts of strangers stay texts, and whoever cannot see or has no mouse can use the page.

use chrono::{DateTime, Utc};
use domain::messages::control::{HaltLevel, TradingState};
use domain::messages::evolution::{
    AutoLimit, BlindWatch, LateCycle, ProposalChange, ProposalLine, ProposalNumber, ProposalStatus,
};
use domain::messages::ledger::EventKind;
use domain::messages::operator::{DatedPrice, PriceSource};
use domain::messages::symbols::{SymbolHalt, SymbolHaltCause};
use domain::{
    Action, Confidence, DecisionId, EventId, IntentId, Market, OrderState, Quantity, Side, Wait, WaitCause,
};

use super::*;
use crate::budget::{Amount, BudgetReport};
use crate::control::Evolution;
use crate::control::approval::AutoApproval;
use crate::store::Tally;
use crate::web::tests::{halt, running, trading};

/// What strangers write to break out of a page; each has a name of its own to be found by.
fn hostile() -> Vec<String> {
    let forms: [fn(u32) -> String; 10] = [
        |n| format!("<script>window.x{n}=1</script>"),
        |n| format!("\"><img src=x onerror=window.x{n}=1>"),
        |n| format!("' autofocus onfocus='window.x{n}=1"),
        |n| format!("</td></tr></table><svg onload=window.x{n}=1>"),
        |n| format!("</title></style></textarea><script>window.x{n}=1</script>"),
        |n| format!("<iframe srcdoc='<script>parent.x{n}=1</script>'></iframe>"),
        |n| format!("javascript:window.x{n}=1//"),
        |n| format!("{{{{constructor.constructor('window.x{n}=1')()}}}}<a href=javascript:window.x{n}=1>"),
        |n| format!("<!--><math><mtext></p><style><img src onerror=window.x{n}=1></style>"),
        |n| format!("\u{202e}삼성전자\u{0} & &lt;script&gt;window.x{n}=1&lt;/script&gt; <b>{n}"),
    ];
    (0..200).map(|n| forms[n as usize % forms.len()](n)).collect()
}

fn amount() -> Amount {
    Amount { used: 1, reserved: 0, limit: Some(20), left: Some(19) }
}

/// Books with one of everything, `text` in each.
fn books_with(text: &str, at: DateTime<Utc>, instrument: &Instrument) -> Books {
    let price = "70000".parse().unwrap();
    Books {
        positions: vec![PositionLine {
            instrument: instrument.clone(),
            quantity: Quantity::new(3),
            cost: Money::new(210_000.into(), Currency::Krw),
            other_shares: 0,
            confirmed: None,
            price: Some(DatedPrice { price, at, seen_by: PriceSource::Exchange }),
            unrealised: Some(Money::new((-5).into(), Currency::Krw)),
        }],
        pnl: vec![],
        proposals: vec![ProposalLine {
            number: ProposalNumber(7),
            market: Market::Kr,
            name: text.into(),
            status: ProposalStatus::ReadyForReview,
            last: Some(ProposalChange {
                status: ProposalStatus::ReadyForReview,
                by: text.into(),
                reason: text.into(),
                at,
            }),
            changes: vec![text.into()],
        }],
        orders: (
            vec![OrderLine {
                intent: IntentId::from_stored(text.into()),
                decision: DecisionId::from_stored(text.into()),
                instrument: instrument.clone(),
                side: Side::Buy,
                quantity: Quantity::new(3),
                limit: price,
                state: OrderState::Filled,
                filled: Quantity::new(3),
                amount: Money::new(210_000.into(), Currency::Krw),
                approved_at: at,
                sent_at: None,
                changed_at: at,
                number: Some(text.into()),
                remark: Some(text.into()),
            }],
            true,
        ),
        decisions: (
            vec![DecisionLine {
                id: DecisionId::from_stored(text.into()),
                at,
                instrument: instrument.clone(),
                action: Action::Buy,
                confidence: Confidence::new(90).unwrap(),
                judge: text.into(),
                price: None,
                rationale: text.into(),
                selection: None,
                outcome: Some(text.into()),
            }],
            true,
        ),
        events: vec![EventLine {
            id: EventId(1),
            at,
            kind: EventKind::Alarm,
            market: None,
            text: text.into(),
        }],
    }
}

/// The whole page, with `text` wherever a text of somebody else can stand.
fn page_with(text: &str, may_command: bool) -> String {
    let at = "2026-11-26T00:59:00Z".parse().unwrap();
    let instrument: Instrument = "KR:005930".parse().unwrap();
    let mut status = trading(TradingState::Halted);
    let mut record = halt(HaltLevel::Halted);
    (record.id, record.by, record.reason) = (text.into(), text.into(), text.into());
    status.halts = vec![record];
    status.entry_blocks = vec![text.into()];
    status.blind = vec![instrument.clone()];
    let cause = WaitCause::Refused { why: text.into() };
    status.waits = vec![(instrument.clone(), Wait { cause, until: at })];
    let (cause, reason) = (SymbolHaltCause::Dispute, text.to_owned());
    status.symbol_halts = vec![SymbolHalt { id: 1, instrument: instrument.clone(), at, cause, reason }];
    let View::Running(mut agent) = running(Ok(status)) else { panic!("it runs") };
    agent.venue = text.into();
    agent.actors[0].last_error = Some(text.into());
    agent.actors[1].last_error = Some(text.into());
    let budget = BudgetReport {
        judge: text.into(),
        quota_date: "2026-11-25".parse().unwrap(),
        resets_at: at,
        calls: amount(),
        tokens: amount(),
        usd_micros: amount(),
        shares: vec![],
    };
    let books = books_with(text, at, &instrument);
    let facts = Facts {
        view: &View::Running(agent),
        counted: &Ok(Counted { tally: Tally::default(), budget, evolution: Evolution::default() }),
        books: &Ok(books),
        curves: &BTreeMap::new(),
        may_command,
    };
    document(&parts(&facts), may_command).into_string()
}

/// The marks that make structure; a text that becomes structure changes their number.
fn structure(html: &str) -> [usize; 3] {
    ['<', '>', '"'].map(|mark| html.matches(mark).count())
}

#[test]
fn two_hundred_hostile_texts_in_every_place_stay_texts() {
    let texts = hostile();
    assert_eq!(texts.len(), 200);
    for may_command in [true, false] {
        let plain = structure(&page_with("x", may_command));
        for text in &texts {
            let html = page_with(text, may_command);
            assert_eq!(structure(&html), plain, "{text}");
            assert!(
                !html.contains("<script>") && !html.contains("<img") && !html.contains("<iframe"),
                "{text}"
            );
        }
        let told = story(&texts[0], &texts).into_string();
        assert_eq!(structure(&told)[0], structure(&story("x", &vec!["x".into(); 200]).into_string())[0]);
    }
    let broken = |text: &str| {
        let (counted, books) = (Err(text.to_owned()), Err(text.to_owned()));
        let (view, curves) = (running(Err(text.to_owned())), BTreeMap::new());
        let facts =
            Facts { view: &view, counted: &counted, books: &books, curves: &curves, may_command: false };
        structure(&document(&parts(&facts), false).into_string())
    };
    texts.iter().for_each(|text| assert_eq!(broken(text), broken("x"), "{text}"));
}

#[test]
fn every_table_is_named_every_field_has_a_label_and_no_place_has_two_names() {
    let html = page_with("x", true);
    let count = |what: &str| html.matches(what).count();
    assert_eq!(count("<table>"), count("class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label="));
    assert_eq!(count("<th "), count("<th scope=\"col\""));
    assert_eq!(count("<input"), count("<label"));
    assert_eq!(count("<section"), count("<section aria-labelledby="));
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert!(html.contains("<main id=\"main\">") && html.contains("href=\"#main\""));
    let mut ids: Vec<&str> = html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id twice: {ids:?}");
    for label in html.split("aria-labelledby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(ids.contains(&label), "{label}");
    }
}

#[test]
fn without_a_token_the_page_has_no_button_and_no_code_and_says_which_command_does_it() {
    let html = page_with("x", false);
    let code = halt(HaltLevel::Halted).nonce;
    assert!(!html.contains("<button") && !html.contains(code.as_str()), "the code is for those who may");
    assert!(html.contains("kestrel halt --reason TEXT") && html.contains("kestrel resume --halt x"));
    let html = page_with("h-7", true);
    assert!(html.contains(&format!("data-halt=\"h-7\" data-code=\"{code}\"")), "{html}");
    assert!(html.contains("Resume: lift h-7") && html.contains("Halt all trading"));
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_runs_nothing_that_stands_in_it() {
    let html = page_with("x", true);
    assert_eq!(html.matches("<script").count(), 1);
    assert!(html.contains("<script src=\"/page.js\" defer></script>"));
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" onclick"));
    for text in [&*html, SCRIPT, STYLE] {
        let addresses = text.replace("http://www.w3.org/2000/svg", "");
        assert!(
            !addresses.contains("http://") && !addresses.contains("https://") && !text.contains("url(http")
        );
    }
    assert!(!POLICY.contains("unsafe") && POLICY.starts_with("default-src 'none'"));
    assert!(!SCRIPT.contains("cookie") && !SCRIPT.contains("localStorage") && !SCRIPT.contains("eval("));
}

#[test]
fn what_needs_no_person_and_what_was_not_learnt_from_is_said_with_the_proposals() {
    let budget = BudgetReport {
        judge: "rules".into(),
        quota_date: "2026-11-25".parse().unwrap(),
        resets_at: "2026-11-26T08:00:00Z".parse().unwrap(),
        calls: amount(),
        tokens: amount(),
        usd_micros: amount(),
        shares: vec![],
    };
    let shown = |evolution: Evolution| {
        let counted = Ok(Counted { tally: Tally::default(), budget: budget.clone(), evolution });
        books::proposals(&Ok(Books::default()), &counted).into_string()
    };
    assert!(
        shown(Evolution::default())
            .contains("Nothing is searched for; what is drafted or active is still followed.")
    );
    let by_person = Evolution { markets: vec![Market::Kr], ..Evolution::default() };
    assert!(shown(by_person.clone()).contains("Every proposal waits for a person."));
    let late = LateCycle {
        market: Market::Kr,
        session_date: "2026-11-24".parse().unwrap(),
        closed_at: "2026-11-24T06:31:00Z".parse().unwrap(),
    };
    let limit: AutoLimit = "max_position_pct=5".parse().unwrap();
    let approval = AutoApproval::new(limit, None);
    let seen_until = "2026-11-24".parse().unwrap();
    let number = ProposalNumber(3);
    let blind = BlindWatch { number, market: Market::Jp, is_active: true, seen_until, sessions: 4 };
    let html =
        shown(Evolution { late: vec![late], blind: vec![blind], approval: Some(approval), ..by_person });
    for part in [
        "without a person within max_position_pct=5",
        "evolution is late in KR: no cycle of 2026-11-24",
        "proposal 0003 is followed blindly: 4 sessions of JP after 2026-11-24",
    ] {
        assert!(html.contains(part), "{html}");
    }
}
