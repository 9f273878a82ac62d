//! TR ids of the reads, one literal row per call (KIS.md 6). The paper id is never derived from the real one.
//!
//! Orders are not here: their paths and ids are private to `order.rs`.

use domain::messages::market_data::QueryError;

use super::Environment;

/// One read of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Read {
    /// What it is, for errors and logs.
    pub(super) name: &'static str,
    /// Its path.
    pub(super) path: &'static str,
    real: &'static str,
    /// None where a paper account does not have the service.
    paper: Option<&'static str>,
}

const fn read(
    name: &'static str,
    path: &'static str,
    real: &'static str,
    paper: Option<&'static str>,
) -> Read {
    Read { name, path, real, paper }
}

macro_rules! domestic {
    ($rest:literal) => {
        concat!("/uapi/domestic-stock/v1/", $rest)
    };
}
macro_rules! overseas {
    ($rest:literal) => {
        concat!("/uapi/overseas-stock/v1/", $rest)
    };
}
macro_rules! overseas_price {
    ($rest:literal) => {
        concat!("/uapi/overseas-price/v1/", $rest)
    };
}

#[rustfmt::skip]
pub(super) mod reads {
    use super::{Read, read};
    pub(in super::super) const KR_BALANCE: Read = read("domestic balance", domestic!("trading/inquire-balance"), "TTTC8434R", Some("VTTC8434R"));
    pub(in super::super) const KR_BUYABLE: Read = read("domestic buyable amount", domestic!("trading/inquire-psbl-order"), "TTTC8908R", Some("VTTC8908R"));
    pub(in super::super) const KR_ORDERS: Read = read("domestic order list", domestic!("trading/inquire-daily-ccld"), "TTTC0081R", Some("VTTC0081R"));
    pub(in super::super) const KR_PRICE: Read = read("domestic price", domestic!("quotations/inquire-price"), "FHKST01010100", Some("FHKST01010100"));
    pub(in super::super) const KR_DAILY: Read = read("domestic daily bars", domestic!("quotations/inquire-daily-itemchartprice"), "FHKST03010100", Some("FHKST03010100"));
    pub(in super::super) const KR_MINUTES: Read = read("domestic minute bars", domestic!("quotations/inquire-time-itemchartprice"), "FHKST03010200", Some("FHKST03010200"));
    pub(in super::super) const KR_VOLUME_RANK: Read = read("domestic volume ranking", domestic!("quotations/volume-rank"), "FHPST01710000", None);
    pub(in super::super) const KR_FLUCTUATION: Read = read("domestic price change ranking", domestic!("ranking/fluctuation"), "FHPST01700000", None);
    pub(in super::super) const OVERSEAS_BALANCE: Read = read("foreign balance", overseas!("trading/inquire-balance"), "TTTS3012R", Some("VTTS3012R"));
    pub(in super::super) const OVERSEAS_BUYABLE: Read = read("foreign buyable amount", overseas!("trading/inquire-psamount"), "TTTS3007R", Some("VTTS3007R"));
    pub(in super::super) const OVERSEAS_ORDERS: Read = read("foreign order list", overseas!("trading/inquire-ccnl"), "TTTS3035R", Some("VTTS3035R"));
    pub(in super::super) const OVERSEAS_PRICE: Read = read("foreign price", overseas_price!("quotations/price"), "HHDFS00000300", Some("HHDFS00000300"));
    pub(in super::super) const OVERSEAS_DETAIL: Read = read("foreign price detail", overseas_price!("quotations/price-detail"), "HHDFS76200200", None);
    pub(in super::super) const OVERSEAS_DAILY: Read = read("foreign daily bars", overseas_price!("quotations/dailyprice"), "HHDFS76240000", Some("HHDFS76240000"));
    pub(in super::super) const OVERSEAS_MINUTES: Read = read("foreign minute bars", overseas_price!("quotations/inquire-time-itemchartprice"), "HHDFS76950200", None);
    pub(in super::super) const OVERSEAS_SEARCH: Read = read("foreign condition search", overseas_price!("quotations/inquire-search"), "HHDFS76410000", Some("HHDFS76410000"));
    pub(in super::super) const KR_DAYS: Read = read("domestic list of days", domestic!("quotations/chk-holiday"), "CTCA0903R", None);
    pub(in super::super) const KR_ORDERS_OLD: Read = read("older domestic order list", domestic!("trading/inquire-daily-ccld"), "CTSC9215R", Some("VTSC9215R"));
    pub(in super::super) const KR_SELLABLE: Read = read("domestic sellable quantity", domestic!("trading/inquire-psbl-sell"), "TTTC8408R", None);
    pub(in super::super) const KR_WORKING: Read = read("domestic working orders", domestic!("trading/inquire-psbl-rvsecncl"), "TTTC0084R", None);
    pub(in super::super) const KR_BOOK: Read = read("domestic order book", domestic!("quotations/inquire-asking-price-exp-ccn"), "FHKST01010200", Some("FHKST01010200"));
    pub(in super::super) const OVERSEAS_WORKING: Read = read("foreign working orders", overseas!("trading/inquire-nccs"), "TTTS3018R", None);
    pub(in super::super) const OVERSEAS_PRESENT: Read = read("foreign balance in won", overseas!("trading/inquire-present-balance"), "CTRP6504R", Some("VTRP6504R"));
    pub(in super::super) const OVERSEAS_BOOK: Read = read("foreign order book", overseas_price!("quotations/inquire-asking-price"), "HHDFS76200100", None);
    #[cfg(test)]
    pub(in super::super) const ALL: [Read; 24] = [
        KR_BALANCE, KR_BUYABLE, KR_ORDERS, KR_PRICE, KR_DAILY, KR_MINUTES, KR_VOLUME_RANK, KR_FLUCTUATION, OVERSEAS_BALANCE,
        OVERSEAS_BUYABLE, OVERSEAS_ORDERS, OVERSEAS_PRICE, OVERSEAS_DAILY, OVERSEAS_MINUTES, OVERSEAS_SEARCH, KR_DAYS, OVERSEAS_DETAIL,
        KR_ORDERS_OLD, KR_SELLABLE, KR_WORKING, KR_BOOK, OVERSEAS_WORKING, OVERSEAS_PRESENT, OVERSEAS_BOOK,
    ];
}

