//! Stock codes as exchanges write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Market;
use crate::text::harmless;

/// A stock code: 1 to 12 of `A-Z`, `0-9`, `.`, `-` or `/`, as the exchange writes it.
///
/// Parsed at the border, so a symbol can never smuggle text into a prompt, a path or a query.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Symbol(String);

impl Symbol {
    /// The longest code accepted, in characters.
    pub const MAX_CHARS: usize = 12;

    /// The code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Symbol {
    type Err = InvalidSymbol;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.trim();
        let allowed = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '/');
        if (1..=Self::MAX_CHARS).contains(&trimmed.len()) && trimmed.chars().all(allowed) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidSymbol(harmless(text, 40)))
        }
    }
}

impl TryFrom<String> for Symbol {
    type Error = InvalidSymbol;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Symbol> for String {
    fn from(symbol: Symbol) -> Self {
        symbol.0
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no stock code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no stock code; allowed: 1 to 12 of A-Z, 0-9, '.', '-' or '/'")]
pub struct InvalidSymbol(pub String);

/// A stock on a market: what is scanned, judged and traded.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Instrument {
    /// Where it trades.
    pub market: Market,
    /// Its code there.
    pub symbol: Symbol,
}

impl FromStr for Instrument {
    type Err = InvalidInstrument;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidInstrument(text.chars().take(40).collect());
        let (market, symbol) = text.trim().split_once(':').ok_or_else(invalid)?;
        let (market, symbol) =
            (market.parse().map_err(|_| invalid())?, symbol.parse().map_err(|_| invalid())?);
        Ok(Self { market, symbol })
    }
}

/// The text is no stock on a market.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is no stock; allowed: MARKET:SYMBOL, e.g. KR:005930")]
pub struct InvalidInstrument(pub String);

impl fmt::Display for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.market, self.symbol)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_the_ten_markets_are_accepted() {
        for code in ["005930", "AAPL", "BRK.B", "7203", "00700", "600519", "VNM", "BF/B"] {
            assert_eq!(code.parse::<Symbol>().unwrap().as_str(), code);
        }
    }

    #[test]
    fn a_stock_is_read_as_it_is_shown_and_anything_else_is_refused_with_the_form() {
        for text in ["KR:005930", "US_NASDAQ:AAPL", "JP:7203"] {
            assert_eq!(text.parse::<Instrument>().unwrap().to_string(), text);
        }
        for text in ["005930", "XX:005930", "KR:", "KR:삼성", ":"] {
            let error = text.parse::<Instrument>().unwrap_err().to_string();
            assert!(error.contains("MARKET:SYMBOL"), "{error}");
        }
    }

    #[test]
    fn text_that_is_no_code_is_refused_with_the_allowed_form() {
        for text in ["", " ", "aapl", "IGNORE ALL", "'; DROP", "삼성전자", "ABCDEFGHIJKLM"] {
            let error = text.parse::<Symbol>().unwrap_err().to_string();
            assert!(error.contains("1 to 12"), "{error}");
        }
    }
}
