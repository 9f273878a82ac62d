//! The markets as a table for people.

use chrono::{DateTime, TimeDelta, Utc};
use domain::messages::schedule::{DateStatus, Phase};
use domain::{KisWindow, Market, is_ledger_pause, windows};
use market_clock::Calendar;

use super::{DayView, MarketView, why};

/// The announced year ends within so many days: time to look for the next list.
const SOON_DAYS: i64 = 30;

/// The table, then the days that were asked for, then what KIS accepts.
pub(super) fn text(calendar: &Calendar, views: &[MarketView], at: DateTime<Utc>) -> String {
    let seoul = at.with_timezone(&Market::Kr.zone());
    let mut text =
        format!("{} UTC, {} in Korea\n\n", at.format("%a %Y-%m-%d %H:%M:%S"), seoul.format("%a %H:%M"));
    let header = ["market", "phase", "local time", "next change", "date is", "because"].map(str::to_owned);
    let rows = views.iter().map(|view| row(calendar, view));
    text += &aligned(std::iter::once(header).chain(rows).collect());
    for view in views.iter().filter(|view| !view.days.is_empty()) {
        text += &format!("\n{}\n", view.market);
        text += &aligned(view.days.iter().map(|day| day_row(view.market, day)).collect());
    }
    text += &kis(views, at);
    views.iter().for_each(|view| text += &caution(calendar, view));
    let found = views.iter().filter_map(|view| view.found.as_ref());
    found.for_each(|standing| text += &format!("\nThe running agent has found: {standing}.\n"));
    text
}

/// Market, phase, local time, next change, how well the date is known, and why.
pub(crate) fn row(calendar: &Calendar, view: &MarketView) -> [String; 6] {
    let local = view.at.with_timezone(&view.market.zone());
    let kind = calendar.day(view.market, view.market.date_at(view.at));
    [
        view.market.to_string(),
        words(view.phase).to_owned(),
        local.format("%a %H:%M %Z").to_string(),
        next_change(calendar, view),
        view.date_status.to_string(),
        why(kind),
    ]
}

/// The phase in words.
fn words(phase: Phase) -> &'static str {
    match phase {
        Phase::PreMarket => "pre-market",
        Phase::OpeningAuction => "opening auction",
        Phase::Continuous => "OPEN",
        Phase::Lunch => "lunch",
        Phase::ClosingAuction => "closing auction",
        Phase::PostClose => "after the close",
        Phase::Closed => "closed",
        Phase::Unknown => "unknown",
    }
}

fn next_change(calendar: &Calendar, view: &MarketView) -> String {
    let Some(change) = calendar.next_change(view.market, view.at) else { return "none known".into() };
    let local = change.at.with_timezone(&view.market.zone());
    format!("{} {} (in {})", words(change.phase), local.format("%a %H:%M"), span(change.at - view.at))
}

/// Days, hours and minutes; only the two that matter.
fn span(delta: TimeDelta) -> String {
    let minutes = (delta.num_seconds() + 59) / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes} min"),
        (0, _) => format!("{hours} h {minutes:02} min"),
        (_, _) => format!("{days} d {hours} h"),
    }
}

fn day_row(market: Market, day: &DayView) -> [String; 6] {
    let local = |at: DateTime<Utc>| at.with_timezone(&market.zone()).format("%H:%M").to_string();
    let span = |(start, end): (DateTime<Utc>, DateTime<Utc>)| format!("{}-{}", local(start), local(end));
    // What no calendar reaches is not closed: nobody knows.
    let without = if day.date_status == DateStatus::Unknown { "unknown" } else { "closed" };
    let hours = day.open.zip(day.close).map_or_else(|| without.to_owned(), span);
    let lunch = day.lunch.map(|lunch| format!("break {}", span(lunch))).unwrap_or_default();
    let date = format!("  {}", day.date.format("%a %Y-%m-%d"));
    [date, hours, lunch, day.date_status.to_string(), day.why.clone(), String::new()]
}

/// What KIS takes at this moment, market by market.
fn kis(views: &[MarketView], at: DateTime<Utc>) -> String {
    let mut text =
        String::from("\nWhat KIS accepts, Korean time (orders at other times are refused; holidays apart)\n");
    let rows = views.iter().map(|view| {
        let windows = windows(view.market, at);
        let of = |reserved: bool| -> String {
            let those = windows.iter().filter(|window| window.is_reserved == reserved);
            let spans: Vec<_> = those.map(|window| window_text(window, at)).collect();
            if spans.is_empty() { "not stated".into() } else { spans.join(", ") }
        };
        [
            format!("  {}", view.market),
            format!("orders {}", of(false)),
            format!("reserved orders {}", of(true)),
        ]
    });
    text += &aligned(rows.collect());
    if is_ledger_pause(at) {
        text +=
            "KIS settles its ledger until 00:10 Korean time: balances lag and reserved orders are refused.\n";
    }
    text
}

fn window_text(window: &KisWindow, at: DateTime<Utc>) -> String {
    format!("{}{}", window, if window.contains(at) { " (now)" } else { "" })
}

/// What the operator should do something about.
fn caution(calendar: &Calendar, view: &MarketView) -> String {
    let market = view.market;
    let today = market.date_at(view.at);
    match view.date_status {
        DateStatus::Unknown if view.exits_allowed => format!(
            "\n{market}: no calendar reaches {today}; nothing is bought there, and exits go by the override file's word.\n"
        ),
        DateStatus::Unknown => format!("\n{market}: no calendar reaches {today}; nothing is traded there.\n"),
        DateStatus::Estimated | DateStatus::Uncertain => {
            format!(
                "\n{market}: {today} is {}; nothing is traded there before it is confirmed.\n",
                view.date_status
            )
        }
        DateStatus::Official => match calendar.official_until(market) {
            Some(until) if (until - today).num_days() <= SOON_DAYS => {
                format!("\n{market}: the announced days end on {until}; later ones are forecasts.\n")
            }
            Some(_) | None => String::new(),
        },
    }
}

/// Columns as wide as their widest cell.
fn aligned<const N: usize>(rows: Vec<[String; N]>) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<_> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
