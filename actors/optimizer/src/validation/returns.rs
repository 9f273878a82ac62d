//! Returns of several strategies over the same observations.

use super::{Degenerate, at_least};

/// A matrix of finite returns: one row per observation, one column per strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Returns {
    columns: usize,
    /// Row after row.
    values: Vec<f64>,
}

impl Returns {
    /// From one slice per observation.
    ///
    /// # Errors
    /// [`Degenerate`] when it is empty, ragged or not finite.
    pub fn from_rows<R: AsRef<[f64]>>(rows: &[R]) -> Result<Self, Degenerate> {
        let columns = rows.first().map_or(0, |row| row.as_ref().len());
        at_least("observations", rows.len(), 1)?;
        at_least("strategies", columns, 1)?;
        let mut values = Vec::with_capacity(rows.len() * columns);
        for (index, row) in rows.iter().map(AsRef::as_ref).enumerate() {
            if row.len() != columns {
                return Err(Degenerate::Ragged { series: index, found: row.len(), expected: columns });
            }
            if let Some(column) = row.iter().position(|value| !value.is_finite()) {
                return Err(Degenerate::NotFinite { row: index, column });
            }
            values.extend_from_slice(row);
        }
        Ok(Self { columns, values })
    }

    /// From one slice per strategy.
    ///
    /// # Errors
    /// As [`Returns::from_rows`].
    pub fn from_columns<C: AsRef<[f64]>>(series: &[C]) -> Result<Self, Degenerate> {
        let expected = series.first().map_or(0, |column| column.as_ref().len());
        let ragged = series.iter().map(|column| column.as_ref().len()).enumerate();
        if let Some((index, found)) = ragged.into_iter().find(|(_, found)| *found != expected) {
            return Err(Degenerate::Ragged { series: index, found, expected });
        }
        let row = |row: usize| -> Vec<f64> { series.iter().map(|column| column.as_ref()[row]).collect() };
        let rows: Vec<_> = (0..expected).map(row).collect();
        Self::from_rows(&rows)
    }

    /// How many strategies.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// How many observations.
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    /// One observation of every strategy; `row` below [`Returns::rows`].
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns..][..self.columns]
    }

    /// The returns of one strategy.
    ///
    /// # Errors
    /// [`Degenerate`] when there is no such column.
    pub fn column(&self, column: usize) -> Result<Vec<f64>, Degenerate> {
        at_least("strategies", self.columns, column + 1)?;
        Ok((0..self.rows()).map(|row| self.row(row)[column]).collect())
    }

    /// The mean of every strategy over some observations, each as often as it is named.
    pub(super) fn means(&self, rows: impl ExactSizeIterator<Item = usize>) -> Vec<f64> {
        let count = rows.len() as f64;
        let mut sums = vec![0.0; self.columns];
        for row in rows {
            for (sum, value) in sums.iter_mut().zip(self.row(row)) {
                *sum += value;
            }
        }
        sums.iter().map(|sum| sum / count).collect()
    }
}
