//! What the books say, as a person reads it.

mod proposals;
mod story;
mod table;

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use domain::Money;
use domain::messages::operator::{
    Answer, DatedPrice, DecisionLine, EventLine, OrderLine, PnlLine, PositionLine,
};

use self::table::Table;
use super::wire::ActorHealth;

/// What is shown where something is not known.
const UNKNOWN: &str = "unknown";
/// Longest reason within a table, in characters; `--json` has all of it.
const REASON_MAX_CHARS: usize = 100;

/// The answer as lines, without a line break at the end.
pub fn show(answer: &Answer) -> String {
    let text = match answer {
        Answer::Positions { positions } => show_positions(positions),
        Answer::Orders { orders, more } => show_orders(orders, *more),
        Answer::Decisions { decisions, more } => show_decisions(decisions, *more),
        Answer::Events { events, more, .. } => show_events(events, *more),
        Answer::Why { stock, story } => story::show_why(stock, story.as_deref()),
        Answer::WhyNot { stock, on, obstacles } => story::show_why_not(stock, *on, obstacles),
        Answer::Proposals { proposals } => proposals::list(proposals),
        Answer::Proposal { number, proposal } => proposals::one(*number, proposal.as_deref()),
        Answer::Pnl { since, currencies } => show_pnl(*since, currencies),
    };
    text.trim_end().to_owned()
}

