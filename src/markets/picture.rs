//! The week as a picture: one row per market, Korean time above and UTC below.
//!
//! Colour never carries a meaning alone: what differs in colour also differs in height, hatching or words.

use std::fmt::Write;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use domain::Market;
use domain::messages::schedule::{DateStatus, Phase};
use market_clock::{Calendar, DayKind, Session};

use super::why;

/// Pixels of one hour.
const HOUR: f64 = 9.0;
const HOURS: i64 = 7 * 24;
const LEFT: f64 = 128.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 112.0;
const ROW: f64 = 46.0;
const LEGEND: f64 = 96.0;

/// The week that is drawn: from Monday's midnight in Korea on.
struct Week {
    start: DateTime<Utc>,
    at: DateTime<Utc>,
    rows: usize,
}

impl Week {
    fn around(at: DateTime<Utc>, rows: usize) -> Self {
        let seoul = Market::Kr.zone();
        let today = at.with_timezone(&seoul).date_naive();
        let monday = today
            .checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday())))
            .unwrap_or(today);
        Self { start: midnight(Market::Kr, monday), at, rows }
    }

    fn end(&self) -> DateTime<Utc> {
        self.start.checked_add_signed(TimeDelta::hours(HOURS)).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Where an instant lies, inside the week.
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let minutes = (at.clamp(self.start, self.end()) - self.start).num_minutes();
        LEFT + f64::from(i32::try_from(minutes).unwrap_or(0)) / 60.0 * HOUR
    }

    fn y(&self, row: usize) -> f64 {
        TOP + ROW * f64::from(u32::try_from(row).unwrap_or(0))
    }

    fn width(&self) -> f64 {
        self.x(self.end()) + RIGHT
    }

    fn height(&self) -> f64 {
        self.y(self.rows) + 44.0 + LEGEND
    }
}

fn midnight(market: Market, date: NaiveDate) -> DateTime<Utc> {
    let local = market.zone().from_local_datetime(&date.and_time(NaiveTime::MIN)).earliest();
    local.map_or(DateTime::<Utc>::MIN_UTC, |local| local.with_timezone(&Utc))
}

/// Draws the week of `at` as an SVG document.
pub fn draw(calendar: &Calendar, markets: &[Market], at: DateTime<Utc>) -> String {
    let week = Week::around(at, markets.len());
    let mut svg = head(&week, &whose(markets));
    svg += &axes(&week);
    let rows =
        markets.iter().enumerate().map(|(row, market)| market_row(calendar, &week, *market, week.y(row)));
    let rows: String = rows.collect();
    // Words stand above everything, so that the line of the instant crosses none of them.
    let (words, shapes): (Vec<_>, Vec<_>) = rows.lines().partition(|line| line.starts_with("<text"));
    svg += &shapes.join("\n");
    svg += &now_line(&week);
    svg += &words.join("\n");
    svg += &legend(&week);
    svg += "</svg>\n";
    svg
}

/// Whose week it is.
fn whose(markets: &[Market]) -> String {
    match markets {
        all if all.len() == Market::ALL.len() => "Ten markets".to_owned(),
        [one] => one.to_string(),
        some => format!("{} markets", some.len()),
    }
}

fn head(week: &Week, whose: &str) -> String {
    let (width, height) = (week.width(), week.height());
    let title =
        format!("{whose}, week of {}", week.start.with_timezone(&Market::Kr.zone()).format("%-d %B %Y"));
    let asked = week.at.format("%a %-d %b %Y, %H:%M UTC");
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0}" height="{height:.0}" viewBox="0 0 {width:.0} {height:.0}" font-family="'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif" font-size="11" fill="#1f2937">
<title>{title}</title>
<defs>
<pattern id="closed" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="6" height="6" fill="#f3f4f6"/><line x1="0" y1="0" x2="0" y2="6" stroke="#c4cad3" stroke-width="1.5"/></pattern>
<pattern id="unsure" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><rect width="7" height="7" fill="#fff7ed"/><line x1="0" y1="0" x2="0" y2="7" stroke="#ea9a4e" stroke-width="1.5"/></pattern>
</defs>
<rect width="{width:.0}" height="{height:.0}" fill="#ffffff"/>
<text x="24" y="34" font-size="20" font-weight="700">{title}</text>
<text x="24" y="54" fill="#6b7280">Hours of trading in the market's own time stand on each session. The line marks {asked}.</text>
"##
    )
}

