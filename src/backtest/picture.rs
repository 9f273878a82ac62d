//! Equity, drawdown and trades of a backtest as one SVG, a panel per currency.

use chrono::{Datelike as _, NaiveDate};
use optimizer::backtest::{Book, Outcome};
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::FontFamily;
use strategy::form::Strategy;

/// Pixels of one currency.
const PANEL: (u32, u32) = (1_000, 560);
/// Points of a line: more are not seen.
const POINTS_MAX: usize = 2_000;
/// Trades that are marked; more would be a wall of marks.
const MARKS_MAX: usize = 600;
const EQUITY: RGBColor = RGBColor(0, 92, 175);
const DRAWDOWN: RGBColor = RGBColor(190, 70, 20);
const BOUGHT: RGBColor = RGBColor(0, 120, 90);
const SOLD: RGBColor = RGBColor(150, 30, 90);
const GRID: RGBColor = RGBColor(208, 212, 218);
const INK: RGBColor = RGBColor(45, 52, 60);
const LETTERS: u32 = 13;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The picture.
///
/// # Errors
/// What the drawing says.
pub(super) fn draw(strategy: &Strategy, outcome: &Outcome) -> Result<String, String> {
    let panels = u32::try_from(outcome.books.len().max(1)).unwrap_or(1);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (PANEL.0, PANEL.1 * panels)).into_drawing_area();
        area.fill(&WHITE).map_err(text)?;
        for (panel, book) in area.split_evenly((panels as usize, 1)).iter().zip(&outcome.books) {
            draw_book(panel, strategy, book)?;
        }
        area.present().map_err(text)?;
    }
    Ok(svg)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn draw_book(panel: &Area<'_>, strategy: &Strategy, book: &Book) -> Result<(), String> {
    let statistics = book.statistics();
    let (heading, below) = panel.split_vertically(34);
    let title = format!(
        "{} in {}: {:.2} times, drawdown {:.1} %, {} trades (triangle: bought, cross: sold)",
        strategy.id(),
        book.currency,
        statistics.final_multiple,
        statistics.max_drawdown * 100.0,
        statistics.trades
    );
    let style = (FontFamily::SansSerif, LETTERS + 2).into_font().color(&INK);
    heading.draw(&Text::new(title, (14, 10), style)).map_err(text)?;
    let (upper, lower) = below.split_vertically(PANEL.1 * 2 / 3 - 34);
    let equity: Vec<f64> = book.equity.clone();
    let mut peak = f64::MIN;
    let drawdown: Vec<f64> = equity
        .iter()
        .map(|value| {
            peak = peak.max(*value);
            (value / peak - 1.0) * 100.0
        })
        .collect();
    plot(&upper, &book.days, &equity, EQUITY, Some(book))?;
    plot(&lower, &book.days, &drawdown, DRAWDOWN, None)
}

fn day_number(date: NaiveDate) -> f64 {
    f64::from(date.num_days_from_ce())
}

/// Every so manieth point, the last one among them.
fn thinned(days: &[NaiveDate], values: &[f64]) -> Vec<(f64, f64)> {
    let points = days.iter().zip(values).map(|(date, value)| (day_number(*date), *value));
    let step = values.len().div_ceil(POINTS_MAX).max(1);
    let last = values.len().saturating_sub(1);
    points
        .enumerate()
        .filter(|(index, _)| index % step == 0 || *index == last)
        .map(|(_, point)| point)
        .collect()
}

fn plot(
    area: &Area<'_>,
    days: &[NaiveDate],
    values: &[f64],
    colour: RGBColor,
    trades: Option<&Book>,
) -> Result<(), String> {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return Ok(()) };
    let lowest = values.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let margin = ((highest - lowest) * 0.08).max(highest.abs() * 0.0005).max(0.01);
    let mut chart = ChartBuilder::on(area)
        .margin(10)
        .x_label_area_size(28)
        .y_label_area_size(110)
        .build_cartesian_2d(
            day_number(*first)..day_number(*last).max(day_number(*first) + 1.0),
            lowest - margin..highest + margin,
        )
        .map_err(text)?;
    let date = |number: &f64| {
        let date = NaiveDate::from_num_days_from_ce_opt(*number as i32);
        date.map_or_else(String::new, |date| date.format("%Y-%m").to_string())
    };
    let unit = |value: &f64| if trades.is_some() { format!("{value:.0}") } else { format!("{value:.1} %") };
    chart
        .configure_mesh()
        .x_labels(9)
        .y_labels(6)
        .max_light_lines(0)
        .x_label_formatter(&date)
        .y_label_formatter(&unit)
        .axis_style(GRID)
        .bold_line_style(GRID)
        .label_style((FontFamily::SansSerif, LETTERS).into_font().color(&INK))
        .draw()
        .map_err(text)?;
    chart.draw_series(LineSeries::new(thinned(days, values), colour.stroke_width(2))).map_err(text)?;
    let Some(book) = trades else { return Ok(()) };
    let at = |date: NaiveDate| {
        let place = book.days.binary_search(&date).ok()?;
        Some((day_number(date), *book.equity.get(place)?))
    };
    let marked = || book.trades.iter().take(MARKS_MAX);
    let bought =
        marked().filter_map(|trade| at(trade.bought)).map(|at| TriangleMarker::new(at, 5, BOUGHT.filled()));
    let sold =
        marked().filter_map(|trade| at(trade.sold?.date)).map(|at| Cross::new(at, 4, SOLD.stroke_width(1)));
    chart.draw_series(bought).map_err(text)?;
    chart.draw_series(sold).map_err(text)?;
    Ok(())
}
