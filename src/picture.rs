//! Equity curves as one picture for a chat: plotters draws on a canvas of indices into a palette, which is packed as PNG.

use std::collections::BTreeMap;
use std::convert::Infallible;

use domain::Currency;
use font8x8::legacy::BASIC_LEGACY;
use plotters::prelude::{IntoDrawingArea as _, IntoFont as _, RGBColor, Text};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingBackend, DrawingErrorKind};

use crate::curve::{self, GRID, INK, LINE, Point, Room};

/// Pixels of one currency.
const WIDTH: u32 = 880;
const HEIGHT: u32 = 320;
/// Each letter is eight pixels square, and drawn so many times as large.
const LETTER_SCALE: u32 = 2;
const LETTER: u32 = 8 * LETTER_SCALE;
const ROOM: Room = Room { x_labels: 34, y_labels: 200, letters: LETTER, times: 4 };
/// The heading of each currency.
const HEADING: u32 = 36;
/// Colours by their number: ground, and those of `curve`.
const PALETTE: [[u8; 3]; 4] = [[255, 255, 255], [0, 92, 175], [208, 212, 218], [45, 52, 60]];

/// One picture of all currencies that have a curve, below each other, as PNG; none where no currency has two points.
pub(crate) fn of(curves: &BTreeMap<Currency, Vec<Point>>) -> Option<Vec<u8>> {
    let drawn: Vec<_> = curves.iter().filter(|(_, points)| points.len() > 1).collect();
    let height = HEIGHT * u32::try_from(drawn.len()).ok()?;
    let mut canvas = Canvas::new(WIDTH, height);
    {
        let area = (&mut canvas).into_drawing_area();
        let panels = area.split_evenly((drawn.len().max(1), 1));
        for (panel, (_, points)) in panels.iter().zip(&drawn) {
            let (heading, below) = panel.split_vertically(HEADING);
            let text = Text::new(heading_of(points), (12, 10), ("sans-serif", LETTER).into_font());
            heading.draw(&text).ok()?;
            curve::plot(&below, points, ROOM).ok()?;
        }
    }
    (!drawn.is_empty()).then(|| canvas.packed()).flatten()
}

fn heading_of(points: &[Point]) -> String {
    let date =
        |point: Option<&Point>| point.map_or(String::new(), |(at, _)| at.format("%Y-%m-%d").to_string());
    let now = points.last().map_or(String::new(), |(_, equity)| equity.to_string());
    format!("Equity {now}, {} to {}", date(points.first()), date(points.last()))
}

/// Indices into the palette, row by row.
struct Canvas {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: u32, height: u32) -> Self {
        Self { width, height, pixels: vec![0; (width * height) as usize] }
    }

    fn set(&mut self, x: i32, y: i32, colour: u8) {
        let (Ok(x), Ok(y)) = (u32::try_from(x), u32::try_from(y)) else { return };
        if x < self.width
            && y < self.height
            && let Some(pixel) = self.pixels.get_mut((y * self.width + x) as usize)
        {
            *pixel = colour;
        }
    }

    /// What is no letter of ASCII is a question mark.
    fn letter(&mut self, letter: char, (left, top): BackendCoord, colour: u8) {
        let rows = BASIC_LEGACY.get(letter as usize).unwrap_or(&BASIC_LEGACY[usize::from(b'?')]);
        let scale = LETTER_SCALE.cast_signed();
        for (y, row) in (0_i32..).zip(rows) {
            for x in (0..8_i32).filter(|x| row >> x & 1 == 1) {
                for (dx, dy) in (0..scale).flat_map(|dx| (0..scale).map(move |dy| (dx, dy))) {
                    self.set(left + x * scale + dx, top + y * scale + dy, colour);
                }
            }
        }
    }

    fn packed(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_palette(PALETTE.concat());
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().ok()?;
        writer.write_image_data(&self.pixels).ok()?;
        writer.finish().ok()?;
        Some(bytes)
    }
}

