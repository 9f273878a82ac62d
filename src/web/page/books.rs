//! Money, positions, decisions and orders, as the books have them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::messages::evolution::{ProposalLine, ProposalStatus};
use domain::messages::operator::{DatedPrice, DecisionLine, OrderLine, PnlLine, PositionLine};
use domain::{Currency, Money};
use maud::{Markup, PreEscaped, html};

use super::{Books, cell, column, instant, link, number, or_unknown, table, text};
use crate::control::{Counted, Evolution};
use crate::curve;

/// What was found, or why it could not be.
fn read(books: &Result<Books, String>, show: impl Fn(&Books) -> Markup) -> Markup {
    match books {
        Ok(books) => show(books),
        Err(why) => html! { p class="bad" { "The books cannot be read: " (why) } },
    }
}

/// Profit and loss per currency; currencies are never added.
pub(super) fn money(books: &Result<Books, String>) -> Markup {
    read(books, |books| {
        if books.pnl.is_empty() {
            return html! { p { "Nothing was traded yet." } };
        }
        let columns = [
            column("currency"),
            number("equity now"),
            number("of the day"),
            number("realised"),
            number("unrealised"),
            number("fees"),
            number("sales"),
            text("not in these sums"),
        ];
        table("Profit and loss per currency", &columns, books.pnl.iter().map(pnl_row))
    })
}

fn pnl_row(line: &PnlLine) -> Vec<Markup> {
    let equity = line.day.and_then(|day| day.equity);
    let of_day = line.day.and_then(|day| day.equity?.minus(day.began_with).ok());
    vec![
        cell(line.currency),
        amount(equity),
        signed(of_day),
        signed_or_none(line.realised, line.sales == 0 && line.sales_of_unknown_cost == 0),
        signed_or_none(line.unrealised, line.unpriced.is_empty()),
        amount(line.fees),
        cell(line.sales),
        html! {
            @if line.sales_of_unknown_cost > 0 { (line.sales_of_unknown_cost) " sales of unknown cost. " }
            @if !line.unpriced.is_empty() { "No price of: " @for stock in &line.unpriced { (stock) " " } }
        },
    ]
}

fn amount(money: Option<Money>) -> Markup {
    cell(or_unknown(money))
}

/// The sign says what the colour says.
fn signed(money: Option<Money>) -> Markup {
    let Some(money) = money else { return cell(super::UNKNOWN) };
    let number = money.amount();
    let class = if number.is_zero() {
        ""
    } else if number.is_sign_negative() {
        "bad"
    } else {
        "good"
    };
    let plus = if !number.is_zero() && number.is_sign_positive() { "+" } else { "" };
    html! { span class=(class) { (plus) (money.to_string()) } }
}

/// The sum of nothing is not unknown.
fn signed_or_none(money: Option<Money>, is_of_nothing: bool) -> Markup {
    if money.is_none() && is_of_nothing { cell("-") } else { signed(money) }
}

/// One curve for each currency.
pub(super) fn curves(curves: &BTreeMap<Currency, Vec<(DateTime<Utc>, Money)>>) -> Markup {
    html! {
        @for (currency, points) in curves {
            @if let Some(svg) = curve::draw(*currency, points) {
                h3 { "Equity in " (currency) }
                // Made by ourselves, of numbers and times alone.
                (PreEscaped(svg))
            }
        }
    }
}

/// Proposals that somebody may still decide on, or that hold; the others are counted.
pub(super) fn proposals(books: &Result<Books, String>, counted: &Result<Counted, String>) -> Markup {
    read(books, |books| {
        let is_over =
            |line: &&ProposalLine| matches!(line.status, ProposalStatus::Rejected | ProposalStatus::Retired);
        let (over, alive): (Vec<_>, Vec<_>) = books.proposals.iter().partition(is_over);
        let columns = [
            column("number"),
            column("market"),
            column("name"),
            column("status"),
            text("what changes"),
            text("last"),
        ];
        html! {
            @if alive.is_empty() {
                p { "No proposal waits or holds." }
            } @else {
                (table("Proposals", &columns, alive.into_iter().map(proposal_row)))
                p {
                    "A person decides, on the command line of the machine itself: "
                    code { "kestrel proposals approve NUMBER --reason \"...\"" }
                }
            }
            @if !over.is_empty() { p { (over.len()) " rejected or retired." } }
            @if let Ok(Counted { evolution, .. }) = counted { (learning(evolution)) }
        }
    })
}

