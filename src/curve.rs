//! The equity curve of a currency: with what each day began, and what was seen since the start of this process.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Currency, Money};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontFamily;
use rust_decimal::prelude::ToPrimitive;

use crate::store::DayStarted;

/// Points of a currency that are kept; where there are more, every other one is forgotten.
const POINTS_MAX: usize = 480;
/// Pixels; the page scales it.
const SIZE: (u32, u32) = (760, 220);
/// The stylesheet gives these colours their meaning in the light and in the dark, and so does the palette of a picture.
pub(crate) const LINE: RGBColor = RGBColor(1, 1, 1);
pub(crate) const GRID: RGBColor = RGBColor(2, 2, 2);
pub(crate) const INK: RGBColor = RGBColor(3, 3, 3);

/// What the labels need, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Below the curve.
    pub(crate) x_labels: u32,
    /// To the left of it.
    pub(crate) y_labels: u32,
    /// Height of letters.
    pub(crate) letters: u32,
    /// Labels of the time axis.
    pub(crate) times: usize,
}

const ON_THE_PAGE: Room = Room { x_labels: 26, y_labels: 92, letters: 13, times: 6 };

/// When, and how much.
pub(crate) type Point = (DateTime<Utc>, Money);

/// Equity that was seen since the process started, each currency by itself.
#[derive(Default)]
pub(crate) struct Seen(BTreeMap<Currency, Vec<Point>>);

impl Seen {
    /// Keeps what is newer than what is known.
    pub(crate) fn note(&mut self, at: DateTime<Utc>, equity: Money) {
        let points = self.0.entry(equity.currency()).or_default();
        if points.last().is_some_and(|(last, _)| *last >= at) {
            return;
        }
        if points.len() == POINTS_MAX {
            let mut keep = false;
            points.retain(|_| {
                keep = !keep;
                keep
            });
        }
        points.push((at, equity));
    }

    /// The curves, each from the first day on.
    pub(crate) fn with_days(&self, days: &[DayStarted]) -> BTreeMap<Currency, Vec<Point>> {
        let mut curves: BTreeMap<Currency, Vec<Point>> = BTreeMap::new();
        for day in days {
            curves.entry(day.equity.currency()).or_default().push((day.at, day.equity));
        }
        for (currency, points) in &self.0 {
            curves.entry(*currency).or_default().extend(points);
        }
        for points in curves.values_mut() {
            points.sort_by_key(|(at, _)| *at);
        }
        curves
    }
}

/// The curve as SVG; none while there are fewer than two points.
pub(crate) fn draw(currency: Currency, points: &[Point]) -> Option<String> {
    let [(first, _), .., (last, _)] = points else { return None };
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        plot(&area, points, ON_THE_PAGE).ok()?;
        area.present().ok()?;
    }
    let label = format!(
        "<svg role=\"img\" class=\"curve\" aria-label=\"Equity in {currency} from {} to {} UTC\" ",
        first.format("%Y-%m-%d %H:%M"),
        last.format("%Y-%m-%d %H:%M")
    );
    Some(svg.replacen("<svg ", &label, 1))
}

fn seconds(span: TimeDelta) -> f64 {
    span.to_std().unwrap_or_default().as_secs_f64()
}

