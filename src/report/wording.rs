//! In what words a day is told.

use std::fmt::Write as _;

use domain::messages::operator::{EventLine, PnlLine};
use domain::{EventId, Money};
use notifier::html::escape;

use super::{Facts, Found, refusals};
use crate::budget::{Amount, BudgetReport};

/// Lines of one kind; the others are counted.
const LINES: usize = 12;
/// Longest line, in characters.
const LINE_MAX_CHARS: usize = 160;

/// The report, with the tags of the chat.
pub(super) fn html(facts: &Facts, event: Option<EventId>, has_picture: bool) -> String {
    let minute = "%Y-%m-%d %H:%M UTC";
    let mut text = format!(
        "<b>Report of {}</b>\nsince {}, the last close of the day before\n",
        facts.date,
        facts.from.format(minute)
    );
    if facts.pnl.is_empty() {
        text.push_str("\nNothing was traded yet, and no account is known.\n");
    }
    facts.pnl.iter().for_each(|line| text.push_str(&money(line)));
    part(&mut text, "Trades", &facts.fills);
    refused(&mut text, &facts.refusals);
    part(&mut text, "Halts and resumes", &facts.halts);
    let budget = facts.budget.as_ref().map_or_else(|why| format!("unknown: {why}"), Clone::clone);
    let _ = write!(text, "\n<b>Language model</b>: {}", escape(&budget));
    if !has_picture {
        text.push_str("\nNo picture: no account was seen twice.");
    }
    let number = event.map_or(String::new(), |event| format!(", event {event}"));
    let _ = write!(text, "\n<i>{}{number}</i>", facts.at.format("%Y-%m-%d %H:%M:%S UTC"));
    text
}

/// One currency; currencies are never added.
fn money(line: &PnlLine) -> String {
    let mut text = format!("\n<b>{}</b>\n", line.currency);
    let account = line.day.and_then(|day| Some((day, day.equity?)));
    match account {
        Some((day, now)) => {
            let result = now.minus(day.began_with).ok();
            let _ = writeln!(
                text,
                "account: {} -> {now}, {} since the day of {} began, with all fees, deposits and withdrawals",
                day.began_with,
                signed(result),
                day.session_date
            );
        }
        None => text.push_str("account: unknown\n"),
    }
    let fees = line.fees.map_or("unknown".to_owned(), |fees| fees.to_string());
    let realised = if line.sales == 0 { "none".to_owned() } else { signed(line.realised) };
    let _ = writeln!(text, "sales: {}, realised before fees: {realised}, fees: {fees}", line.sales);
    if line.sales_of_unknown_cost > 0 {
        let _ = writeln!(text, "{} sales of unknown cost are in no sum", line.sales_of_unknown_cost);
    }
    let priced = line
        .priced_at
        .map_or(String::new(), |at| format!(" at prices from {} on", at.format("%Y-%m-%d %H:%M UTC")));
    if line.unrealised.is_some() || !line.unpriced.is_empty() {
        let _ = writeln!(text, "held: unrealised before fees: {}{priced}", signed(line.unrealised));
    }
    if !line.unpriced.is_empty() {
        let stocks: Vec<_> = line.unpriced.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "no price of: {}", escape(&stocks.join(", ")));
    }
    text
}

fn signed(money: Option<Money>) -> String {
    let Some(money) = money else { return "unknown".to_owned() };
    let plus = if money.amount().is_sign_positive() && !money.amount().is_zero() { "+" } else { "" };
    format!("{plus}{money}")
}

fn count(found: &Found) -> String {
    match (found.events.len(), found.more) {
        (0, _) => "none".to_owned(),
        (count, true) => format!("more than {count}"),
        (count, false) => count.to_string(),
    }
}

/// How many, and the newest of them.
fn part(text: &mut String, name: &str, found: &Found) {
    let _ = writeln!(text, "\n<b>{name}</b>: {}", count(found));
    let left_out = found.events.len().saturating_sub(LINES);
    if left_out > 0 {
        let _ = writeln!(text, "(the newest {LINES}; all of them: kestrel events)");
    }
    found.events.iter().skip(left_out).for_each(|event| text.push_str(&line(event)));
}

fn line(event: &EventLine) -> String {
    let words: String = event.text.chars().take(LINE_MAX_CHARS).collect();
    format!("{} {}\n", event.at.format("%H:%M"), escape(&words))
}

fn refused(text: &mut String, found: &Found) {
    let gates: Vec<_> =
        refusals(&found.events).iter().map(|(gate, count)| format!("{gate} {count}")).collect();
    let _ = write!(text, "\n<b>Refused proposals</b>: {}", count(found));
    let listed = if gates.is_empty() { String::new() } else { format!(": {}", escape(&gates.join(", "))) };
    let _ = writeln!(text, "{listed}");
}

/// What the language model took of its day.
pub(super) fn budget(report: &BudgetReport) -> String {
    if report.judge == "rules" {
        return "none is asked; the local rules judge".to_owned();
    }
    let Amount { used, reserved, limit, .. } = report.calls;
    let of = limit.map_or(String::new(), |limit| format!(" of {limit}"));
    let usd = rust_decimal::Decimal::from(report.usd_micros.used) / rust_decimal::Decimal::from(1_000_000);
    let usd = if report.usd_micros.used > 0 { format!(", {} USD", usd.normalize()) } else { String::new() };
    format!(
        "{}, {used} calls{of} ({reserved} reserved), {} tokens{usd} on {} Pacific time",
        report.judge, report.tokens.used, report.quota_date
    )
}
