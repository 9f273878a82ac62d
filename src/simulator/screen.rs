//! Which stocks a Korean ranking is about: its index, kind, and bounds of price, volume and rate (KIS.md 9.6, 9.7).

use rust_decimal::Decimal;

use super::call::Call;
use super::refusal::{self, Refusal};
use super::venue::Quote;
use super::wire;

/// A lower and an upper bound, each open where the parameter is blank.
type Bounds = [Option<Decimal>; 2];

/// What a ranking leaves in. Every Korean stock here is a common stock of KOSPI, in good order and outside KOSPI200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Screen {
    takes_ours: bool,
    price: Bounds,
    rate: Bounds,
    least_volume: Option<Decimal>,
}

impl Screen {
    /// As `call` asks for it.
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let index = match call.get("FID_INPUT_ISCD") {
            "0000" | "0001" => true,
            "1001" | "2001" => false,
            _ => return Err(refusal::invalid("FID_INPUT_ISCD")),
        };
        let kind = match call.get("FID_DIV_CLS_CODE") {
            "0" | "1" => true,
            "2" => false,
            _ => return Err(refusal::invalid("FID_DIV_CLS_CODE")),
        };
        Ok(Self {
            takes_ours: index && kind,
            price: [bound(call, "FID_INPUT_PRICE_1")?, upper(bound(call, "FID_INPUT_PRICE_2")?)],
            rate: [bound(call, "FID_RSFL_RATE1")?, bound(call, "FID_RSFL_RATE2")?],
            least_volume: bound(call, "FID_VOL_CNT")?,
        })
    }

    /// True when `quote` is within every bound.
    pub(super) fn keeps(&self, quote: &Quote) -> bool {
        let within = |[least, most]: Bounds, figure: Decimal| {
            least.is_none_or(|least| figure >= least) && most.is_none_or(|most| figure <= most)
        };
        self.takes_ours
            && within(self.price, quote.last.into())
            && within(self.rate, wire::percent(quote.last - quote.base, quote.base))
            && within([self.least_volume, None], quote.volume().into())
    }
}

/// An upper bound of zero is none: KIS's samples send it for "all".
fn upper(bound: Option<Decimal>) -> Option<Decimal> {
    bound.filter(|bound| !bound.is_zero())
}

fn bound(call: &Call, name: &str) -> Result<Option<Decimal>, Refusal> {
    match call.get(name) {
        "" => Ok(None),
        text => Decimal::from_str_exact(text).map(Some).map_err(|_| refusal::invalid(name)),
    }
}