impl Read {
    /// Path and real TR id.
    #[cfg(test)]
    pub(super) fn real(&self) -> (&'static str, &'static str) {
        (self.path, self.real)
    }

    /// The TR id in `environment`.
    ///
    /// # Errors
    /// [`QueryError::NotOffered`] where KIS has no such service.
    pub(super) fn tr_id(&self, environment: Environment) -> Result<&'static str, QueryError> {
        let id = match environment {
            Environment::Real => Some(self.real),
            Environment::Paper => self.paper,
        };
        id.ok_or_else(|| QueryError::NotOffered(format!("{} on a paper account", self.name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_read_has_a_short_id_and_a_path_under_uapi() {
        for read in reads::ALL {
            let paper = read.tr_id(Environment::Paper).ok();
            for id in [read.tr_id(Environment::Real).ok(), paper].into_iter().flatten() {
                assert!((9..=13).contains(&id.len()), "{id}");
            }
            assert!(read.path.starts_with("/uapi/"), "{}", read.path);
        }
    }

    #[test]
    fn a_paper_account_has_no_rankings_no_foreign_minute_bars_and_no_list_of_days() {
        for read in [reads::KR_VOLUME_RANK, reads::KR_FLUCTUATION, reads::OVERSEAS_MINUTES, reads::KR_DAYS] {
            let error = read.tr_id(Environment::Paper).unwrap_err();
            assert!(matches!(error, QueryError::NotOffered(_)), "{error}");
        }
        assert_eq!(reads::OVERSEAS_ORDERS.tr_id(Environment::Paper), Ok("VTTS3035R"));
    }

    #[test]
    fn the_condition_search_is_the_same_on_paper() {
        assert_eq!(reads::OVERSEAS_SEARCH.tr_id(Environment::Paper), Ok("HHDFS76410000"));
    }
}
