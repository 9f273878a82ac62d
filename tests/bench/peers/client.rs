//! A plain client of the exchange for the models: one request, one answer, five seconds of patience. What a model makes
//! of a failure is its own affair.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, NaiveTime, Utc};
use domain::{Clock as _, Market, OrderTerms, Side};
use http::{Method, Request, Response};
use kestrel::clock::VirtualClock;
use serde_json::{Value, json};

use crate::network::{Life, Network};

const BASE: &str = "http://exchange.invalid";
const ACCOUNT: [&str; 2] = ["12345678", "01"];
/// How the codes begin by which the exchange refuses a question for its form.
const ASKED_WRONGLY: &str = "OPSQ200";
/// Pages of one list at most.
const PAGES_MAX: usize = 50;

/// Why there is no good answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// KIS says no, with a code of its own; the HTTP status may be 200 or 500.
    Refused { http_ok: bool },
    /// An HTTP error without anything of KIS in it.
    HttpError,
    /// No answer in time, or half of one.
    Silence,
}

/// A line of the order list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) number: String,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) quantity: u64,
    pub(crate) limit: u64,
    pub(crate) filled: u64,
    pub(crate) remaining: u64,
    pub(crate) time: NaiveTime,
}

impl Row {
    /// True when the line could be an order of these terms that left at `sent_at`.
    pub(crate) fn could_be(&self, terms: &OrderTerms, sent_at: DateTime<Utc>) -> bool {
        // The exchange shows whole seconds.
        let sent = sent_at.with_timezone(&Market::Kr.zone()).time() - chrono::TimeDelta::seconds(1);
        self.symbol == terms.instrument.symbol.as_str()
            && self.side == terms.side
            && self.quantity == terms.quantity.get()
            && terms.limit.value() == rust_decimal::Decimal::from(self.limit)
            && self.time >= sent
    }
}

/// The client of one life.
pub(crate) struct Client {
    pub(crate) network: Arc<Network>,
    pub(crate) life: Arc<Life>,
    pub(crate) clock: VirtualClock,
    /// Kept over restarts, as each of them keeps it in a file.
    pub(crate) token: Arc<Mutex<Option<String>>>,
}

impl Client {
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Sends the order once; its number when it was taken.
    pub(crate) async fn order(&self, tag: &str, terms: &OrderTerms) -> Result<String, Trouble> {
        let tr_id = match terms.side {
            Side::Buy => "TTTC0012U",
            Side::Sell => "TTTC0011U",
        };
        let body = json!({
            "CANO": ACCOUNT[0], "ACNT_PRDT_CD": ACCOUNT[1], "PDNO": terms.instrument.symbol.as_str(), "ORD_DVSN": "00",
            "ORD_QTY": terms.quantity.to_string(), "ORD_UNPR": terms.limit.value().trunc().to_string(),
            "EXCG_ID_DVSN_CD": "KRX",
        });
        let path = "/uapi/domestic-stock/v1/trading/order-cash".to_owned();
        let request = self.request(Method::POST, path, tr_id, "", body.to_string()).await?;
        let (mut parts, body) = request.into_parts();
        parts.headers.insert("x-kestrel-truth", tag.parse().map_err(|_| Trouble::HttpError)?);
        let (answer, _) = self.ask(Request::from_parts(parts, body)).await?;
        let number = answer["output"]["ODNO"].as_str().ok_or(Trouble::Silence)?;
        Ok(number.to_owned())
    }

    /// Every order of the day, all pages.
    pub(crate) async fn orders(&self) -> Result<Vec<Row>, Trouble> {
        let date = Market::Kr.date_at(self.now()).format("%Y%m%d");
        let fixed = format!(
            "CANO={}&ACNT_PRDT_CD={}&INQR_STRT_DT={date}&INQR_END_DT={date}&SLL_BUY_DVSN_CD=00&PDNO=&ORD_GNO_BRNO=&ODNO=\
             &CCLD_DVSN=00&INQR_DVSN=00&INQR_DVSN_1=&INQR_DVSN_3=00&EXCG_ID_DVSN_CD=ALL",
            ACCOUNT[0], ACCOUNT[1]
        );
        let pages = self.pages("inquire-daily-ccld", "TTTC0081R", &fixed).await?;
        Ok(pages.iter().flat_map(rows).filter_map(row).collect())
    }

    /// What the account holds.
    pub(crate) async fn balance(&self) -> Result<BTreeMap<String, u64>, Trouble> {
        let fixed = format!(
            "CANO={}&ACNT_PRDT_CD={}&AFHR_FLPR_YN=N&OFL_YN=&INQR_DVSN=02&UNPR_DVSN=01&FUND_STTL_ICLD_YN=N\
             &FNCG_AMT_AUTO_RDPT_YN=N&PRCS_DVSN=00",
            ACCOUNT[0], ACCOUNT[1]
        );
        let pages = self.pages("inquire-balance", "TTTC8434R", &fixed).await?;
        let held =
            pages.iter().flat_map(rows).map(|row| (text(row, "pdno").to_owned(), number(row, "hldg_qty")));
        Ok(held.filter(|(_, shares)| *shares > 0).collect())
    }

