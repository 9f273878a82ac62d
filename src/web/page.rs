//! The page: one document, made of parts that are updated one by one.
//!
//! Every text that is not ours is escaped by maud. The page loads its own style and script from this address and nothing from
//! anywhere else; a browser is told to run and load nothing besides.

mod books;
mod house;
mod state;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::messages::evolution::ProposalLine;
use domain::messages::operator::{
    Answer, DecisionLine, DecisionsWanted, EventLine, EventsWanted, OrderLine, OrdersWanted, PnlLine,
    PositionLine, Question, Since,
};
use domain::{Currency, Instrument, Money};
use maud::{DOCTYPE, Markup, html};
use serde::Serialize;

use crate::control::{Counted, View};

/// The script.
pub(super) const SCRIPT: &str = include_str!("page/page.js");
/// The style.
pub(super) const STYLE: &str = include_str!("page/style.css");
/// What a browser may do with the page.
pub(super) const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                                 img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Judgements and orders are shown that are younger.
const LATELY_S: u32 = 24 * 3600;
/// Lines of a table.
const LINES: u16 = 30;
/// Events.
const EVENTS: u16 = 20;
/// What stands where something is not known.
const UNKNOWN: &str = "unknown";

/// A part of the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Part {
    /// Its place.
    pub(super) id: &'static str,
    /// What stands there.
    pub(super) html: String,
}

/// Everything that is shown.
pub(super) struct Facts<'a> {
    pub(super) view: &'a View,
    pub(super) counted: &'a Result<Counted, String>,
    pub(super) books: &'a Result<Books, String>,
    pub(super) curves: &'a BTreeMap<Currency, Vec<(DateTime<Utc>, Money)>>,
    /// True when the page may halt and resume.
    pub(super) may_command: bool,
}

/// What the books say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Books {
    pub(super) positions: Vec<PositionLine>,
    pub(super) pnl: Vec<PnlLine>,
    pub(super) orders: (Vec<OrderLine>, bool),
    pub(super) decisions: (Vec<DecisionLine>, bool),
    pub(super) events: Vec<EventLine>,
    pub(super) proposals: Vec<ProposalLine>,
}

impl Books {
    /// What is asked.
    pub(super) fn questions() -> Vec<Question> {
        let since = Some(Since::SecondsAgo(LATELY_S));
        vec![
            Question::Positions,
            Question::Pnl { since: None },
            Question::Orders(OrdersWanted { open_only: false, since, limit: LINES }),
            Question::Decisions(DecisionsWanted { stock: None, since, limit: LINES }),
            Question::Events(EventsWanted { kind: None, since: None, after: None, limit: EVENTS }),
            Question::Proposals,
        ]
    }

    /// What is answered.
    pub(super) fn from_answers(answers: Vec<Answer>) -> Self {
        let mut books = Self::default();
        for answer in answers {
            match answer {
                Answer::Positions { positions } => books.positions = positions,
                Answer::Pnl { currencies, .. } => books.pnl = currencies,
                Answer::Orders { orders, more } => books.orders = (orders, more),
                Answer::Decisions { decisions, more } => books.decisions = (decisions, more),
                Answer::Events { events, .. } => books.events = events,
                Answer::Proposals { proposals } => books.proposals = proposals,
                Answer::Why { .. } | Answer::WhyNot { .. } | Answer::Proposal { .. } => {}
            }
        }
        books
    }
}

