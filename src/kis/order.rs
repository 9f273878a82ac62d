//! Orders and cancels: the one place that knows their paths and TR ids (KIS.md 8.1, 8.2, 12.1, 12.2).
//!
//! One POST per permit, never repeated, whatever comes back. The answer is `Accepted` only with an order number,
//! `Refused` only with a code that proves it (KIS.md 5, architecture 8), and `Unknown` in every other case.

use std::num::NonZeroU64;
use std::time::Duration;

use broker::CancelOutcome;
use bytes::Bytes;
use domain::{
    Instrument, IntentId, Market, OrderTerms, Outcome, Price, Quantity, Refusal, Side, TickTable,
    VenueOrderId, WorkingOrder, takes_odd_lots,
};
use http::Method;
use serde_json::{Value, json};
use supervision::mutant::{self, Mutant};

use super::auth::Token;
use super::call::{Session, build};
use super::codes::{Venue, has_form};
use super::errors::{Class, classify};
use super::orders::{is_branch, is_order_number};
use super::wire::{Envelope, Row};
use super::{AccountNumber, Environment};
use crate::http::{CallLimits, NetError, OrderTicket, Reply, Request, Transport};
use trade_ledger::{JournalledOrder, SendPermit};

const KR_ORDER: &str = "/uapi/domestic-stock/v1/trading/order-cash";
const KR_CANCEL: &str = "/uapi/domestic-stock/v1/trading/order-rvsecncl";
const OVERSEAS_ORDER: &str = "/uapi/overseas-stock/v1/trading/order";
const OVERSEAS_CANCEL: &str = "/uapi/overseas-stock/v1/trading/order-rvsecncl";

/// `ORD_DVSN` 00: a limit order, the one kind that every market and both environments take (KIS.md 7.2).
const LIMIT: &str = "00";
/// `ORD_DVSN` 50: a sale of less than one board lot in Hong Kong, on a real account (KIS.md 7.2).
const ODD_LOT: &str = "50";
/// An order's reply comes within five seconds or is unknown (order-protocol 5.2).
const ORDER_LIMITS: CallLimits = CallLimits { timeout: Duration::from_secs(5), max_body_bytes: 64 * 1024 };

