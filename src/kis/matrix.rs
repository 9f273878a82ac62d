//! KIS's services (KIS.md 6): which of them this client uses, and why it does without the others.
//!
//! | service | real TR ids | here |
//! |---|---|---|
//! | D/trading/order-cash | TTTC0012U TTTC0011U | used: orders in Korea |
//! | D/trading/order-rvsecncl | TTTC0013U | used: cancels in Korea; nothing is modified, a cancel and a new intent do it |
//! | D/trading/inquire-balance | TTTC8434R | used: holdings and equity in won |
//! | D/trading/inquire-psbl-order | TTTC8908R | used: cash for orders in won |
//! | D/trading/inquire-daily-ccld | TTTC0081R | used: the day's orders and fills |
//! | D/trading/inquire-daily-ccld | CTSC9215R | without: older than three months; a day is closed in the books long before |
//! | D/trading/inquire-psbl-sell | TTTC8408R | without: `ord_psbl_qty` of the balance says the same, on paper too |
//! | D/trading/inquire-psbl-rvsecncl | TTTC0084R | without: not on paper; the day's orders show what is open, and one list is the one truth |
//! | D/trading/inquire-balance-rlz-pl | TTTC8494R | without: profit is kept in the books, with fees |
//! | D/trading/inquire-period-trade-profit | TTTC8715R | without: as the realised profit above |
//! | D/trading/inquire-account-balance | CTRP6548R | without: adds assets that cannot be traded here |
//! | D/trading/intgr-margin | TTTC0869R | without: nothing is bought on margin |
//! | D/trading/order-resv | CTSC0008U | without: an order is sent while its market trades, never in advance |
//! | D/quotations/inquire-price | FHKST01010100 | used: Korean quotes with the day's price limits |
//! | D/quotations/inquire-asking-price-exp-ccn | FHKST01010200 | without: orders are limited two ticks past the last price, which the stream tells |
//! | D/quotations/inquire-daily-price | FHKST01010400 | without: the itemchart below has the same bars, and more |
//! | D/quotations/inquire-daily-itemchartprice | FHKST03010100 | used: daily bars in Korea |
//! | D/quotations/inquire-time-itemchartprice | FHKST03010200 | used: minute bars in Korea, and whether it trades |
//! | D/quotations/inquire-time-dailychartprice | FHKST03010230 | without: minute bars of past days decide nothing |
//! | D/quotations/volume-rank | FHPST01710000 | used: Korean volume ranking |
//! | D/ranking/fluctuation | FHPST01700000 | used: Korean price change ranking |
//! | D/quotations/chk-holiday | CTCA0903R | used: open days in Korea |
//! | D/quotations/inquire-vi-status | FHPST01390000 | without: an order during a volatility interruption rests until it ends |
//! | D/quotations/market-time | HHMCM000002C0 | without: hours of futures; those of stocks are in the calendar, and the newest trade proves them |
//! | D/quotations/search-info | CTPF1604R | without: names of products decide nothing |
//! | D/quotations/search-stock-info | CTPF1002R | without: rankings leave out halted and managed stocks already |
//! | O/trading/order | TTTT1002U TTTT1006U TTTS0308U TTTS0307U TTTS1002U TTTS1001U TTTS0202U TTTS1005U TTTS0305U TTTS0304U TTTS0311U TTTS0310U | used: orders abroad |
//! | O/trading/order-rvsecncl | TTTT1004U TTTS0309U TTTS1003U TTTS0302U TTTS0306U TTTS0312U | used: cancels abroad |
//! | O/trading/daytime-order | TTTS6036U TTTS6037U | without: the American day session is not traded |
//! | O/trading/daytime-order-rvsecncl | TTTS6038U | without: as the day session's orders |
//! | O/trading/order-resv | TTTT3014U TTTT3016U TTTS3013U | without: an order is sent while its market trades, never in advance |
//! | O/trading/order-resv-ccnl | TTTT3017U | without: there are no reserve orders |
//! | O/trading/order-resv-list | TTTT3039R TTTS3014R | without: there are no reserve orders |
//! | O/trading/inquire-balance | TTTS3012R | used: holdings in a foreign currency |
//! | O/trading/inquire-present-balance | CTRP6504R | without: stale during the American session, and on paper without cash; cash comes from the buyable amount |
//! | O/trading/inquire-paymt-stdr-balance | CTRP6010R | without: balances at settlement, days late |
//! | O/trading/inquire-psamount | TTTS3007R | used: cash for orders in a foreign currency |
//! | O/trading/inquire-nccs | TTTS3018R | without: not on paper; the day's orders show what is open, and one list is the one truth |
//! | O/trading/inquire-ccnl | TTTS3035R | used: the day's orders and fills abroad |
//! | O/trading/inquire-period-trans | CTOS4001R | without: fees are modelled; the statement comes a day late |
//! | O/trading/inquire-period-profit | TTTS3039R | without: profit is kept in the books, with fees |
//! | O/trading/foreign-margin | TTTC2101R | without: nothing is bought on margin |
//! | O/quotations/countries-holiday | CTOS5011R | without: settlement dates; whether a market trades is proved by its newest trade |
//! | Q/quotations/price | HHDFS00000300 | used: American quotes, and every foreign one on paper |
//! | Q/quotations/price-detail | HHDFS76200200 | used: quotes of the other foreign markets, with board lot and price limits |
//! | Q/quotations/dailyprice | HHDFS76240000 | used: daily bars abroad |
//! | Q/quotations/inquire-asking-price | HHDFS76200100 | without: as the Korean order book |
//! | Q/quotations/inquire-time-itemchartprice | HHDFS76950200 | used: minute bars abroad, and whether a market trades |
//! | Q/quotations/inquire-daily-chartprice | FHKST03030100 | without: indices and exchange rates decide nothing; currencies are never converted |
//! | Q/quotations/inquire-search | HHDFS76410000 | used: on paper, instead of the rankings |
//! | Q/quotations/search-info | CTPF1702R | without: the price detail tells the lot |
//! | O/ranking/updown-rate | HHDFS76290000 | used: foreign price change ranking (a setting) |
//! | O/ranking/trade-vol | HHDFS76310010 | used: foreign volume ranking, where the setting names it |
//! | O/ranking/volume-surge | HHDFS76270000 | used: foreign volume ranking (a setting) |
//! | O/ranking/price-fluct | HHDFS76260000 | without: the change of minutes; that of the day is what the scanner scores |
//! | O/ranking/volume-power | HHDFS76280000 | without: no score uses the strength of purchases |
//! | O/ranking/trade-pbmn | HHDFS76320010 | without: shares traded say as much within one market |
//! | O/ranking/trade-growth | HHDFS76330000 | without: the surge of volume above is the nearer measure |
//! | O/ranking/trade-turnover | HHDFS76340000 | without: no score uses turnover |
//! | O/ranking/market-cap | HHDFS76350100 | without: size is no reason to trade |
//! | O/ranking/new-highlow | HHDFS76300000 | without: no score uses extremes of a year |
//!
//! Beside these: `/oauth2/tokenP` and `/oauth2/Approval` are used; `/uapi/hashkey` is optional and a point of failure
//! more (KIS.md 2.3), and a token is left to end instead of being revoked, because the next one within six hours is the same.