/// The parts, in the order of the page.
pub(super) fn parts(facts: &Facts<'_>) -> Vec<Arc<Part>> {
    let now = exchange_time(facts.view);
    let made: [(&'static str, Markup); 13] = [
        ("clock", clock(facts.view)),
        ("state", state::state(facts.view)),
        ("halts", state::halts(facts.view, facts.may_command)),
        ("money", books::money(facts.books)),
        ("curves", books::curves(facts.curves)),
        ("positions", books::positions(facts.books)),
        ("decisions", books::decisions(facts.books)),
        ("orders", books::orders(facts.books)),
        ("proposals", books::proposals(facts.books, facts.counted)),
        ("markets", house::markets(facts.view, now)),
        ("week", house::week(now)),
        ("actors", house::actors(facts.view)),
        ("rest", house::rest(facts.counted, facts.books)),
    ];
    made.into_iter().map(|(id, html)| Arc::new(Part { id, html: html.into_string() })).collect()
}

/// The whole document.
pub(super) fn document(parts: &[Arc<Part>], may_command: bool) -> Markup {
    let place = |id: &str| {
        let html = parts.iter().find(|part| part.id == id).map_or("", |part| part.html.as_str());
        html! { div id=(id) { (maud::PreEscaped(html)) } }
    };
    shell(
        "Kestrel",
        &html! {
            header {
                h1 { "Kestrel" }
                (place("clock"))
                p id="live" class="live" role="status" aria-live="polite" data-live="no" { "not live yet" }
            }
            main id="main" {
                (section("trading", "Trading", &html! { (place("state")) (place("halts")) (state::controls(may_command)) }))
                (section("profit", "Profit and loss", &html! { (place("money")) (place("curves")) }))
                (section("holdings", "Positions", &place("positions")))
                (section("judgements", "Decisions of the last 24 hours", &place("decisions")))
                (section("book", "Orders of the last 24 hours", &place("orders")))
                (section("evolution", "Proposals", &place("proposals")))
                (section("calendar", "The ten markets", &html! { (place("markets")) (place("week")) }))
                (section("health", "Actors", &place("actors")))
                (section("model", "Language model and latest events", &place("rest")))
            }
            footer {
                p { "Costs and results are before fees unless it says otherwise. Times are the exchange's, in UTC. Metrics: " a href="/metrics" { "/metrics" } "." }
                noscript { p { "Without JavaScript this page shows how things stood when it was loaded." } }
            }
        },
    )
}

/// Answers in words: why a stock was traded, or was not; a proposal.
pub(super) fn story(title: &str, told: &[String]) -> Markup {
    shell(
        &format!("Kestrel: {title}"),
        &html! {
            header { h1 { (title) } p { a href="/" { "Back to Kestrel" } } }
            main id="main" { @for text in told { section { pre { (text) } } } }
        },
    )
}

fn shell(title: &str, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                link rel="icon" href="data:,";
                link rel="stylesheet" href="/style.css";
                script src="/page.js" defer {}
            }
            body { a class="skip" href="#main" { "Skip to the content" } (body) }
        }
    }
}

fn section(id: &str, title: &str, content: &Markup) -> Markup {
    let heading = format!("{id}-title");
    html! { section aria-labelledby=(heading) { h2 id=(heading) { (title) } (content) } }
}

fn clock(view: &View) -> Markup {
    html! {
        @match view {
            View::Running(running) => p { (instant(running.at)) " UTC, on " (running.venue) },
            View::Starting | View::Wounded(_) => p { "Version " (env!("CARGO_PKG_VERSION")) },
        }
    }
}

fn exchange_time(view: &View) -> Option<DateTime<Utc>> {
    match view {
        View::Running(running) => Some(running.at),
        View::Starting | View::Wounded(_) => None,
    }
}

fn instant(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn or_unknown(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), |value| value.to_string())
}

/// A link to why this stock was traded, or was not.
fn link(stock: &Instrument) -> Markup {
    html! { a href=(format!("/why?stock={stock}")) { (stock) } }
}

/// A column.
struct Column {
    name: &'static str,
    class: &'static str,
}

const fn column(name: &'static str) -> Column {
    Column { name, class: "" }
}

const fn number(name: &'static str) -> Column {
    Column { name, class: "number" }
}

const fn text(name: &'static str) -> Column {
    Column { name, class: "text" }
}

/// A table that scrolls by itself, by touch and by keys, so that the page does not.
fn table(name: &str, columns: &[Column], rows: impl Iterator<Item = Vec<Markup>>) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(name) {
            table {
                thead { tr { @for column in columns { th scope="col" class=(column.class) { (column.name) } } } }
                tbody {
                    @for row in rows {
                        tr { @for (column, cell) in columns.iter().zip(row) { td class=(column.class) data-label=(column.name) { (cell) } } }
                    }
                }
            }
        }
    }
}

fn cell(value: impl std::fmt::Display) -> Markup {
    html! { (value.to_string()) }
}