    async fn pages(&self, name: &str, tr_id: &str, fixed: &str) -> Result<Vec<Value>, Trouble> {
        let (mut pages, mut context, mut more) = (Vec::new(), [String::new(), String::new()], "");
        while pages.len() < PAGES_MAX {
            // Word for word, with the spaces that fill it (KIS.md 3.3).
            let [fk, nk] = context.each_ref().map(|key| key.replace('^', "%5E").replace(' ', "%20"));
            let path = format!(
                "/uapi/domestic-stock/v1/trading/{name}?{fixed}&CTX_AREA_FK100={fk}&CTX_AREA_NK100={nk}"
            );
            let request = self.request(Method::GET, path, tr_id, more, String::new()).await?;
            let (answer, goes_on) = self.ask(request).await?;
            context = ["ctx_area_fk100", "ctx_area_nk100"].map(|key| text(&answer, key).to_owned());
            pages.push(answer);
            if !goes_on {
                return Ok(pages);
            }
            more = "N";
        }
        Err(Trouble::HttpError)
    }

    async fn request(
        &self,
        method: Method,
        path: String,
        tr_id: &str,
        more: &str,
        body: String,
    ) -> Result<Request<Bytes>, Trouble> {
        let token = self.token().await?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE}{path}"))
            .header("content-type", "application/json; charset=utf-8")
            .header("authorization", format!("Bearer {token}"))
            .header("appkey", "simulated-app-key")
            .header("appsecret", "simulated-app-secret")
            .header("tr_id", tr_id)
            .header("tr_cont", more)
            .header("custtype", "P");
        request.body(Bytes::from(body)).map_err(|_| Trouble::HttpError)
    }

    async fn token(&self) -> Result<String, Trouble> {
        let known = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = known {
            return Ok(token);
        }
        let body = json!({
            "grant_type": "client_credentials", "appkey": "simulated-app-key", "appsecret": "simulated-app-secret",
        });
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{BASE}/oauth2/tokenP"))
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .map_err(|_| Trouble::HttpError)?;
        let response = self.network.carry(&self.life, request).await.map_err(|_| Trouble::Silence)?;
        let answer: Value = serde_json::from_slice(response.body()).map_err(|_| Trouble::HttpError)?;
        let token = answer["access_token"].as_str().ok_or(Trouble::Refused { http_ok: false })?.to_owned();
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }

    /// The answer, and whether there are more pages.
    async fn ask(&self, request: Request<Bytes>) -> Result<(Value, bool), Trouble> {
        let response = self.network.carry(&self.life, request).await.map_err(|_| Trouble::Silence)?;
        let more =
            response.headers().get("tr_cont").is_some_and(|value| matches!(value.as_bytes(), b"F" | b"M"));
        judge(&response).map(|answer| (answer, more))
    }
}

fn judge(response: &Response<Bytes>) -> Result<Value, Trouble> {
    let http_ok = response.status().is_success();
    let answer: Value = serde_json::from_slice(response.body()).map_err(|_| Trouble::HttpError)?;
    // A model that asks wrongly would be blamed for what its reader did.
    assert!(
        !text(&answer, "msg_cd").starts_with(ASKED_WRONGLY),
        "the exchange does not take the question: {answer}"
    );
    match answer.get("rt_cd").and_then(Value::as_str) {
        Some("0") if http_ok => Ok(answer),
        Some(_) => Err(Trouble::Refused { http_ok }),
        None => Err(Trouble::HttpError),
    }
}

fn rows(page: &Value) -> &[Value] {
    page.get("output1").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn row(row: &Value) -> Option<Row> {
    // A cancellation is a line of its own; the models send none.
    if !text(row, "orgn_odno").is_empty() {
        return None;
    }
    Some(Row {
        number: text(row, "odno").to_owned(),
        symbol: text(row, "pdno").to_owned(),
        side: if text(row, "sll_buy_dvsn_cd") == "02" { Side::Buy } else { Side::Sell },
        quantity: number(row, "ord_qty"),
        limit: number(row, "ord_unpr"),
        filled: number(row, "tot_ccld_qty"),
        remaining: number(row, "rmn_qty"),
        time: NaiveTime::parse_from_str(text(row, "ord_tmd"), "%H%M%S").ok()?,
    })
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn number(row: &Value, name: &str) -> u64 {
    text(row, name).parse().unwrap_or(0)
}