/// Days and hours of Korea above, of UTC below, and a line every six hours.
fn axes(week: &Week) -> String {
    let (top, bottom) = (week.y(0), week.y(week.rows));
    let mut svg = format!(
        "<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" font-weight=\"700\">KST</text>\n<text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\" font-weight=\"700\">UTC</text>\n",
        LEFT - 18.0,
        top - 10.0,
        LEFT - 18.0,
        bottom + 18.0
    );
    for hour in (0..=HOURS).step_by(6) {
        let at = week.start + TimeDelta::hours(hour);
        let seoul = at.with_timezone(&Market::Kr.zone());
        let x = week.x(at);
        let stroke = if hour % 24 == 0 { "#9ca3af" } else { "#e5e7eb" };
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{bottom:.1}\" stroke=\"{stroke}\"/>",
            top - 4.0
        );
        if hour < HOURS {
            svg += &tick(x, top - 10.0, &seoul.format("%H").to_string());
            svg += &tick(x, bottom + 18.0, &at.format("%H").to_string());
        }
        if hour % 24 == 0 && hour < HOURS {
            svg += &day_name(x, top - 28.0, &seoul.format("%a %-d %b").to_string());
        }
    }
    for hour in (0..HOURS).filter(|hour| (week.start + TimeDelta::hours(*hour)).hour() == 0) {
        let at = week.start + TimeDelta::hours(hour);
        svg += &day_name(week.x(at), bottom + 36.0, &at.format("%a %-d %b").to_string());
        svg += &tick(week.x(at), bottom + 18.0, "00");
    }
    svg
}

fn tick(x: f64, y: f64, text: &str) -> String {
    format!(
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#6b7280\">{text}</text>\n"
    )
}

fn day_name(x: f64, y: f64, text: &str) -> String {
    format!("<text x=\"{:.1}\" y=\"{y:.1}\" font-weight=\"700\">{text}</text>\n", x + 2.0)
}

fn market_row(calendar: &Calendar, week: &Week, market: Market, y: f64) -> String {
    let zone = week.start.with_timezone(&market.zone()).format("%Z").to_string();
    let mut svg = format!(
        "<line x1=\"24\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#d1d5db\"/>\n<text x=\"24\" y=\"{:.1}\" font-weight=\"700\" font-size=\"12\">{market}</text>\n<text x=\"24\" y=\"{:.1}\" font-size=\"10\" fill=\"#6b7280\">{}</text>\n",
        y + ROW,
        week.x(week.end()),
        y + ROW,
        y + 21.0,
        y + 35.0,
        if zone.starts_with(['+', '-']) { format!("UTC{zone}") } else { zone }
    );
    // One day more on each side: local dates do not begin with Korea's week.
    let first = market.date_at(week.start).pred_opt().unwrap_or(NaiveDate::MIN);
    for date in first.iter_days().take(9) {
        svg += &day(calendar, week, market, date, y);
    }
    svg
}

fn day(calendar: &Calendar, week: &Week, market: Market, date: NaiveDate, y: f64) -> String {
    let (start, end) = (midnight(market, date), midnight(market, date + Days::new(1)));
    if end <= week.start || start >= week.end() {
        return String::new();
    }
    let kind = calendar.day(market, date);
    let status = calendar.status(market, date);
    let mut svg = String::new();
    if let Some(session) = calendar.session_on(market, date) {
        svg += &bars(week, &session, y);
        if status != DateStatus::Official {
            svg += &note(week, session.open, y + 42.5, status.code());
        } else if kind != DayKind::Session {
            svg += &note(week, session.open, y + 42.5, "other hours");
        }
    } else if status == DateStatus::Unknown {
        svg += &band(week, [start, end], y, "unsure", "unknown");
    } else if kind == DayKind::Weekend {
        svg += &band(week, [start, end], y, "closed", "");
    } else {
        let doubt = if status == DateStatus::Official { String::new() } else { format!(" ({status})") };
        svg += &band(week, [start, end], y, "closed", &format!("{}{doubt}", why(kind)));
    }
    svg
}

/// A day without a session, with its reason.
fn band(week: &Week, [start, end]: [DateTime<Utc>; 2], y: f64, pattern: &str, label: &str) -> String {
    let (x, width) = (week.x(start), week.x(end) - week.x(start));
    let mut svg = format!(
        "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"url(#{pattern})\"/>\n",
        y + 1.0,
        ROW - 2.0
    );
    // Room for about seven letters in 50 pixels.
    let room = format!("{:.0}", width / 6.6).parse().unwrap_or(0_usize);
    if !label.is_empty() && room > 4 {
        let shown: String = if label.chars().count() > room {
            label.chars().take(room - 1).chain(['…']).collect()
        } else {
            label.to_owned()
        };
        let middle = x + width / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\">{}<title>{}</title></text>",
            y + 27.0,
            escaped(&shown),
            escaped(label)
        );
    }
    svg
}

