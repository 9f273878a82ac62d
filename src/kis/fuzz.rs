//! Ten thousand broken answers for each question that the client asks: no panic, no hang, no number without a source.
//!
//! The seeds are composed from the tables of KIS.md; where KIS's own example bodies are at hand, they are mutated too.

mod addresses;
mod bookings;

use std::sync::{Arc, Mutex};

use broker::{Exchange as _, Urgency};
use bytes::Bytes;
use domain::messages::market_data::{BarInterval, RankingKind};
use domain::text::is_hidden;
use domain::{BoxFuture, Instrument, Price};

use super::testing::{FreePace, Reply, Scripted, clock, config, token_reply};
use super::*;
use crate::mutation::Mutator;

/// Cases that share one client; its token and its memory of requests are then replaced.
const CASES_PER_CLIENT: u64 = 200;
/// Longest text of an error, in characters: a clipped field, its name, the question and the attempt.
const ERROR_MAX_CHARS: usize = 600;

type Asked = Result<Vec<Price>, QueryError>;

/// One question: the end of its path, an honest answer, and how it is asked.
struct Kind {
    name: &'static str,
    end: &'static str,
    environment: Environment,
    seed: &'static str,
    ask: for<'k> fn(&'k Kis) -> BoxFuture<'k, Asked>,
}

const fn real(
    name: &'static str,
    end: &'static str,
    seed: &'static str,
    ask: for<'k> fn(&'k Kis) -> BoxFuture<'k, Asked>,
) -> Kind {
    Kind { name, end, environment: Environment::Real, seed, ask }
}

