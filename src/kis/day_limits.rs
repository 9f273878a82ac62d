//! The highest and lowest price of a day, where the exchange does not tell them: on paper, in Japan, China and Vietnam.
//!
//! The widths are those of [`domain::day_limits`]. They
//! are used to keep a limit inside, never to refuse an order: only what the exchange told does that.

use domain::tick::{self, Rounding};
use domain::{Market, Price, Symbol, day_limits};
use rust_decimal::Decimal;

/// Upper and lower limit of a day that begins with `base`, the close before it; none where there are no limits, or where
/// nobody knows them.
pub(super) fn day_limits(market: Market, symbol: &Symbol, base: Option<Price>) -> [Option<Price>; 2] {
    let Some((base, width)) =
        base.and_then(|base| Some((base.value(), day_limits::width(market, symbol, base.value())?)))
    else {
        return [None; 2];
    };
    let aligned = |value: Decimal, rounding| {
        Price::try_from(value).ok().and_then(|price| tick::align(market, price, rounding).ok())
    };
    [aligned(base + width, Rounding::Down), aligned(base - width, Rounding::Up)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_lie_inside_the_width_of_their_market_and_on_a_step() {
        let cases = [
            (Market::Jp, "7203", "2815", Some(["3315", "2315"])),
            (Market::Jp, "6861", "65000", Some(["75000", "55000"])),
            (Market::CnSha, "600519", "12.46", Some(["13.70", "11.22"])),
            (Market::CnSha, "688981", "12.46", Some(["14.95", "9.97"])),
            (Market::CnSza, "300750", "200.00", Some(["240.00", "160.00"])),
            (Market::VnHan, "SHS", "21400", Some(["23500", "19300"])),
            (Market::VnHcm, "VNM", "27450", Some(["29350", "25550"])),
            (Market::Hk, "00700", "512", None),
            (Market::UsNasdaq, "AAPL", "430", None),
        ];
        for (market, symbol, base, expected) in cases {
            let found = day_limits(market, &symbol.parse().unwrap(), base.parse().ok());
            let expected =
                expected.map_or([None; 2], |limits| limits.map(|limit| limit.parse::<Price>().ok()));
            assert_eq!(found, expected, "{market} {base}");
        }
        assert_eq!(day_limits(Market::Jp, &"7203".parse().unwrap(), None), [None; 2]);
    }
}