/// The phases of a session: trading is high, auctions are half as high, what surrounds them is flat.
fn bars(week: &Week, session: &Session, y: f64) -> String {
    let changes = session.changes();
    let mut svg = String::new();
    for pair in changes.windows(2) {
        let [from, to] = pair else { continue };
        let (x, width) = (week.x(from.at), week.x(to.at) - week.x(from.at));
        let Some((top, height, fill)) = look(from.phase) else { continue };
        if width > 0.0 {
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height}\" fill=\"{fill}\"><title>{} {}</title></rect>",
                y + top,
                session.date,
                from.phase
            );
        }
    }
    let local = |at: DateTime<Utc>| at.with_timezone(&session.market.zone()).format("%H:%M").to_string();
    let middle = (week.x(session.open) + week.x(session.close)) / 2.0;
    if session.close > week.start && session.open < week.end() {
        let _ = writeln!(
            svg,
            "<text x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"9\" fill=\"#374151\" stroke=\"#ffffff\" stroke-width=\"3\" paint-order=\"stroke\">{}–{}</text>",
            y + 9.5,
            local(session.open),
            local(session.close)
        );
    }
    svg
}

/// Where a phase's bar begins in its row, its height and its colour; nothing is drawn when closed.
fn look(phase: Phase) -> Option<(f64, f64, &'static str)> {
    match phase {
        Phase::Continuous => Some((12.0, 22.0, "#0f766e")),
        Phase::OpeningAuction | Phase::ClosingAuction => Some((18.0, 16.0, "#d97706")),
        Phase::PreMarket | Phase::PostClose => Some((28.0, 6.0, "#94a3b8")),
        Phase::Lunch => Some((32.0, 2.0, "#0f766e")),
        Phase::Closed | Phase::Unknown => None,
    }
}

fn note(week: &Week, at: DateTime<Utc>, y: f64, text: &str) -> String {
    format!(
        "<text x=\"{:.1}\" y=\"{y:.1}\" font-size=\"9\" font-style=\"italic\" fill=\"#b45309\">{text}</text>\n",
        week.x(at)
    )
}

fn now_line(week: &Week) -> String {
    let x = week.x(week.at);
    format!(
        "<line x1=\"{x:.1}\" y1=\"{:.1}\" x2=\"{x:.1}\" y2=\"{:.1}\" stroke=\"#dc2626\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"/>\n",
        week.y(0) - 4.0,
        week.y(week.rows)
    )
}

fn legend(week: &Week) -> String {
    let y = week.y(week.rows) + 66.0;
    let mut svg = String::new();
    let mut x = 24.0;
    let swatches = [
        (Phase::Continuous, "continuous trading: the only phase this agent trades in"),
        (Phase::OpeningAuction, "opening or closing auction"),
        (Phase::Lunch, "lunch"),
        (Phase::PreMarket, "before the open, after the close"),
    ];
    for (phase, words) in swatches {
        let Some((top, height, fill)) = look(phase) else { continue };
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"28\" height=\"{height}\" fill=\"{fill}\"/>\n<text x=\"{}\" y=\"{:.1}\">{words}</text>",
            y - 30.0 + top,
            x + 36.0,
            y
        );
        x += 36.0 + 6.4 * f64::from(u32::try_from(words.len()).unwrap_or(0)) + 28.0;
    }
    let _ = writeln!(
        svg,
        "<rect x=\"24\" y=\"{:.1}\" width=\"28\" height=\"18\" fill=\"url(#closed)\"/>\n<text x=\"60\" y=\"{:.1}\">closed: weekend, or the holiday that is named</text>\n<rect x=\"360\" y=\"{:.1}\" width=\"28\" height=\"18\" fill=\"url(#unsure)\"/>\n<text x=\"396\" y=\"{:.1}\">no calendar reaches the day</text>\n<text x=\"600\" y=\"{:.1}\"><tspan font-style=\"italic\" fill=\"#b45309\">estimated, uncertain</tspan>: a forecast, traded only once it is proved</text>",
        y + 14.0,
        y + 28.0,
        y + 14.0,
        y + 28.0,
        y + 28.0
    );
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