const TOKEN: &str = r#"{"access_token":"eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.abc","access_token_token_expired":"2026-11-25 10:00:00","token_type":"Bearer","expires_in":86400}"#;
const KR_QUOTE: &str = r#"{"rt_cd":"0","msg_cd":"MCA00000","msg1":"done","output":{"stck_prpr":"70100","stck_oprc":"70000","stck_hgpr":"70500","stck_lwpr":"69900","prdy_ctrt":"-0.14","acml_vol":"1234567","stck_mxpr":"91200","stck_llam":"49200"}}"#;
const KR_DAILY: &str = r#"{"rt_cd":"0","output1":{"prdy_vrss":"1"},"output2":[{"stck_bsop_date":"20261124","stck_oprc":"100","stck_hgpr":"120","stck_lwpr":"90","stck_clpr":"110","acml_vol":"5"},{"stck_bsop_date":"20261123","stck_oprc":"100","stck_hgpr":"120","stck_lwpr":"90","stck_clpr":"110","acml_vol":"5"},{}]}"#;
const KR_MINUTES: &str = r#"{"rt_cd":"0","output2":[{"stck_bsop_date":"20261124","stck_cntg_hour":"100000","stck_oprc":"100","stck_hgpr":"120","stck_lwpr":"90","stck_prpr":"110","cntg_vol":"5"},{"stck_bsop_date":"20261124","stck_cntg_hour":"095900","stck_oprc":"100","stck_hgpr":"120","stck_lwpr":"90","stck_prpr":"110","cntg_vol":"5"}]}"#;
const KR_BALANCE: &str = r#"{"rt_cd":"0","ctx_area_fk100":"","ctx_area_nk100":"","output1":[{"pdno":"005930","hldg_qty":"10","ord_psbl_qty":"10","pchs_avg_pric":"70000.0000","prpr":"70100"},{"pdno":"000660","hldg_qty":"0","ord_psbl_qty":"0","pchs_avg_pric":"0.0000","prpr":"0"}],"output2":[{"tot_evlu_amt":"10701000","pchs_amt_smtl_amt":"700000","evlu_amt_smtl_amt":"701000"}]}"#;
const KR_CASH: &str = r#"{"rt_cd":"0","output":{"nrcvb_buy_amt":"9999000","max_buy_amt":"9999000"}}"#;
const KR_ORDERS: &str = r#"{"rt_cd":"0","ctx_area_fk100":"","ctx_area_nk100":"","output1":[{"ord_dt":"20261124","ord_gno_brno":"06010","odno":"0000000101","orgn_odno":"","sll_buy_dvsn_cd":"02","sll_buy_dvsn_cd_name":"현금매수","pdno":"005930","ord_qty":"10","ord_unpr":"70000","ord_tmd":"100001","tot_ccld_qty":"4","avg_prvs":"69900","cncl_cfrm_qty":"0","rmn_qty":"6","rjct_qty":"0","ordr_empno":"OpenAPI"}]}"#;
const KR_RANKING: &str = r#"{"rt_cd":"0","output":[{"stck_shrn_iscd":"000040","hts_kor_isnm":"가","stck_prpr":"1821","prdy_ctrt":"12.13"},{"stck_shrn_iscd":"000660","hts_kor_isnm":"나","stck_prpr":"900","prdy_ctrt":"29.90"}]}"#;
const KR_VOLUMES: &str = r#"{"rt_cd":"0","output":[{"mksc_shrn_iscd":"005930","hts_kor_isnm":"가","stck_prpr":"65100","prdy_ctrt":"-0.46","acml_vol":"300","prdy_vol":"200"}]}"#;
const US_QUOTE: &str = r#"{"rt_cd":"0","output":{"rsym":"DNASAAPL","zdiv":"4","base":"190.1","last":"194.2500","rate":" +0.61","tvol":"1234567"}}"#;
const US_DAILY: &str = r#"{"rt_cd":"0","output1":{"nrec":"2"},"output2":[{"xymd":"20261123","open":"10","high":"12","low":"9","clos":"11","tvol":"5"},{"xymd":"20261120","open":"10","high":"12","low":"9","clos":"11","tvol":"5"}]}"#;
const US_MINUTES: &str = r#"{"rt_cd":"0","output2":[{"xymd":"20261123","xhms":"100000","open":"10","high":"12","low":"9","last":"11","evol":"5"},{"xymd":"20261123","xhms":"095900","open":"10","high":"12","low":"9","last":"11","evol":"5"}]}"#;
const US_BALANCE: &str = r#"{"rt_cd":"0","ctx_area_fk200":"","ctx_area_nk200":"","output1":[{"ovrs_pdno":"AAPL","ovrs_excg_cd":"NASD","tr_crcy_cd":"USD","ovrs_cblc_qty":"10","ord_psbl_qty":"10","pchs_avg_pric":"185.0000","now_pric2":"194.250000","frcr_pchs_amt1":"1850.00000","ovrs_stck_evlu_amt":"1942.50000000"},{"ovrs_pdno":"","ovrs_excg_cd":"","ovrs_cblc_qty":"0"}],"output2":{"tot_evlu_pfls_amt":"1942.5"}}"#;
const US_CASH: &str = r#"{"rt_cd":"0","output":{"ovrs_ord_psbl_amt":"7391.30","tr_crcy_cd":"USD"}}"#;
const US_ORDERS: &str = r#"{"rt_cd":"0","ctx_area_fk200":"","ctx_area_nk200":"","output":[{"ord_dt":"20261123","ord_gno_brno":"01790","odno":"0030138211","orgn_odno":"","sll_buy_dvsn_cd":"02","rvse_cncl_dvsn":"00","pdno":"AAPL","ft_ord_qty":"10","ft_ord_unpr3":"185.00000000","ft_ccld_qty":"10","ft_ccld_unpr3":"184.95000000","nccs_qty":"0","prcs_stat_name":"완료","rjct_rson_name":"","ovrs_excg_cd":"NASD","dmst_ord_dt":"20261124","thco_ord_tmd":"000512","mdia_dvsn_name":"OpenAPI"}]}"#;
const US_RANKING: &str = r#"{"rt_cd":"0","output1":{"nrec":"1"},"output2":[{"symb":"ABCD","name":"n","knam":"가","last":"12.3400","rate":"+20.98","tvol":"400","n_tvol":"100"}]}"#;

