//! Best prices of Korean and foreign books, and what is made of them.

use domain::Market;

use super::*;
use crate::kis::Environment;
use crate::kis::testing::{Scripted, reply, session, with_token};

const KOREAN_PRICE: &str =
    r#"{"rt_cd":"0","output":{"stck_prpr":"70100","stck_mxpr":"91200","stck_llam":"49200"}}"#;
const AMERICAN_PRICE: &str = r#"{"rt_cd":"0","output":{"last":"147.0500","rate":" -1.92"}}"#;

fn exchange(price: &'static str, book: &'static str) -> std::sync::Arc<Scripted> {
    with_token(move |request, _| {
        let is_book = request.uri().path().contains("inquire-asking-price");
        reply(200, if is_book { book } else { price })
    })
}

fn query(market: Market, symbol: &str, side: Side) -> OrderQuoteQuery {
    OrderQuoteQuery {
        instrument: Instrument { market, symbol: symbol.parse().unwrap() },
        side,
        scanned: None,
    }
}

fn shown(price: Option<Price>) -> String {
    price.map_or_else(|| "none".into(), |price| price.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_purchase_is_counted_from_the_best_offer_when_that_is_nearer_than_the_last_price() {
    let cases = [
        // Last 70,100 and steps of 100: two past 70,000 are one past the offer.
        (r#"{"bidp1":"70000","askp1":"70100"}"#, "70000", "70100", "70000"),
        // A wide gap: never further than from the last price.
        (r#"{"bidp1":"69000","askp1":"71500"}"#, "69000", "71500", "70100"),
        (r#"{"bidp1":"69500","askp1":"69700"}"#, "69500", "69700", "69600"),
        // Nobody offers; everybody is in an auction; the book is broken.
        (r#"{"bidp1":"70000","askp1":"0"}"#, "70000", "none", "70100"),
        (r#"{"bidp1":"70200","askp1":"70100"}"#, "none", "none", "70100"),
        (r#"{"bidp1":"70000","askp1":"-1"}"#, "none", "none", "70100"),
    ];
    for (levels, bid, ask, reference) in cases {
        let book: &'static str = Box::leak(format!(r#"{{"rt_cd":"0","output1":{levels}}}"#).into_boxed_str());
        for environment in [Environment::Real, Environment::Paper] {
            let transport = exchange(KOREAN_PRICE, book);
            let session = session(environment, &transport);
            let query = query(Market::Kr, "005930", Side::Buy);
            let quote = order_quote(&session, query, Urgency::Entry).await.unwrap();
            assert_eq!([shown(quote.bid), shown(quote.ask)], [bid, ask], "{levels}");
            assert_eq!(quote.reference(Side::Buy).to_string(), reference, "{levels}");
            assert_eq!(
                quote.reference(Side::Sell).to_string(),
                "70100",
                "a sale is filled at the bid anyway"
            );
            assert_eq!(transport.asked().len(), 3, "a token, a price, a book");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_sale_asks_for_no_book_and_a_foreign_one_on_paper_is_not_there() {
    let book = r#"{"rt_cd":"0","output2":{"pbid1":"147.0100","pask1":"147.0300"}}"#;
    for (side, environment, ask, reads) in [
        (Side::Sell, Environment::Real, "none", 2),
        (Side::Buy, Environment::Real, "147.03", 3),
        (Side::Buy, Environment::Paper, "none", 2),
    ] {
        let transport = exchange(AMERICAN_PRICE, book);
        let session = session(environment, &transport);
        let quote =
            order_quote(&session, query(Market::UsNasdaq, "TSLA", side), Urgency::Exit).await.unwrap();
        assert_eq!(
            (shown(quote.ask).as_str(), transport.asked().len()),
            (ask, reads),
            "{side:?} {environment:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_price_that_was_just_asked_for_is_not_asked_for_again() {
    let transport = exchange(KOREAN_PRICE, r#"{"rt_cd":"0","output1":{"bidp1":"70000","askp1":"70100"}}"#);
    let session = session(Environment::Real, &transport);
    let first = order_quote(&session, query(Market::Kr, "005930", Side::Sell), Urgency::Exit).await.unwrap();
    let asked = transport.asked().len();
    let again = OrderQuoteQuery { scanned: Some(first.clone()), ..query(Market::Kr, "005930", Side::Buy) };
    let quote = order_quote(&session, again, Urgency::Entry).await.unwrap();
    assert_eq!((quote.last, quote.at, shown(quote.ask)), (first.last, first.at, "70100".into()));
    assert_eq!(transport.asked().len() - asked, 1, "the book alone");
}

#[tokio::test(start_paused = true)]
async fn a_book_that_is_refused_leaves_the_last_price_to_count() {
    let transport = exchange(KOREAN_PRICE, r#"{"rt_cd":"1","msg_cd":"OPSQ2001","msg1":"x"}"#);
    let session = session(Environment::Real, &transport);
    let quote = order_quote(&session, query(Market::Kr, "005930", Side::Buy), Urgency::Entry).await.unwrap();
    assert_eq!((quote.bid, quote.ask, quote.reference(Side::Buy)), (None, None, quote.last));
}