use std::collections::BTreeMap;

use super::order;
use super::trid::reads;

/// A row of the table above.
#[derive(Debug)]
struct Row<'a> {
    path: String,
    ids: Vec<&'a str>,
    is_used: bool,
}

const TABLE: &str = include_str!("matrix.rs");

fn rows() -> Vec<Row<'static>> {
    let lines = TABLE.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = lines.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let cells = cells.filter(|cells| cells[0] != "service");
    cells
        .map(|cells| Row {
            path: path(cells[0]),
            ids: cells[1].split(' ').collect(),
            is_used: used(cells[2]),
        })
        .collect()
}

fn path(short: &str) -> String {
    let (prefix, rest) = short.split_once('/').unwrap();
    let prefix = match prefix {
        "D" => "domestic-stock",
        "O" => "overseas-stock",
        "Q" => "overseas-price",
        other => panic!("no prefix: {other}"),
    };
    format!("/uapi/{prefix}/v1/{rest}")
}

/// A row is used, or says why not.
fn used(here: &str) -> bool {
    let (word, why) = here.split_once(": ").unwrap();
    assert!(why.len() > 10 && ["used", "without"].contains(&word), "{here}");
    word == "used"
}

/// Path and real TR ids of everything that the client can send.
fn sent() -> BTreeMap<String, Vec<&'static str>> {
    let mut sent: BTreeMap<String, Vec<&'static str>> = BTreeMap::new();
    for (path, id) in reads::ALL.iter().map(super::trid::Read::real).chain(order::real_ids()) {
        let ids = sent.entry(path.to_owned()).or_default();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    sent
}

#[test]
fn the_table_names_as_used_exactly_what_the_client_sends() {
    let mut used: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for row in rows().into_iter().filter(|row| row.is_used) {
        used.entry(row.path).or_default().extend(row.ids);
    }
    let rankings =
        ["updown-rate", "trade-vol", "volume-surge"].map(|name| path(&format!("O/ranking/{name}")));
    for path in rankings {
        assert!(used.remove(&path).is_some(), "{path}: its address is a setting");
    }
    let sorted = |table: BTreeMap<String, Vec<&'static str>>| -> Vec<(String, Vec<&'static str>)> {
        let sort = |(path, mut ids): (String, Vec<&'static str>)| {
            ids.sort_unstable();
            (path, ids)
        };
        table.into_iter().map(sort).collect()
    };
    assert_eq!(sorted(used), sorted(sent()));
}

#[test]
fn every_row_of_the_reference_sheet_is_used_or_has_its_reason() {
    let own: Vec<&str> = rows().into_iter().flat_map(|row| row.ids).collect();
    assert_eq!(own.len(), own.iter().collect::<std::collections::BTreeSet<_>>().len(), "an id stands twice");
    let sheet = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/reference/kis/KIS.md");
    let Ok(sheet) = std::fs::read_to_string(sheet) else {
        assert!(std::env::var("KESTREL_STRICT").is_err(), "KESTREL_STRICT is set, and {sheet} is missing");
        return println!("skipped: {sheet} is missing");
    };
    let section = sheet.split("\n## 6. Endpoint matrix").nth(1).unwrap().split("\n### 6.1").next().unwrap();
    let real =
        section.lines().filter(|line| line.starts_with("| ")).filter_map(|line| line.split('|').nth(3));
    let words = real.flat_map(|cell| cell.split(|c: char| !c.is_ascii_alphanumeric()));
    let is_id =
        |word: &&str| word.len() >= 9 && word.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    let missing: Vec<_> = words.filter(is_id).filter(|id| !own.contains(id)).collect();
    assert!(missing.is_empty() && section.len() > 1_000, "{missing:?}");
}
