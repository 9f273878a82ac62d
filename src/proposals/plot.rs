//! A curve of the evidence as a picture.

use std::error::Error;

use optimizer::evidence::Curve;
use plotters::prelude::*;
use plotters::style::FontFamily;

/// Pixels.
const SIZE: (u32, u32) = (760, 260);
const GRID: RGBColor = RGBColor(200, 200, 200);
/// Most points that are drawn; of more every so-manieth.
const POINTS_MAX: usize = 2_000;

/// True when there is something to draw.
pub(super) fn has_points(curve: &Curve) -> bool {
    points(curve).len() >= 2
}

/// The curve as SVG; none while there are fewer than two points.
pub(super) fn draw(curve: &Curve) -> Option<String> {
    let points = points(curve);
    (points.len() >= 2).then(|| plot(curve, &points).ok()).flatten()
}

/// Floats only draw; a million is 1.
fn points(curve: &Curve) -> Vec<(f64, f64)> {
    let step = curve.points.len().div_ceil(POINTS_MAX).max(1);
    let index = |micros: i64| i32::try_from(micros / 100).map_or(f64::NAN, |part| f64::from(part) / 10_000.0);
    let place = |place: usize| u32::try_from(place).map_or(f64::NAN, f64::from);
    let points = curve.points.iter().enumerate().step_by(step);
    points.map(|(at, micros)| (place(at), index(*micros))).filter(|(_, value)| value.is_finite()).collect()
}

fn plot(curve: &Curve, points: &[(f64, f64)]) -> Result<String, Box<dyn Error>> {
    let lowest = points.iter().map(|(_, value)| *value).fold(f64::INFINITY, f64::min);
    let highest = points.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let margin = ((highest - lowest) * 0.1).max(0.001);
    let last = points.last().map_or(1.0, |(at, _)| *at).max(1.0);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        area.fill(&WHITE)?;
        let font = (FontFamily::SansSerif, 13).into_font();
        // The backend escapes what is text; a name is the Optimizer's own all the same.
        let caption = format!("{}, {} to {}", curve.name, curve.first_day, curve.last_day);
        let mut chart = ChartBuilder::on(&area)
            .caption(caption, font.clone())
            .margin(10)
            .x_label_area_size(26)
            .y_label_area_size(60)
            .build_cartesian_2d(0.0..last, lowest - margin..highest + margin)?;
        chart
            .configure_mesh()
            .x_desc("sessions")
            .x_labels(6)
            .y_labels(5)
            .max_light_lines(0)
            .axis_style(GRID)
            .bold_line_style(GRID)
            .label_style(font)
            .x_label_formatter(&|at| format!("{at:.0}"))
            .y_label_formatter(&|value| format!("{value:.3}"))
            .draw()?;
        chart.draw_series(LineSeries::new(points.iter().copied(), BLACK.stroke_width(2)))?;
        area.present()?;
    }
    Ok(svg)
}
