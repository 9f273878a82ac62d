//! Why a stock was traded, and why it was not, as a person reads it.

use std::fmt::Write as _;

use chrono::{NaiveDate, TimeDelta};
use domain::messages::operator::{
    ConsideredLine, ConsultationLine, DecisionLine, FillLine, Obstacle, OrderStory, RefusalLine, Stage,
    StockWanted, Story, StrategyLine,
};
use domain::selection::{GateCheck, SelectionGate};
use domain::text::harmless;

use super::{UNKNOWN, instant};

/// Most characters shown of a prompt or reply.
const TEXT_SHOWN_CHARS: usize = 2_000;

pub(super) fn show_why(stock: &StockWanted, story: Option<&Story>) -> String {
    let Some(story) = story else {
        return format!(
            "The books hold no judgement and no order of {stock}, or none before the time given. Why it did not trade: kestrel why-not {stock}"
        );
    };
    let mut text = format!("Why {}\n", story.instrument);
    story.considered.iter().for_each(|scan| considered(&mut text, scan));
    match &story.decision {
        Some(made) => judgement(&mut text, made),
        None => line(&mut text, "judgement", "none in the books: a person or a halt had it sold"),
    }
    story.strategy.iter().for_each(|strategy| line(&mut text, "strategy", &traded_by(strategy)));
    story.consultation.iter().for_each(|asked| consultation(&mut text, asked));
    story.refusals.iter().for_each(|refused| refusal(&mut text, refused));
    story.orders.iter().for_each(|ordered| order(&mut text, ordered));
    if let Some(bought_at) = story.bought_at {
        // Times are typed in whole seconds, and the purchase is within one.
        let at = (bought_at + TimeDelta::seconds(1)).format("%Y-%m-%dT%H:%M:%SZ");
        let why = format!("{} UTC; why: kestrel why {} --at {at}", instant(bought_at), story.instrument);
        line(&mut text, "bought", &why);
    }
    if let Some(closed_at) = story.closed_at {
        let result = story
            .pnl_pct
            .map_or_else(|| UNKNOWN.to_owned(), |pct| format!("{pct} % of its cost, before fees"));
        line(&mut text, "result", &format!("closed {} UTC: {result}", instant(closed_at)));
    }
    if story.orders.is_empty() {
        line(&mut text, "order", "none");
        line(&mut text, "more", &format!("kestrel why-not {}", story.instrument));
    }
    text
}

/// One link of the chain.
fn line(text: &mut String, name: &str, what: &str) {
    // Writing into a text cannot fail.
    let _ = writeln!(text, "  {name:<10} {what}");
}

fn considered(text: &mut String, scan: &ConsideredLine) {
    let ConsideredLine { first_at, slot, verdict, evidence, .. } = scan;
    line(text, "scan", &format!("{} UTC and later, last {slot}: {verdict}", instant(*first_at)));
    let number = |known: Option<rust_decimal::Decimal>| {
        known.map_or_else(|| UNKNOWN.to_owned(), |number| number.normalize().to_string())
    };
    for GateCheck { gate, passed, value, threshold } in &evidence.gates {
        let passed = if *passed { "passed" } else { "not passed" };
        let numbers = match (value, threshold) {
            (None, None) => String::new(),
            (Some(value), None) => format!(", {}{}", value.normalize(), without_threshold(*gate)),
            (value, threshold) => format!(", {} against {}", number(*value), number(*threshold)),
        };
        line(text, "", &format!("{gate} {passed}{numbers}"));
    }
    if let Some(wait) = &evidence.wait {
        line(text, "", &format!("it {wait}"));
    }
}

/// Why a number stands alone.
fn without_threshold(gate: SelectionGate) -> &'static str {
    match gate {
        SelectionGate::Rank => ", and no last place to compare it with",
        SelectionGate::Price
        | SelectionGate::Restriction
        | SelectionGate::MinPrice
        | SelectionGate::Movement
        | SelectionGate::Wait
        | SelectionGate::History
        | SelectionGate::Oversold
        | SelectionGate::Momentum
        | SelectionGate::Volume
        | SelectionGate::Strategy => " against a threshold that was not kept",
    }
}

fn judgement(text: &mut String, made: &DecisionLine) {
    let candidate = match &made.selection {
        None => "not chosen by a scan, or its numbers were not kept".to_owned(),
        Some(selection) => {
            let known = |number: Option<rust_decimal::Decimal>| {
                number.map_or_else(|| UNKNOWN.to_owned(), |number| number.normalize().to_string())
            };
            let (signal, score) = (selection.signal.code(), selection.score.normalize());
            let or_proxy = |real: Option<rust_decimal::Decimal>, proxy: Option<rust_decimal::Decimal>| match (
                real, proxy,
            ) {
                (None, Some(proxy)) => format!("about {} (a proxy)", proxy.normalize()),
                (real, _) => known(real),
            };
            let rsi = or_proxy(selection.rsi, selection.rsi_proxy);
            let volume = or_proxy(selection.volume_ratio, selection.volume_ratio_proxy);
            format!("signal {signal}, score {score}, RSI {rsi}, volume {volume} times the average")
        }
    };
    line(text, "candidate", &candidate);
    let price = made.price.map_or_else(|| UNKNOWN.to_owned(), |price| price.to_string());
    let DecisionLine { at, action, confidence, judge, rationale, id, .. } = made;
    let at = instant(*at);
    line(
        text,
        "judgement",
        &format!("{at} UTC: {action}, confidence {confidence}, by {judge}, at {price} [{id}]"),
    );
    line(text, "reason", rationale);
}

