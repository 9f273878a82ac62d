//! A table of plain text: columns as wide as their widest cell, numbers to the right.

use std::fmt;

/// Rows under a head.
pub(super) struct Table {
    head: Vec<String>,
    /// Columns whose cells stand to the right.
    right: &'static [usize],
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new(head: &[&str], right: &'static [usize]) -> Self {
        Self { head: head.iter().map(|&text| text.to_owned()).collect(), right, rows: Vec::new() }
    }

    /// A row, a cell per column.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain([&self.head]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<usize> = (0..self.head.len()).map(|column| self.width(column)).collect();
        for row in [&self.head].into_iter().chain(&self.rows) {
            let cells = row.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
                match self.right.contains(&column) {
                    true => format!("{cell:>width$}"),
                    false => format!("{cell:<width$}"),
                }
            });
            writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell_and_numbers_stand_to_the_right() {
        let mut table = Table::new(&["stock", "shares"], &[1]);
        table.row(["KR:005930".to_owned(), "10".to_owned()]);
        table.row(["JP:7203".to_owned(), "1234567".to_owned()]);
        assert_eq!(table.to_string(), "stock       shares\nKR:005930       10\nJP:7203    1234567\n");
    }
}
