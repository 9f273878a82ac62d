//! Markets, actors, the language model, and what happened last.

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use domain::Market;
use domain::messages::operator::EventLine;
use market_clock::Calendar;
use maud::{Markup, PreEscaped, html};
use supervision::{Health, State};

use super::{Books, cell, column, instant, number, table, text};
use crate::budget::{Amount, BudgetReport, Share};
use crate::control::standing::MarketStanding;
use crate::control::{Counted, View};
use crate::markets::{self, MarketView};

/// The picture of the week is drawn anew so often, in exchange time.
const WEEK_EVERY: TimeDelta = TimeDelta::minutes(15);

/// Where the ten markets stand by the calendar, and what the agent has found of those that it trades.
pub(super) fn markets(view: &View, now: Option<DateTime<Utc>>) -> Markup {
    let (Some(now), View::Running(running)) = (now, view) else {
        return html! { p { "Not known before the agent runs." } };
    };
    let sessions = running.trading.as_ref().map_or(&[][..], |status| &status.sessions);
    let found: Vec<MarketStanding> = sessions.iter().cloned().map(MarketStanding::from).collect();
    let calendar = Calendar::official();
    let columns = [
        column("market"),
        column("phase"),
        column("local time"),
        column("next change"),
        column("date is"),
        text("because"),
        text("the agent has found"),
    ];
    let row = |market: &Market| {
        let [code, rest @ ..] = markets::table::row(&calendar, &MarketView::at(&calendar, *market, now, 0));
        let standing = found.iter().find(|standing| standing.market == *market);
        let standing = standing.map_or("not traded".to_owned(), |s| format!("{}: {}", s.phase, s.because));
        std::iter::once(code).chain(rest).chain([standing]).map(cell).collect()
    };
    table("Markets", &columns, Market::ALL.iter().map(row))
}

/// The week as a picture, which the table says in words.
pub(super) fn week(now: Option<DateTime<Utc>>) -> Markup {
    let Some(now) = now else { return html! {} };
    let at = now.duration_trunc(WEEK_EVERY).unwrap_or(now);
    let svg = markets::draw(&Calendar::official(), &Market::ALL, at);
    html! {
        h3 { "This week, by the built-in calendar" }
        div class="scroll week" tabindex="0" role="region" aria-label="The week of the ten markets" {
            // Made by ourselves, of the calendar alone.
            (PreEscaped(svg.replacen("<svg ", "<svg role=\"img\" ", 1)))
        }
    }
}

/// The actors' health.
pub(super) fn actors(view: &View) -> Markup {
    let View::Running(running) = view else { return html! { p { "None runs." } } };
    let columns = [
        column("actor"),
        column("state"),
        number("restarts"),
        number("waiting"),
        number("oldest"),
        number("handled"),
        number("handling, 99 %"),
        number("waiting, 99 %"),
        text("last error"),
    ];
    table("Actors", &columns, running.actors.iter().map(actor_row))
}

fn actor_row(health: &Health) -> Vec<Markup> {
    let class = if health.state == State::Running { "good" } else { "bad" };
    vec![
        cell(health.actor),
        html! { strong class=(class) { (health.state.to_string().to_lowercase()) } },
        cell(health.restarts),
        cell(health.depth),
        cell(format!("{} ms", health.backlog_age.as_millis())),
        cell(health.handled),
        cell(format!("{:.2} ms", health.handle_p99.as_secs_f64() * 1000.0)),
        cell(format!("{:.2} ms", health.wait_p99.as_secs_f64() * 1000.0)),
        cell(health.last_error.as_deref().unwrap_or("-")),
    ]
}

/// The model's budget, and the latest events.
pub(super) fn rest(counted: &Result<Counted, String>, books: &Result<Books, String>) -> Markup {
    html! {
        @match counted {
            Ok(Counted { budget, .. }) => (model(budget)),
            Err(why) => p class="bad" { "The budget cannot be read: " (why) },
        }
        @if let Ok(books) = books {
            h3 { "Latest events" }
            (table("Events", &[column("at"), column("kind"), column("market"), text("event")], books.events.iter().rev().map(event_row)))
        }
    }
}

fn model(budget: &BudgetReport) -> Markup {
    let BudgetReport { judge, quota_date, resets_at, calls, tokens, usd_micros, shares } = budget;
    if judge == brain::judge::RULES {
        return html! { p { "The local rules judge; no language model is asked." } };
    }
    let usd = |micros: u64| format!("{}.{:06} USD", micros / 1_000_000, micros % 1_000_000);
    let columns = [column("today"), number("used"), number("reserved"), number("left"), number("limit")];
    let rows = [
        amounts("calls", *calls, |calls| calls.to_string()),
        amounts("tokens", *tokens, |tokens| tokens.to_string()),
        amounts("money", *usd_micros, usd),
    ];
    html! {
        p { "Judge: " (judge) ". Budget of " (quota_date) " (Pacific time), full again at " (instant(*resets_at)) " UTC." }
        (table("Budget of the language model", &columns, rows.into_iter()))
        p class="muted" {
            "Calls per group of markets, used of planned: "
            @for Share { markets, planned, used } in shares {
                @for market in markets { (market.code()) " " } (used) " of " (planned) ". "
            }
        }
    }
}

fn amounts(what: &str, amount: Amount, show: impl Fn(u64) -> String) -> Vec<Markup> {
    let Amount { used, reserved, limit, left } = amount;
    let known = |value: Option<u64>| value.map_or("no limit".to_owned(), &show);
    vec![cell(what), cell(show(used)), cell(show(reserved)), cell(known(left)), cell(known(limit))]
}

fn event_row(event: &EventLine) -> Vec<Markup> {
    let EventLine { at, kind, market, text, .. } = event;
    vec![cell(instant(*at)), cell(kind.code()), cell(market.map_or("-", Market::code)), cell(text)]
}