/// What needs no person, which close was not learnt from, and what is followed blindly.
fn learning(Evolution { markets, late, blind, approval }: &Evolution) -> Markup {
    html! {
        @match approval {
            Some(approval) => p { "Within a limit of the settings, " (approval) "." },
            None if markets.is_empty() => p { "Nothing is searched for; what is drafted or active is still followed." },
            None => p { "Every proposal waits for a person." },
        }
        @for cycle in late {
            p { strong class="bad" { (cycle) } "; trading goes on by the strategy in use." }
        }
        @for blind in blind {
            p { strong class="bad" { (blind) } "." }
        }
    }
}

fn proposal_row(line: &ProposalLine) -> Vec<Markup> {
    let last = line.last.as_ref().map(|last| format!("{} {}: {}", instant(last.at), last.by, last.reason));
    vec![
        html! {
            a href=(format!("/proposal?number={}", line.number)) aria-label=(format!("Proposal {}", line.number)) {
                (line.number.to_string())
            }
        },
        cell(line.market),
        cell(&line.name),
        cell(line.status.to_string().replace('_', " ")),
        html! { @for change in &line.changes { (change) br; } },
        cell(last.unwrap_or_else(|| "-".to_owned())),
    ]
}

/// What is held.
pub(super) fn positions(books: &Result<Books, String>) -> Markup {
    read(books, |books| {
        if books.positions.is_empty() {
            return html! { p { "Nothing is held." } };
        }
        let columns = [
            column("stock"),
            number("own shares"),
            number("cost"),
            number("price"),
            column("as of"),
            number("unrealised"),
            number("confirmed"),
            number("other"),
        ];
        table("Positions", &columns, books.positions.iter().map(position_row))
    })
}

fn position_row(held: &PositionLine) -> Vec<Markup> {
    let price = held.price.map(|DatedPrice { price, .. }| price);
    let at = held
        .price
        .map_or("-".to_owned(), |DatedPrice { at, seen_by, .. }| format!("{} {seen_by}", instant(at)));
    let unrealised = if held.quantity.is_zero() { cell("-") } else { signed(held.unrealised) };
    vec![
        link(&held.instrument),
        cell(held.quantity),
        cell(held.cost),
        cell(or_unknown(price)),
        cell(at),
        unrealised,
        cell(or_unknown(held.confirmed)),
        cell(held.other_shares),
    ]
}

/// Judgements with their reasons and what came of them.
pub(super) fn decisions(books: &Result<Books, String>) -> Markup {
    read(books, |books| {
        let (decisions, more) = &books.decisions;
        if decisions.is_empty() {
            return html! { p { "Nothing was judged." } };
        }
        let columns = [
            column("at"),
            column("stock"),
            column("action"),
            number("confidence"),
            column("judge"),
            number("price"),
            text("why"),
            text("what came of it"),
        ];
        html! {
            (table("Decisions", &columns, decisions.iter().map(decision_row)))
            @if *more { p class="muted" { "There are more: " code { "kestrel decisions --since 24h --limit 500" } } }
        }
    })
}

fn decision_row(made: &DecisionLine) -> Vec<Markup> {
    vec![
        cell(instant(made.at)),
        link(&made.instrument),
        html! { strong { (made.action.to_string()) } },
        cell(made.confidence),
        cell(&made.judge),
        cell(or_unknown(made.price)),
        cell(&made.rationale),
        cell(made.outcome.as_deref().unwrap_or("-")),
    ]
}

/// Orders and where they stand.
pub(super) fn orders(books: &Result<Books, String>) -> Markup {
    read(books, |books| {
        let (orders, more) = &books.orders;
        if orders.is_empty() {
            return html! { p { "Nothing was ordered." } };
        }
        let columns = [
            column("approved"),
            column("stock"),
            column("side"),
            number("shares"),
            number("limit"),
            number("filled"),
            column("state"),
            column("number"),
            text("remark"),
        ];
        html! {
            (table("Orders", &columns, orders.iter().map(order_row)))
            @if *more { p class="muted" { "There are more: " code { "kestrel orders --all --since 24h --limit 500" } } }
        }
    })
}

fn order_row(order: &OrderLine) -> Vec<Markup> {
    vec![
        cell(instant(order.approved_at)),
        link(&order.instrument),
        cell(order.side),
        cell(order.quantity),
        cell(order.limit),
        cell(order.filled),
        html! { strong { (order.state.to_string()) } },
        cell(order.number.as_deref().unwrap_or("-")),
        cell(order.remark.as_deref().unwrap_or("-")),
    ]
}