/// The actors, one per line.
pub fn actors(actors: &[ActorHealth]) -> String {
    let mut table =
        Table::new(&["actor", "state", "restarts", "waiting", "handled", "last error"], &[2, 3, 4]);
    for one in actors {
        table.row([
            one.actor.clone(),
            one.state.clone(),
            one.restarts.to_string(),
            one.waiting.to_string(),
            one.handled.to_string(),
            one.last_error.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.to_string()
}

/// An instant as all answers show it: UTC, to the second.
pub fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn show_positions(positions: &[PositionLine]) -> String {
    if positions.is_empty() {
        return "Nothing is held.".to_owned();
    }
    let mut table = Table::new(
        &[
            "stock",
            "own shares",
            "cost",
            "price",
            "as of (UTC)",
            "seen by",
            "unrealised",
            "confirmed",
            "other",
        ],
        &[1, 2, 3, 6, 7, 8],
    );
    for held in positions {
        let (price, at, seen_by) = dated(held.price);
        table.row([
            held.instrument.to_string(),
            held.quantity.to_string(),
            held.cost.to_string(),
            price,
            at,
            seen_by,
            if held.quantity.is_zero() { "-".to_owned() } else { money(held.unrealised) },
            held.confirmed.map_or_else(|| UNKNOWN.to_owned(), |shares| shares.to_string()),
            held.other_shares.to_string(),
        ]);
    }
    format!(
        "{table}Costs and results are before fees. `confirmed` is what the exchange says, `other` what came from elsewhere.\n\
         Why: kestrel why {}",
        positions[0].instrument
    )
}

fn dated(price: Option<DatedPrice>) -> (String, String, String) {
    match price {
        Some(DatedPrice { price, at, seen_by }) => (price.to_string(), instant(at), seen_by.to_string()),
        None => (UNKNOWN.to_owned(), "-".to_owned(), "-".to_owned()),
    }
}

fn show_orders(orders: &[OrderLine], more: bool) -> String {
    if orders.is_empty() {
        return "No such orders. All of them: kestrel orders --all".to_owned();
    }
    let mut table = Table::new(
        &[
            "approved (UTC)",
            "stock",
            "side",
            "shares",
            "limit",
            "filled",
            "state",
            "number",
            "intent",
            "remark",
        ],
        &[3, 4, 5],
    );
    for order in orders {
        table.row([
            instant(order.approved_at),
            order.instrument.to_string(),
            order.side.to_string(),
            order.quantity.to_string(),
            order.limit.to_string(),
            order.filled.to_string(),
            order.state.to_string(),
            order.number.clone().unwrap_or_else(|| "-".to_owned()),
            order.intent.to_string(),
            brief(order.remark.as_deref().unwrap_or("-")),
        ]);
    }
    format!("{table}{}", cut_off(more))
}

fn show_decisions(decisions: &[DecisionLine], more: bool) -> String {
    if decisions.is_empty() {
        return "No such decisions. Try without --symbol and --since: kestrel decisions".to_owned();
    }
    let mut table = Table::new(
        &["at (UTC)", "stock", "action", "confidence", "judge", "price", "reason", "outcome"],
        &[3, 5],
    );
    for made in decisions {
        table.row([
            instant(made.at),
            made.instrument.to_string(),
            made.action.to_string(),
            made.confidence.to_string(),
            made.judge.clone(),
            made.price.map_or_else(|| UNKNOWN.to_owned(), |price| price.to_string()),
            brief(&made.rationale),
            brief(made.outcome.as_deref().unwrap_or("-")),
        ]);
    }
    format!("{table}{}Why: kestrel why {}", cut_off(more), decisions[0].instrument)
}

fn show_events(events: &[EventLine], more: bool) -> String {
    if events.is_empty() {
        return "No such events.".to_owned();
    }
    let mut text = if more { cut_off(true) } else { String::new() };
    for event in events {
        // Writing into a text cannot fail.
        let _ = writeln!(text, "{}", event_line(event));
    }
    text
}

/// One event on one line.
pub fn event_line(event: &EventLine) -> String {
    let EventLine { id, at, kind, market, text } = event;
    let market = market.map_or("-", domain::Market::code);
    format!("{} {:>6} {:<10} {market:<9} {text}", instant(*at), id.to_string(), kind.code())
}

fn show_pnl(since: Option<DateTime<Utc>>, currencies: &[PnlLine]) -> String {
    let since = since.map_or("the books began".to_owned(), |at| format!("{} UTC", instant(at)));
    if currencies.is_empty() {
        return format!("Nothing was sold since {since}, and nothing is held.");
    }
    let mut text =
        format!("Sales since {since}; unrealised as of the prices shown. Currencies are never added.\n");
    let mut table = Table::new(
        &[
            "currency",
            "sales",
            "realised before fees",
            "fees",
            "unrealised before fees",
            "oldest price (UTC)",
        ],
        &[1, 2, 3, 4],
    );
    for line in currencies {
        let nothing = |known: Option<Money>, is_none: bool| match known {
            None if is_none => "-".to_owned(),
            known => money(known),
        };
        table.row([
            line.currency.to_string(),
            line.sales.to_string(),
            nothing(line.realised, line.sales == 0 && line.sales_of_unknown_cost == 0),
            money(line.fees),
            nothing(line.unrealised, line.unpriced.is_empty()),
            line.priced_at.map_or_else(|| "-".to_owned(), instant),
        ]);
    }
    text.push_str(&table.to_string());
    currencies.iter().for_each(|line| add_remarks(&mut text, line));
    text
}

/// What is in no sum, and what the account itself says.
fn add_remarks(text: &mut String, line: &PnlLine) {
    let currency = line.currency;
    // Writing into a text cannot fail.
    if line.sales_of_unknown_cost > 0 {
        let count = line.sales_of_unknown_cost;
        let _ = writeln!(text, "{currency}: {count} sales of shares whose cost is unknown are in no sum.");
    }
    if !line.unpriced.is_empty() {
        let stocks: Vec<String> = line.unpriced.iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "{currency}: no price is known of {}; in no sum.", stocks.join(", "));
    }
    let Some(day) = line.day else { return };
    let (date, began) = (day.session_date, day.began_with);
    let _ = match (day.equity, day.told_at) {
        (Some(equity), Some(at)) => {
            let change = equity.minus(began).map_or_else(|_| UNKNOWN.to_owned(), |change| change.to_string());
            let at = instant(at);
            writeln!(
                text,
                "{currency}: the account began {date} with {began} and had {equity} at {at} UTC: {change}, with all fees, deposits and withdrawals."
            )
        }
        (None, _) | (_, None) => {
            writeln!(text, "{currency}: the account began {date} with {began}; what it has now is unknown.")
        }
    };
}

fn money(amount: Option<Money>) -> String {
    amount.map_or_else(|| UNKNOWN.to_owned(), |amount| amount.to_string())
}

fn brief(text: &str) -> String {
    match text.char_indices().nth(REASON_MAX_CHARS) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn cut_off(more: bool) -> String {
    if more {
        "There are more: raise --limit (at most 500) or give --since.\n".to_owned()
    } else {
        String::new()
    }
}