/// The number of a colour of `curve`; whatever else is drawn is ink.
fn number(colour: BackendColor) -> u8 {
    let is = |known: RGBColor| colour.rgb == (known.0, known.1, known.2);
    if is(LINE) {
        1
    } else if is(GRID) {
        2
    } else {
        INK.0
    }
}

fn size_of(text: &str) -> (u32, u32) {
    (u32::try_from(text.chars().count()).unwrap_or(u32::MAX / LETTER) * LETTER, LETTER)
}

impl DrawingBackend for &mut Canvas {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Infallible>> {
        Ok(())
    }

    fn draw_pixel(
        &mut self,
        (x, y): BackendCoord,
        colour: BackendColor,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        // Half a pixel of a smoothed line is none.
        if colour.alpha >= 0.5 {
            self.set(x, y, number(colour));
        }
        Ok(())
    }

    fn draw_text<TStyle: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &TStyle,
        (x, y): BackendCoord,
    ) -> Result<(), DrawingErrorKind<Infallible>> {
        let (width, height) = size_of(text);
        let (width, height) = (width.cast_signed(), height.cast_signed());
        let anchor = style.anchor();
        let left = x - match anchor.h_pos {
            HPos::Left => 0,
            HPos::Center => width / 2,
            HPos::Right => width,
        };
        let top = y - match anchor.v_pos {
            VPos::Top => 0,
            VPos::Center => height / 2,
            VPos::Bottom => height,
        };
        for (place, letter) in (0_i32..).zip(text.chars()) {
            self.letter(letter, (left + place * LETTER.cast_signed(), top), number(style.color()));
        }
        Ok(())
    }

    fn estimate_text_size<TStyle: BackendTextStyle>(
        &self,
        text: &str,
        _style: &TStyle,
    ) -> Result<(u32, u32), DrawingErrorKind<Infallible>> {
        Ok(size_of(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};
    use domain::Money;

    fn points(currency: Currency, amounts: &[i64]) -> Vec<Point> {
        let at = |day: usize| DateTime::UNIX_EPOCH + TimeDelta::days(day.try_into().unwrap());
        amounts
            .iter()
            .enumerate()
            .map(|(day, amount)| (at(day), Money::new((*amount).into(), currency)))
            .collect()
    }

    fn pixels(packed: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(packed)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        (frame.width, frame.height, pixels)
    }

    #[test]
    fn each_currency_with_two_points_is_a_panel_with_a_line_a_grid_and_letters() {
        let curves = BTreeMap::from([
            (Currency::Krw, points(Currency::Krw, &[100_000_000, 101_500_000, 99_000_000])),
            (Currency::Usd, points(Currency::Usd, &[75_000, 75_010])),
            (Currency::Jpy, points(Currency::Jpy, &[1])),
        ]);
        let packed = of(&curves).unwrap();
        assert!(packed.len() < 60_000, "{} bytes", packed.len());
        let (width, height, pixels) = pixels(&packed);
        assert_eq!((width, height), (WIDTH, 2 * HEIGHT));
        for (colour, least) in [(1, 1_000), (2, 3_000), (3, 1_000)] {
            for panel in pixels.chunks(pixels.len() / 2) {
                let found = panel.iter().filter(|pixel| **pixel == colour).count();
                assert!(found > least, "colour {colour}: {found}");
            }
        }
    }

    #[test]
    fn without_two_points_of_any_currency_there_is_no_picture() {
        assert_eq!(of(&BTreeMap::new()), None);
        assert_eq!(of(&BTreeMap::from([(Currency::Usd, points(Currency::Usd, &[5]))])), None);
    }

    #[test]
    fn a_letter_stands_where_it_is_put_and_what_is_outside_is_left_out() {
        let mut canvas = Canvas::new(20, 20);
        canvas.letter('-', (2, 2), 3);
        let lit: Vec<usize> = (0..400).filter(|place| canvas.pixels[*place] == 3).collect();
        assert!(
            !lit.is_empty() && lit.iter().all(|place| (2..18).contains(&(place % 20)) && place / 20 >= 2)
        );
        canvas.letter('W', (15, -5), 3);
        canvas.letter('\u{1F600}', (0, 0), 3);
    }
}
