//! `inquire-daily-chartprice`: indices and exchange rates by day (KIS.md 13.8). Both hosts.
//!
//! An index here is the mean of its stocks' prices against their reference prices, ten thousand points at the start.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use domain::{Currency, Market};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::call::{Call, Reply};
use super::domestic_bars::period;
use super::places::{currency_name, won_per};
use super::refusal::{self, Refusal};
use super::tape::Bar;
use super::venue::Venue;
use super::wire::{self, Change, fixed};
use super::{bars, rankings};

/// Bars of one answer.
const BARS: usize = 100;
/// Ten thousand points, in hundredths.
const BASE_UNITS: i64 = 1_000_000;

/// The indices that are told: their symbol, name, and whose stocks they are made of.
const INDICES: [(&str, &str, &[Market]); 4] = [
    (".DJI", "다우존스 산업지수", &[Market::UsNyse]),
    ("COMP", "나스닥 종합지수", &[Market::UsNasdaq]),
    ("NDX", "나스닥 100", &[Market::UsNasdaq]),
    ("SPX", "S&P 500", &[Market::UsNasdaq, Market::UsNyse, Market::UsAmex]),
];

/// An index, or a rate that does not move.
struct Series {
    symbol: String,
    name: String,
    /// Finished days and today, oldest first, in hundredths.
    days: Vec<Bar>,
}

/// `inquire-daily-chartprice`.
pub(super) fn chart(venue: &mut Venue, call: &Call) -> Result<Reply, Refusal> {
    let (first, last) = (call.date("FID_INPUT_DATE_1")?, call.date("FID_INPUT_DATE_2")?);
    let period = period(call)?;
    let symbol = call.get("FID_INPUT_ISCD");
    let series = match call.get("FID_COND_MRKT_DIV_CODE") {
        "N" => index(venue, symbol),
        "X" => rate(venue, symbol),
        _ => return Err(Refusal::input("OPSQ2001", "ERROR : INPUT INVALID_CHECK_MRKT_DIV_CODE")),
    };
    let series = series.ok_or_else(|| Refusal::business("7", "MCA05918", "종목코드 오류입니다."))?;
    let grouped = bars::grouped(&series.days, period);
    let wanted = grouped.iter().rev().filter(|bar| (first..=last).contains(&bar.date)).take(BARS);
    let rows: Vec<Value> = wanted.map(row).collect();
    Ok(Reply::quote(vec![("output1", head(&series)?), ("output2", rows.into())]))
}

fn points(units: i64) -> String {
    fixed(Decimal::new(units, 2), 2)
}

fn head(series: &Series) -> Result<Value, Refusal> {
    let [.., before, today] = series.days[..] else {
        return Err(refusal::invalid("FID_INPUT_ISCD"));
    };
    let change = Change::between(before.close, today.close, None);
    Ok(json!({
        "acml_vol": today.volume.to_string(),
        "hts_kor_isnm": series.name,
        "ovrs_nmix_prdy_clpr": points(before.close),
        "ovrs_nmix_prdy_vrss": points(change.units),
        "ovrs_nmix_prpr": points(today.close),
        "ovrs_prod_hgpr": points(today.high),
        "ovrs_prod_lwpr": points(today.low),
        "ovrs_prod_oprc": points(today.open),
        "prdy_ctrt": change.percent_text(),
        "prdy_vrss_sign": change.sign(),
        "stck_shrn_iscd": series.symbol,
    }))
}

fn row(bar: &Bar) -> Value {
    json!({
        "acml_vol": bar.volume.to_string(),
        "mod_yn": "N",
        "ovrs_nmix_hgpr": points(bar.high),
        "ovrs_nmix_lwpr": points(bar.low),
        "ovrs_nmix_oprc": points(bar.open),
        "ovrs_nmix_prpr": points(bar.close),
        "stck_bsop_date": wire::date(bar.date),
    })
}

fn index(venue: &mut Venue, symbol: &str) -> Option<Series> {
    let (symbol, name, markets) = INDICES.iter().find(|(known, _, _)| *known == symbol)?;
    let mut days: BTreeMap<NaiveDate, Vec<Bar>> = BTreeMap::new();
    for market in *markets {
        for quote in rankings::quotes(venue, *market) {
            let own = bars::with_today(venue.tape(quote.listing).bars(), quote.bar);
            let scaled = own.into_iter().map(|bar| against(bar, quote.listing.reference));
            scaled.for_each(|bar| days.entry(bar.date).or_default().push(bar));
        }
    }
    let days = days.into_iter().map(|(date, bars)| mean(date, &bars)).collect();
    Some(Series { symbol: (*symbol).to_owned(), name: (*name).to_owned(), days })
}

fn against(bar: Bar, reference: i64) -> Bar {
    let scale = |units: i64| {
        let scaled = i128::from(units) * i128::from(BASE_UNITS) / i128::from(reference.max(1));
        i64::try_from(scaled).unwrap_or(i64::MAX)
    };
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(scale);
    Bar { open, high, low, close, ..bar }
}

fn mean(date: NaiveDate, bars: &[Bar]) -> Bar {
    let count = i64::try_from(bars.len()).unwrap_or(1).max(1);
    let of = |pick: fn(&Bar) -> i64| bars.iter().map(pick).fold(0_i64, i64::saturating_add) / count;
    Bar {
        date,
        open: of(|bar| bar.open),
        high: of(|bar| bar.high),
        low: of(|bar| bar.low),
        close: of(|bar| bar.close),
        volume: bars.iter().map(|bar| bar.volume).sum(),
        value: 0,
    }
}

/// `FX@KRW`: won for a dollar; `FX@` and another currency: that currency for a dollar. The simulated rates stand still.
fn rate(venue: &mut Venue, symbol: &str) -> Option<Series> {
    let letters = symbol.strip_prefix("FX@")?;
    let all = [Currency::Krw, Currency::Jpy, Currency::Hkd, Currency::Cny, Currency::Vnd];
    let currency = all.into_iter().find(|currency| currency.code() == letters)?;
    let units = won_per(Currency::Usd) / won_per(currency) * Decimal::ONE_HUNDRED;
    let units = i64::try_from(units.round()).ok()?;
    let dates = index(venue, "SPX")?.days;
    let still = |day: Bar| Bar { open: units, high: units, low: units, close: units, volume: 0, ..day };
    let days = dates.into_iter().map(still).collect();
    Some(Series { symbol: symbol.to_owned(), name: currency_name(currency).to_owned(), days })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_the_mean_of_its_stocks_against_their_references() {
        let date = NaiveDate::MIN;
        let bar = |close| Bar { date, open: close, high: close, low: close, close, volume: 5, value: 0 };
        let day = mean(date, &[against(bar(110), 100), against(bar(180), 200)]);
        assert_eq!((day.close, day.volume), (1_000_000, 10));
        assert_eq!(points(day.close), "10000.00");
    }
}