/// Every question that the client asks. The order of prices does not matter here.
const KINDS: [Kind; 19] = [
    real("token", "tokenP", TOKEN, |kis| {
        Box::pin(async { kis.prepare(Urgency::Entry).await.map(|()| vec![]) })
    }),
    real("domestic quote", "inquire-price", KR_QUOTE, |kis| quote(kis, Market::Kr, "005930")),
    real("domestic days", "inquire-daily-itemchartprice", KR_DAILY, |kis| {
        bars(kis, Market::Kr, BarInterval::Day)
    }),
    real("domestic minutes", "inquire-time-itemchartprice", KR_MINUTES, |kis| {
        bars(kis, Market::Kr, BarInterval::Minute)
    }),
    real("domestic balance", "inquire-balance", KR_BALANCE, |kis| account(kis, Market::Kr)),
    real("domestic cash", "inquire-psbl-order", KR_CASH, |kis| account(kis, Market::Kr)),
    real("domestic orders", "inquire-daily-ccld", KR_ORDERS, |kis| orders(kis, Market::Kr, "2026-11-24")),
    real("domestic gainers", "fluctuation", KR_RANKING, |kis| {
        ranking(kis, Market::Kr, RankingKind::Fluctuation)
    }),
    real("domestic volumes", "volume-rank", KR_VOLUMES, |kis| ranking(kis, Market::Kr, RankingKind::Volume)),
    real("foreign quote", "price-detail", US_QUOTE, |kis| quote(kis, Market::UsNasdaq, "AAPL")),
    real("foreign days", "dailyprice", US_DAILY, |kis| bars(kis, Market::UsNasdaq, BarInterval::Day)),
    real("foreign minutes", "inquire-time-itemchartprice", US_MINUTES, |kis| {
        bars(kis, Market::UsNasdaq, BarInterval::Minute)
    }),
    real("foreign balance", "inquire-balance", US_BALANCE, |kis| account(kis, Market::UsNasdaq)),
    real("foreign cash", "inquire-psamount", US_CASH, |kis| account(kis, Market::UsNasdaq)),
    real("foreign orders", "inquire-ccnl", US_ORDERS, |kis| orders(kis, Market::UsNasdaq, "2026-11-23")),
    real("foreign gainers", "updown-rate", US_RANKING, |kis| {
        ranking(kis, Market::UsNasdaq, RankingKind::Fluctuation)
    }),
    real("foreign volumes", "volume-surge", US_RANKING, |kis| {
        ranking(kis, Market::UsNasdaq, RankingKind::Volume)
    }),
    Kind {
        name: "condition search",
        end: "inquire-search",
        environment: Environment::Paper,
        seed: US_RANKING,
        ask: |kis| ranking(kis, Market::UsNasdaq, RankingKind::Fluctuation),
    },
    Kind {
        name: "foreign orders on paper",
        end: "inquire-ccnl",
        environment: Environment::Paper,
        seed: US_ORDERS,
        ask: |kis| orders(kis, Market::UsNasdaq, "2026-11-23"),
    },
];

fn stock(market: Market, symbol: &str) -> Instrument {
    Instrument { market, symbol: symbol.parse().unwrap() }
}

fn quote<'k>(kis: &'k Kis, market: Market, symbol: &str) -> BoxFuture<'k, Asked> {
    let query = QuoteQuery { instrument: stock(market, symbol) };
    Box::pin(async move { kis.quote(query, Urgency::Scan).await.map(|quote| vec![quote.last]) })
}

fn bars(kis: &Kis, market: Market, interval: BarInterval) -> BoxFuture<'_, Asked> {
    let symbol = if market == Market::Kr { "005930" } else { "AAPL" };
    let query = BarsQuery { instrument: stock(market, symbol), interval, count: 5 };
    Box::pin(async move { kis.bars(query).await.map(|bars| bars.iter().map(|bar| bar.close).collect()) })
}

fn account(kis: &Kis, market: Market) -> BoxFuture<'_, Asked> {
    Box::pin(async move {
        let account = kis.account(AccountQuery { market }, Urgency::Scan).await?;
        // An answer about cash that cannot be read makes the cash unknown, not the account.
        let unknown = QueryError::Unavailable("cash is unknown".into());
        account.cash.ok_or(unknown)?;
        Ok(account.holdings.iter().filter_map(|held| held.price).collect())
    })
}