/// What the market traded by then.
fn traded_by(strategy: &StrategyLine) -> String {
    match strategy {
        StrategyLine::Settings => "the operator's settings".to_owned(),
        StrategyLine::Version { version, proposal: Some(number) } => {
            format!("version {version}, of proposal {number}: kestrel proposals show {number}")
        }
        StrategyLine::Version { version, proposal: None } => {
            format!("version {version}, of no proposal")
        }
    }
}

fn consultation(text: &mut String, asked: &ConsultationLine) {
    let ConsultationLine {
        asked_at,
        latency_ms,
        asked_model,
        prompt_version,
        input_tokens,
        output_tokens,
        ..
    } = asked;
    let tokens = |known: &Option<u64>| known.map_or_else(|| UNKNOWN.to_owned(), |count| count.to_string());
    let (input, output) = (tokens(input_tokens), tokens(output_tokens));
    line(
        text,
        "asked",
        &format!(
            "{} UTC: {asked_model}, prompt version {prompt_version}, {latency_ms} ms, tokens {input} in, {output} out",
            instant(*asked_at)
        ),
    );
    if asked.prompt.is_empty() {
        return line(text, "prompt", "its texts are older than RETAIN_PROMPTS_DAYS and went");
    }
    line(text, "prompt", &shortened(&asked.prompt));
    match (&asked.reply, &asked.failure) {
        (Some(reply), _) => line(text, "reply", &shortened(reply)),
        (None, Some(why)) => line(text, "reply", &format!("none: {why}")),
        (None, None) => line(text, "reply", UNKNOWN),
    }
    asked.withheld.iter().for_each(|why| line(text, "withheld", why));
}

/// Untrusted text on one line; a long one says where the whole stands.
fn shortened(whole: &str) -> String {
    let shown = harmless(whole, TEXT_SHOWN_CHARS);
    if whole.chars().count() <= TEXT_SHOWN_CHARS {
        return shown;
    }
    format!("{shown} ... ({} bytes; --json has them all)", whole.len())
}

fn refusal(text: &mut String, refused: &RefusalLine) {
    let RefusalLine { at, action, reason, detail, numbers } = refused;
    line(text, "refused", &format!("{} UTC: {action}, {reason}: {detail}", instant(*at)));
    if let Some(numbers) = numbers {
        line(text, "", &numbers.to_string());
    }
}

fn order(text: &mut String, story: &OrderStory) {
    let OrderStory { order, confidence, expires_at, fills } = story;
    let (approved, until) = (instant(order.approved_at), expires_at.format("%H:%M:%S"));
    line(
        text,
        "approved",
        &format!(
            "{approved} UTC: within all limits at confidence {confidence}, good until {until}: {} {} at {}",
            order.side, order.quantity, order.limit
        ),
    );
    let sent = order.sent_at.map_or("never sent".to_owned(), |at| format!("sent {} UTC", instant(at)));
    let number =
        order.number.as_ref().map_or(String::new(), |number| format!(", the exchange's number {number}"));
    let remark = order.remark.as_ref().map_or(String::new(), |remark| format!(": {remark}"));
    let changed = instant(order.changed_at);
    line(
        text,
        "order",
        &format!("{sent}{number}; {} since {changed} UTC{remark} [{}]", order.state, order.intent),
    );
    fills.iter().for_each(|fill| filled(text, fill));
    if fills.is_empty() {
        line(text, "fills", "none");
    }
}

fn filled(text: &mut String, fill: &FillLine) {
    let FillLine { at, quantity, price, amount, cost, pnl } = fill;
    let result = match (cost, pnl) {
        (Some(cost), Some(pnl)) => format!("; they had cost {cost}, so {pnl} before fees"),
        (None, _) | (_, None) => String::new(),
    };
    line(text, "fill", &format!("{} UTC: {quantity} at {price}, {amount}{result}", instant(*at)));
}

pub(super) fn show_why_not(stock: &StockWanted, on: Option<NaiveDate>, obstacles: &[Obstacle]) -> String {
    let mut text = String::new();
    for found in obstacles {
        obstacle(&mut text, found);
    }
    if obstacles.is_empty() {
        let scan = on.map_or("No scan ever".to_owned(), |date| format!("No scan of {date}"));
        let _ = writeln!(
            text,
            "{scan} chose {stock}, and nothing judged or ordered it: no ranking and no list named it, or its market \
             was not traded. What is traded: kestrel status"
        );
    }
    text
}

fn obstacle(text: &mut String, found: &Obstacle) {
    let Obstacle { instrument, session_date, stage, at, gate, detail, numbers } = found;
    let what = match stage {
        Stage::Traded => "did trade",
        Stage::Selection | Stage::Judgement | Stage::Proposal | Stage::Limits | Stage::Exchange => {
            "did not trade"
        }
    };
    // Writing into a text cannot fail.
    let _ = writeln!(text, "{instrument} {what} on {session_date}");
    line(text, "stage", &stage.to_string());
    line(text, "gate", gate);
    if let Some(at) = at {
        line(text, "at", &format!("{} UTC", instant(*at)));
    }
    line(text, "because", detail);
    match numbers {
        Some(numbers) => line(text, "numbers", &numbers.to_string()),
        None => line(text, "numbers", "none: no single number decides here"),
    }
    line(text, "more", &format!("kestrel why {instrument}"));
}