/// Draws the curve on anything; with fewer than two points nothing.
///
/// # Errors
/// What the ground says.
pub(crate) fn plot<B: DrawingBackend>(
    area: &DrawingArea<B, Shift>,
    points: &[Point],
    room: Room,
) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
    let [(first, _), .., (last, _)] = points else { return Ok(()) };
    let span = *last - *first;
    // Floats only draw; every amount in words is the exact decimal.
    let plotted: Vec<(f64, f64)> = points
        .iter()
        .filter_map(|(at, equity)| Some((seconds(*at - *first), equity.amount().to_f64()?)))
        .collect();
    let lowest = plotted.iter().map(|(_, equity)| *equity).fold(f64::INFINITY, f64::min);
    let highest = plotted.iter().map(|(_, equity)| *equity).fold(f64::NEG_INFINITY, f64::max);
    let margin = ((highest - lowest) * 0.1).max(highest.abs() * 0.0005).max(0.01);
    let format = if span > TimeDelta::days(3) { "%b %-d" } else { "%H:%M" };
    let when = |second: &f64| {
        let millis = TimeDelta::milliseconds((second * 1000.0).to_i64().unwrap_or(0));
        (*first + millis).format(format).to_string()
    };
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(room.x_labels)
        .y_label_area_size(room.y_labels)
        .build_cartesian_2d(0.0..seconds(span).max(1.0), lowest - margin..highest + margin)?;
    chart
        .configure_mesh()
        .x_labels(room.times)
        .y_labels(5)
        .max_light_lines(0)
        .x_label_formatter(&when)
        .y_label_formatter(&|equity| grouped(*equity))
        .axis_style(GRID)
        .bold_line_style(GRID)
        .label_style((FontFamily::SansSerif, room.letters).into_font().color(&INK))
        .draw()?;
    chart.draw_series(LineSeries::new(plotted, LINE.stroke_width(2)))?;
    Ok(())
}

/// Thousands apart; two places below a thousand.
fn grouped(value: f64) -> String {
    let text = if value.abs() < 1000.0 { format!("{value:.2}") } else { format!("{value:.0}") };
    let (sign, digits) = text.strip_prefix('-').map_or(("", text.as_str()), |digits| ("-", digits));
    let (whole, rest) = digits.split_once('.').map_or((digits, String::new()), |(w, r)| (w, format!(".{r}")));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn won(amount: i64) -> Money {
        Money::new(amount.into(), Currency::Krw)
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000) + TimeDelta::seconds(seconds)
    }

    #[test]
    fn days_and_what_was_seen_make_one_curve_in_order_of_time_and_a_bounded_one() {
        let mut seen = Seen::default();
        for second in 0..10_000 {
            seen.note(at(second), won(100 + second));
            seen.note(at(second), won(7));
        }
        let session_date = "2024-10-04".parse().unwrap();
        let days = [DayStarted { session_date, at: at(-100), equity: won(90) }];
        let curves = seen.with_days(&days);
        let points = &curves[&Currency::Krw];
        assert!((POINTS_MAX / 2..=POINTS_MAX + 1).contains(&points.len()), "{}", points.len());
        assert_eq!((points[0], *points.last().unwrap()), ((at(-100), won(90)), (at(9_999), won(10_099))));
        assert!(points.is_sorted_by_key(|(at, _)| *at));
    }

    #[test]
    fn a_curve_is_an_image_with_a_name_and_without_a_background_of_its_own() {
        assert_eq!(draw(Currency::Krw, &[(at(0), won(1))]), None);
        let svg = draw(Currency::Krw, &[(at(0), won(99_999_000)), (at(60), won(100_000_000))]).unwrap();
        assert!(
            svg.starts_with("<svg role=\"img\" class=\"curve\" aria-label=\"Equity in KRW from "),
            "{svg}"
        );
        assert!(svg.contains("100,000,000") && svg.contains("#010101") && svg.trim_end().ends_with("</svg>"));
        assert!(!svg.contains("#FFFFFF") && !svg.contains("style="), "{svg}");
        let flat = draw(Currency::Usd, &[(at(0), won(0)), (at(1), won(0))]).unwrap();
        assert!(!flat.contains("NaN") && !flat.contains("inf"), "{flat}");
    }

    #[test]
    fn amounts_are_grouped_by_thousands() {
        for (value, text) in
            [(0.0, "0.00"), (12.5, "12.50"), (1_234.4, "1,234"), (-100_000_000.0, "-100,000,000")]
        {
            assert_eq!(grouped(value), text);
        }
    }
}
