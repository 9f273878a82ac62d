//! The curves of a soak as a picture: memory, the books, and descriptors, each over the days.

use std::fmt::Write;

use super::Day;

const WIDTH: u64 = 900;
const PANEL: u64 = 150;
const LEFT: u64 = 96;
const RIGHT: u64 = 20;
const GAP: u64 = 56;

/// A curve and where its figures come from.
struct Curve {
    title: &'static str,
    figure: fn(&Day) -> u64,
}

const CURVES: [Curve; 4] = [
    Curve { title: "resident memory, KiB", figure: |day| day.rss_kib },
    Curve { title: "books, KiB in use", figure: |day| day.used_bytes >> 10 },
    Curve { title: "old rows that went", figure: |day| day.dropped },
    Curve { title: "open file descriptors", figure: |day| day.descriptors },
];

/// Draws the days as an SVG document.
pub(super) fn draw(days: &[Day]) -> String {
    let height = GAP + (PANEL + GAP) * CURVES.len() as u64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"13\">\n<title>A soak of {} days</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n",
        days.len()
    );
    for (curve, number) in CURVES.iter().zip(0_u64..) {
        svg += &panel(days, curve, GAP + (PANEL + GAP) * number);
    }
    svg + "</svg>\n"
}

fn panel(days: &[Day], curve: &Curve, top: u64) -> String {
    let figures: Vec<u64> = days.iter().map(curve.figure).collect();
    let most = figures.iter().copied().max().unwrap_or(0).max(1);
    let (bottom, right) = (top + PANEL, WIDTH - RIGHT);
    let steps = (figures.len() as u64).saturating_sub(1).max(1);
    let mut line = String::new();
    for (figure, number) in figures.iter().zip(0_u64..) {
        let x = LEFT + (right - LEFT) * number / steps;
        let y = bottom - PANEL * figure / most;
        // Writing to a String cannot fail.
        let _ = write!(line, "{x},{y} ");
    }
    let date = |day: Option<&Day>| day.map(|day| day.date.to_string()).unwrap_or_default();
    format!(
        "<text x=\"{LEFT}\" y=\"{}\" font-weight=\"bold\">{}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{most}</text>\n\
         <text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n\
         <path d=\"M{LEFT} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#767676\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#1f4e9c\" stroke-width=\"2\"/>\n\
         <text x=\"{LEFT}\" y=\"{}\">{}</text>\n<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{}</text>\n",
        top - 8,
        curve.title,
        LEFT - 8,
        top + 12,
        LEFT - 8,
        line.trim_end(),
        bottom + 18,
        date(days.first()),
        bottom + 18,
        date(days.last()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_is_a_point_of_every_curve_and_the_highest_reaches_the_top() {
        let day = |number: u64| Day {
            date: "2026-01-05".parse().unwrap(),
            rss_kib: 1_000 * number,
            descriptors: 12,
            database_bytes: 0,
            used_bytes: 0,
            journal_bytes: 0,
            dropped: 0,
            starts: 1,
            orders: 0,
        };
        let svg = draw(&(0..=10).map(day).collect::<Vec<_>>());
        let lines: Vec<&str> =
            svg.split("points=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(lines.len(), CURVES.len());
        assert!(lines.iter().all(|line| line.split(' ').count() == 11), "{lines:?}");
        assert!(lines[0].starts_with("96,206 ") && lines[0].ends_with(" 880,56"), "{}", lines[0]);
        assert!(draw(&[]).ends_with("</svg>\n"));
    }
}