fn orders<'k>(kis: &'k Kis, market: Market, date: &str) -> BoxFuture<'k, Asked> {
    let date = date.parse().unwrap();
    Box::pin(async move {
        let rows = kis.orders_of_day(market, date).await?;
        Ok(rows.iter().filter_map(|row| row.average_price).collect())
    })
}

fn ranking(kis: &Kis, market: Market, kind: RankingKind) -> BoxFuture<'_, Asked> {
    Box::pin(async move {
        let stocks = kis.ranking(RankingQuery { market, kind }).await?;
        assert!(stocks.iter().all(|stock| is_harmless(&stock.name)), "{stocks:?}");
        Ok(stocks.iter().filter_map(|stock| stock.price).collect())
    })
}

fn is_harmless(text: &str) -> bool {
    !text.contains(|c: char| c.is_control() || is_hidden(c)) && text.chars().count() <= ERROR_MAX_CHARS
}

/// An answer with its status and its `tr_cont`.
type Answer = Arc<Mutex<(u16, &'static str, Bytes)>>;

/// A client of an exchange that gives `answer` at paths that end so, and honest answers elsewhere.
fn client(environment: Environment, end: &'static str, answer: &Answer) -> Kis {
    let answer = Arc::clone(answer);
    let transport = Scripted::new(move |request, before| {
        let last = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        if last == end {
            let (status, tr_cont, body) = answer.lock().unwrap().clone();
            let reply = http::Response::builder().status(status).header("tr_cont", tr_cont);
            return Ok(reply.body(body).unwrap());
        }
        honest(&last, request.uri().path(), before)
    });
    let reads: Arc<dyn Transport> = transport;
    let pace: Arc<dyn Pace> = Arc::new(FreePace::default());
    connect(config(environment), Arc::clone(&reads), reads, clock(), pace).unwrap()
}

fn honest(last: &str, path: &str, before: usize) -> Reply {
    if last == "tokenP" {
        return token_reply(&format!("token-{before}"));
    }
    let abroad = path.contains("/overseas-");
    let of_place = |kind: &&Kind| kind.end == last && abroad == kind.name.starts_with("foreign");
    let seed = KINDS.iter().find(of_place).map_or("{}", |kind| kind.seed);
    super::testing::page("D", seed)
}

/// What came of the cases of one question.
#[derive(Debug, Default)]
struct Tally {
    understood: u64,
    refused: u64,
}

async fn run(kind: &Kind, seeds: &[String], cases: u64) -> Tally {
    let mut mutator = Mutator::new(0x4b49_5300 + kind.name.len() as u64);
    let mut tally = Tally::default();
    let answer: Answer = Arc::new(Mutex::new((200, "D", Bytes::new())));
    let mut kis = client(kind.environment, kind.end, &answer);
    for case in 0..cases {
        // A token may be asked for once a minute only.
        if case % CASES_PER_CLIENT == 0 || kind.end == "tokenP" {
            kis = client(kind.environment, kind.end, &answer);
        }
        let seed = mutator.below(seeds.len());
        let body = mutator.mutate(&seeds[seed]);
        let status = if mutator.below(20) == 0 { [302, 403, 429, 500][mutator.below(4)] } else { 200 };
        let tr_cont = if mutator.below(20) == 0 { ["", "M", "F", "E", "Z"][mutator.below(5)] } else { "D" };
        *answer.lock().unwrap() = (status, tr_cont, Bytes::from(body));
        match (kind.ask)(&kis).await {
            Ok(prices) => {
                tally.understood += 1;
                let mark: rust_decimal::Decimal = "1000000000000".parse().unwrap();
                assert!(prices.iter().all(|price| price.value() <= mark), "{}: {prices:?}", kind.name);
            }
            Err(error) => {
                tally.refused += 1;
                assert!(is_harmless(&error.to_string()), "{}: {error}", kind.name);
            }
        }
    }
    tally
}

#[tokio::test(start_paused = true)]
async fn invariant_24_no_answer_to_a_question_makes_the_client_panic() {
    let cases = Mutator::cases();
    for kind in &KINDS {
        let answer: Answer = Arc::new(Mutex::new((200, "D", Bytes::from_static(kind.seed.as_bytes()))));
        let honest = (kind.ask)(&client(kind.environment, kind.end, &answer)).await;
        assert!(honest.is_ok(), "{} does not understand its seed: {honest:?}", kind.name);
        let tally = run(kind, &[kind.seed.to_owned()], cases).await;
        println!("{}: {cases} payloads, {tally:?}", kind.name);
        let enough = cases / 100;
        assert!(tally.understood > enough && tally.refused > enough, "{} is too weak: {tally:?}", kind.name);
    }
}

/// The example bodies of KIS itself; they are not part of this repository.
#[tokio::test(start_paused = true)]
async fn invariant_24_mutations_of_the_official_bodies_do_not_either() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/kis/examples");
    let Ok(files) = std::fs::read_dir(&folder) else {
        assert!(std::env::var("KESTREL_STRICT").as_deref() != Ok("1"), "{} is missing", folder.display());
        println!("SKIPPED: {} is missing", folder.display());
        return;
    };
    let bodies: Vec<String> = files
        .filter_map(|file| Some(file.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .filter(|body| body.len() < 16_000)
        .collect();
    assert!(bodies.len() > 40, "{} bodies", bodies.len());
    let cases = Mutator::cases() / KINDS.len() as u64;
    for kind in &KINDS {
        let tally = run(kind, &bodies, cases).await;
        println!("{} with official bodies: {cases} payloads, {tally:?}", kind.name);
    }
}

#[test]
fn only_plain_decimal_text_is_a_number_of_shares_or_money() {
    let mut mutator = Mutator::new(7);
    let mut read = 0;
    for _ in 0..Mutator::cases() {
        let honest = format!("{}{}", " ".repeat(mutator.below(4)), mutator.below(1_000_000));
        let text = if mutator.below(2) == 0 {
            honest
        } else {
            String::from_utf8_lossy(&mutator.mutate(&honest)).into()
        };
        let text = if mutator.below(8) == 0 { mutator.hostile_text() } else { text };
        let body = serde_json::json!({ "output": { "n": text } }).to_string();
        let row = wire::Envelope::parse(&Bytes::from(body)).unwrap().summary("output").unwrap();
        assert_eq!(row.decimal("n").unwrap_or_default(), plain_number(&text), "{text:?}");
        let whole = plain_number(&text)
            .filter(|_| !text.trim_matches(' ').starts_with('-'))
            .filter(|n| n.fract().is_zero());
        assert_eq!(row.whole("n").unwrap_or_default().map(rust_decimal::Decimal::from), whole, "{text:?}");
        read += u64::from(whole.is_some());
    }
    assert!(read > Mutator::cases() / 10, "{read} are numbers");
}

/// The rule of KIS.md 3.2, written a second time, digit by digit.
fn plain_number(text: &str) -> Option<rust_decimal::Decimal> {
    let inner = text.trim_matches(' ');
    if inner.len() > 40 {
        return None;
    }
    let (negative, digits) = match inner.as_bytes().split_first()? {
        (b'-', rest) => (true, rest),
        (b'+', rest) => (false, rest),
        _ => (false, inner.as_bytes()),
    };
    let mut units: i128 = 0;
    let mut decimals: Option<u32> = None;
    for byte in digits {
        match (byte, decimals) {
            (b'0'..=b'9', known) => {
                units = units.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                decimals = known.map(|count| count + 1);
            }
            (b'.', None) => decimals = Some(0),
            _ => return None,
        }
    }
    let has_digits = digits.first()?.is_ascii_digit() && digits.last()?.is_ascii_digit();
    let scale = decimals.unwrap_or(0);
    if !has_digits || scale > 28 {
        return None;
    }
    let number = rust_decimal::Decimal::try_from_i128_with_scale(units, scale).ok()?;
    let limit = rust_decimal::Decimal::from(1_000_000_000_000_000_000_u64);
    (number <= limit).then(|| if negative { -number } else { number })
}