/// TR ids of one market: real and paper side by side, because neither follows from the other.
struct Ids {
    buy: [&'static str; 2],
    sell: [&'static str; 2],
    cancel: [&'static str; 2],
}

#[rustfmt::skip]
const fn ids(market: Market) -> Ids {
    match market {
        Market::Kr => Ids { buy: ["TTTC0012U", "VTTC0012U"], sell: ["TTTC0011U", "VTTC0011U"], cancel: ["TTTC0013U", "VTTC0013U"] },
        // The paper id of a US sale breaks the pattern (KIS.md 12.1).
        Market::UsNasdaq | Market::UsNyse | Market::UsAmex => Ids { buy: ["TTTT1002U", "VTTT1002U"], sell: ["TTTT1006U", "VTTT1001U"], cancel: ["TTTT1004U", "VTTT1004U"] },
        Market::Jp => Ids { buy: ["TTTS0308U", "VTTS0308U"], sell: ["TTTS0307U", "VTTS0307U"], cancel: ["TTTS0309U", "VTTS0309U"] },
        Market::Hk => Ids { buy: ["TTTS1002U", "VTTS1002U"], sell: ["TTTS1001U", "VTTS1001U"], cancel: ["TTTS1003U", "VTTS1003U"] },
        Market::CnSha => Ids { buy: ["TTTS0202U", "VTTS0202U"], sell: ["TTTS1005U", "VTTS1005U"], cancel: ["TTTS0302U", "VTTS0302U"] },
        Market::CnSza => Ids { buy: ["TTTS0305U", "VTTS0305U"], sell: ["TTTS0304U", "VTTS0304U"], cancel: ["TTTS0306U", "VTTS0306U"] },
        Market::VnHan | Market::VnHcm => Ids { buy: ["TTTS0311U", "VTTS0311U"], sell: ["TTTS0310U", "VTTS0310U"], cancel: ["TTTS0312U", "VTTS0312U"] },
    }
}

/// Paths and real TR ids of every order and cancel.
#[cfg(test)]
pub(super) fn real_ids() -> Vec<(&'static str, &'static str)> {
    let of_market = |market: Market| {
        let ids = ids(market);
        let [order, cancel] =
            if market.is_domestic() { [KR_ORDER, KR_CANCEL] } else { [OVERSEAS_ORDER, OVERSEAS_CANCEL] };
        [(order, ids.buy[0]), (order, ids.sell[0]), (cancel, ids.cancel[0])]
    };
    Market::ALL.into_iter().flat_map(of_market).collect()
}

fn pick([real, paper]: [&'static str; 2], environment: Environment) -> &'static str {
    match environment {
        Environment::Real => real,
        Environment::Paper => paper,
    }
}

/// A POST as it will leave.
#[derive(Debug, PartialEq)]
struct Form {
    path: &'static str,
    tr_id: &'static str,
    body: Value,
}

/// What the exchange has told about the stock of an order.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    lot: Option<NonZeroU64>,
    ticks: TickTable,
    /// The day's upper and lower limit.
    limits: [Option<Price>; 2],
}

/// Why the market would refuse these terms, found before anything is sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum BadTerms {
    #[error("{0} is not written as KIS writes a stock of its market")]
    Symbol(Instrument),
    #[error("{0} shares is no order quantity")]
    Quantity(Quantity),
    #[error("{quantity} shares is no multiple of the lot of {lot}")]
    Lot { quantity: Quantity, lot: NonZeroU64 },
    #[error("the board lot of {0} is unknown: the exchange did not tell it with the price")]
    LotUnknown(Instrument),
    #[error("{0} is off the price step of {1}")]
    Tick(Price, Market),
    #[error("{0} has more decimals than {1} takes")]
    Decimals(Price, Market),
    #[error("{price} is beyond the day's limit of {limit}, which the exchange told")]
    DayLimit { price: Price, limit: Price },
}

/// Sends the one POST of a permit. `token` and the rate's turn were taken before the permit was asked for, so nothing
/// here waits but the exchange itself.
pub(super) async fn submit(
    session: &Session,
    orders: &dyn Transport,
    token: &Token,
    permit: SendPermit,
) -> Outcome {
    let terms = permit.terms();
    let known = Known {
        lot: session.lot(&terms.instrument),
        ticks: session.ticks(&terms.instrument),
        limits: session.limits(&terms.instrument),
    };
    let form = match order_form(terms, known, &session.account, session.config.environment) {
        Ok(form) => form,
        Err(error) => return Outcome::Refused(Refusal::NotSent(error.to_string())),
    };
    let date = terms.instrument.market.date_at(permit.sent_at());
    let verdict = match submit_once(session, orders, token, &form, &permit).await {
        Verdict::Unknown(_) if mutant::is_on(Mutant::RetryPost) => {
            submit_once(session, orders, token, &form, &permit).await
        }
        verdict @ (Verdict::Taken { .. } | Verdict::Refused(_) | Verdict::Unknown(_)) => verdict,
    };
    match verdict {
        Verdict::Taken { branch, number } => Outcome::Accepted(VenueOrderId { date, branch, number }),
        Verdict::Refused(refusal) => Outcome::Refused(refusal),
        Verdict::Unknown(why) => Outcome::Unknown(why),
    }
}

async fn submit_once(
    session: &Session,
    orders: &dyn Transport,
    token: &Token,
    form: &Form,
    permit: &SendPermit,
) -> Verdict {
    let ticket = OrderTicket::for_submit(permit);
    let send = |request| orders.send_order(request, ticket, ORDER_LIMITS);
    let request = sealed(session, token, form, Some(permit.intent()));
    post(session, token, request, send).await
}

/// Asks to cancel what is left of a working order, as the books have it or as `listed` says. Repeating it is harmless: a
/// cancel cannot create exposure.
pub(super) async fn cancel(
    session: &Session,
    orders: &dyn Transport,
    token: &Token,
    order: &JournalledOrder,
    listed: Option<&WorkingOrder>,
) -> CancelOutcome {
    let intent = order.intent();
    let Some(number) = &intent.venue_order else {
        return CancelOutcome::Unknown("the exchange's number of this order is not known yet".into());
    };
    let left = intent.terms.quantity.saturating_sub(intent.filled);
    let (number, left) = listed.map_or((number, left), |listed| (&listed.order, listed.remaining));
    let form =
        cancel_form(&intent.terms.instrument, number, left, (&session.account, session.config.environment));
    let ticket = OrderTicket::for_cancel(order);
    let send = |request| orders.send_order(request, ticket, ORDER_LIMITS);
    let request = sealed(session, token, &form, None);
    match post(session, token, request, send).await {
        Verdict::Taken { .. } => CancelOutcome::Requested,
        Verdict::Refused(refusal) => CancelOutcome::Refused(refusal.to_string()),
        Verdict::Unknown(why) => CancelOutcome::Unknown(why),
    }
}

/// The order as KIS wants it: upper-case keys, every value a text (KIS.md 3.2).
fn order_form(
    terms: &OrderTerms,
    known: Known,
    account: &AccountNumber,
    environment: Environment,
) -> Result<Form, BadTerms> {
    if !has_form(terms.instrument.market, &terms.instrument.symbol) {
        return Err(BadTerms::Symbol(terms.instrument.clone()));
    }
    let kind = check_quantity(terms, known.lot, environment)?;
    let OrderTerms { instrument, side, quantity, limit } = terms;
    check_day_limits(*limit, known.limits)?;
    let price = price_text(instrument.market, known.ticks, *limit)?;
    let ids = ids(instrument.market);
    let tr_id = match side {
        Side::Buy => pick(ids.buy, environment),
        Side::Sell => pick(ids.sell, environment),
    };
    let (number, product) = account.parts();
    let symbol = instrument.symbol.as_str();
    let quantity = quantity.to_string();
    Ok(match Venue::of(instrument.market) {
        None => Form {
            path: KR_ORDER,
            tr_id,
            body: json!({
                "CANO": number, "ACNT_PRDT_CD": product, "PDNO": symbol, "ORD_DVSN": kind,
                "ORD_QTY": quantity, "ORD_UNPR": price, "EXCG_ID_DVSN_CD": "KRX",
                "SLL_TYPE": sell_type(*side, "01"), "CNDT_PRIC": "",
            }),
        },
        Some(venue) => Form {
            path: OVERSEAS_ORDER,
            tr_id,
            body: json!({
                "CANO": number, "ACNT_PRDT_CD": product, "OVRS_EXCG_CD": venue.order.code(), "PDNO": symbol,
                "ORD_QTY": quantity, "OVRS_ORD_UNPR": price, "CTAC_TLNO": "", "MGCO_APTM_ODNO": "",
                "SLL_TYPE": sell_type(*side, "00"), "ORD_SVR_DVSN_CD": "0", "ORD_DVSN": kind,
            }),
        },
    })
}

fn sell_type(side: Side, code: &'static str) -> &'static str {
    match side {
        Side::Sell => code,
        Side::Buy => "",
    }
}

/// A cancel of the whole remainder: domestic orders name the branch, foreign ones the remaining shares.
fn cancel_form(
    Instrument { market, symbol }: &Instrument,
    order: &VenueOrderId,
    left: Quantity,
    (account, environment): (&AccountNumber, Environment),
) -> Form {
    let tr_id = pick(ids(*market).cancel, environment);
    let (number, product) = account.parts();
    let left = left.to_string();
    // Ten digits, however the list wrote it that it was read from (KIS.md 8.2).
    let order_number = format!("{:0>10}", order.number);
    match Venue::of(*market) {
        None => Form {
            path: KR_CANCEL,
            tr_id,
            body: json!({
                "CANO": number, "ACNT_PRDT_CD": product, "KRX_FWDG_ORD_ORGNO": order.branch,
                "ORGN_ODNO": order_number, "ORD_DVSN": LIMIT, "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": "0",
                "ORD_UNPR": "0", "QTY_ALL_ORD_YN": "Y", "CNDT_PRIC": "", "EXCG_ID_DVSN_CD": "KRX",
            }),
        },
        Some(venue) => Form {
            path: OVERSEAS_CANCEL,
            tr_id,
            body: json!({
                "CANO": number, "ACNT_PRDT_CD": product, "OVRS_EXCG_CD": venue.order.code(),
                "PDNO": symbol.as_str(), "ORGN_ODNO": order_number, "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": left,
                "OVRS_ORD_UNPR": "0", "MGCO_APTM_ODNO": "", "ORD_SVR_DVSN_CD": "0",
            }),
        },
    }
}

/// The kind of order (`ORD_DVSN`) that the market takes for this quantity (KIS.md 15.3). A purchase is whole lots of a
/// lot that is known; Chinese odd lots may be sold, and what is less than a board lot of Hong Kong has a kind of its own.
fn check_quantity(
    terms: &OrderTerms,
    lot: Option<NonZeroU64>,
    environment: Environment,
) -> Result<&'static str, BadTerms> {
    let OrderTerms { instrument, side, quantity, .. } = terms;
    let (market, quantity) = (instrument.market, *quantity);
    if quantity.is_zero() || quantity > Quantity::MAX {
        return Err(BadTerms::Quantity(quantity));
    }
    let Some(lot) = lot else {
        return match side {
            Side::Buy => Err(BadTerms::LotUnknown(instrument.clone())),
            Side::Sell => Ok(LIMIT),
        };
    };
    let is_remnant = market == Market::Hk && *side == Side::Sell && quantity.get() < lot.get();
    if is_remnant && environment == Environment::Real {
        Ok(ODD_LOT)
    } else if takes_odd_lots(market, *side) || quantity.get().is_multiple_of(lot.get()) {
        Ok(LIMIT)
    } else {
        Err(BadTerms::Lot { quantity, lot })
    }
}

fn check_day_limits(price: Price, [upper, lower]: [Option<Price>; 2]) -> Result<(), BadTerms> {
    let above = upper.filter(|upper| price > *upper);
    let below = lower.filter(|lower| price < *lower);
    above.or(below).map_or(Ok(()), |limit| Err(BadTerms::DayLimit { price, limit }))
}

/// The limit price with the decimals of its market (KIS.md 15.3).
fn price_text(market: Market, ticks: TickTable, limit: Price) -> Result<String, BadTerms> {
    if !ticks.is_aligned(market, limit) {
        return Err(BadTerms::Tick(limit, market));
    }
    let value = limit.value();
    let decimals = match Venue::of(market) {
        None => 0,
        Some(_) if market.currency() == domain::Currency::Usd && value < rust_decimal::Decimal::ONE => 4,
        Some(venue) => venue.price_decimals,
    };
    if value.normalize().scale() > decimals {
        return Err(BadTerms::Decimals(limit, market));
    }
    // Tokyo takes whole yen, and tenths only where the tick has them.
    let shown = if market == Market::Jp { value.normalize().scale() } else { decimals };
    Ok(format!("{value:.*}", shown as usize))
}

/// The one POST. `send` can be called once.
async fn post<F: Future<Output = Reply>>(
    session: &Session,
    token: &Token,
    request: Result<Request, String>,
    send: impl FnOnce(Request) -> F,
) -> Verdict {
    let request = match request {
        Ok(request) => request,
        Err(why) => return Verdict::Refused(Refusal::NotSent(why)),
    };
    let (verdict, class) = judge(send(request).await);
    match class {
        Some(Class::TokenDead) => session.tokens.discard(token),
        Some(Class::Throttled) => session.ports.pace.throttled(),
        Some(Class::Refused | Class::Fatal | Class::Unknown) | None => {}
    }
    verdict
}

/// The request with all its headers. The intent's id goes along to the embedded simulator alone, which has no TLS.
fn sealed(
    session: &Session,
    token: &Token,
    form: &Form,
    intent: Option<&IntentId>,
) -> Result<Request, String> {
    let url = format!("{}{}", session.config.base_url, form.path);
    let request = build(Method::POST, &url, Bytes::from(form.body.to_string())).map_err(|e| e.to_string())?;
    let mut request = session.signed(request, token, form.tr_id, "").map_err(|e| e.to_string())?;
    let embedded = session.config.truth_tag && url.starts_with("http://");
    if let Some(intent) = intent.filter(|_| embedded) {
        let value = http::HeaderValue::from_str(intent.as_str()).map_err(|e| e.to_string())?;
        request.headers_mut().insert("x-kestrel-truth", value);
    }
    Ok(request)
}

/// What the reply to an order or cancel proves.
#[derive(Debug, PartialEq)]
enum Verdict {
    Taken { branch: String, number: String },
    Refused(Refusal),
    Unknown(String),
}

/// The only judge of replies to a POST. Whatever is not understood is `Unknown` (order-protocol 3, rows 1 to 10).
fn judge(reply: Reply) -> (Verdict, Option<Class>) {
    let response = match reply {
        Ok(response) => response,
        Err(NetError::NotSent(why)) => return (Verdict::Refused(Refusal::NotSent(why)), None),
        Err(NetError::Ambiguous(why)) => return (Verdict::Unknown(why), None),
    };
    let status = response.status();
    let Ok(answer) = Envelope::parse(response.body()) else {
        if status.is_server_error() && mutant::is_on(Mutant::ServerErrorIsRefusal) {
            return (Verdict::Refused(Refusal::NotSent(format!("HTTP {status}"))), None);
        }
        return (Verdict::Unknown(format!("HTTP {status} without an answer")), None);
    };
    if answer.succeeded() {
        let verdict = order_number(&answer).filter(|_| status.is_success());
        let why = || Verdict::Unknown(format!("HTTP {status}, success without an order number"));
        return (verdict.unwrap_or_else(why), None);
    }
    let (code, text) = (answer.code().to_owned(), answer.message());
    let class = classify(&code, &text);
    let verdict = match class {
        // A refusal says so in rt_cd; a code without one, or behind a redirect, is an answer of something else, and one
        // that names an order contradicts itself.
        Class::Refused | Class::Throttled | Class::TokenDead | Class::Fatal
            if !answer.result_code().is_empty() && !status.is_redirection() && !names_an_order(&answer) =>
        {
            Verdict::Refused(Refusal::Code { code, text })
        }
        Class::Refused | Class::Throttled | Class::TokenDead | Class::Fatal | Class::Unknown => {
            Verdict::Unknown(format!("HTTP {status} {code} {text}"))
        }
    };
    (verdict, Some(class))
}

/// `ODNO` of the one row, digits and not all zero; keys come in either case (KIS.md 3.2), not in both.
fn order_number(answer: &Envelope) -> Option<Verdict> {
    let [output] = <[Row; 1]>::try_from(answer.rows(&["output"]).ok()?).ok()?;
    let number = one_of(&output, ["ODNO", "odno"])?;
    let branch = one_of(&output, ["KRX_FWDG_ORD_ORGNO", "krx_fwdg_ord_orgno"])?;
    (is_order_number(number) && is_branch(branch))
        .then(|| Verdict::Taken { branch: branch.to_owned(), number: number.to_owned() })
}

/// The text under either spelling; none when the two differ.
fn one_of<'a>(row: &'a Row, spellings: [&'static str; 2]) -> Option<&'a str> {
    let [upper, lower] = spellings.map(|field| row.text(field));
    let agree = upper.is_empty() || lower.is_empty() || upper == lower;
    agree.then(|| row.text_of(spellings))
}

/// True when anything stands where an accepted order has its number, or the place cannot be read.
fn names_an_order(answer: &Envelope) -> bool {
    let is_named = |row: &Row| row.text_of(["ODNO", "odno"]).bytes().any(|byte| byte != b'0');
    !answer.is_void("output") && answer.rows(&["output"]).map_or(true, |rows| rows.iter().any(is_named))
}

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod tests;
