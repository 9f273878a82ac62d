//! A customer of an exchange whose clock stands until it is moved.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{BoxFuture, Clock, Currency, Market};
use http::Request;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::simulator::{
    Begun, Environment, Exchange, Kept, MarketData, Past, SimulatorConfig, VenueOrder, router,
};

/// 09:00 in Korea on a Tuesday.
pub(super) const KOREAN_OPEN: &str = "2026-11-24T00:00:00Z";
/// 09:30 in New York on the same day.
pub(super) const US_OPEN: &str = "2026-11-24T14:30:00Z";

/// A clock that is moved by hand.
#[derive(Debug)]
pub(super) struct HandClock(Mutex<DateTime<Utc>>);

impl HandClock {
    pub(super) fn forward(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn sleep_until(&self, _: DateTime<Utc>) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }

    fn real(&self, exchange_time: Duration) -> Duration {
        exchange_time
    }
}

/// One answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) continuation: String,
    pub(super) body: Value,
}

impl Answer {
    /// `msg_cd`, or the OAuth shape's `error_code`.
    pub(super) fn code(&self) -> &str {
        self.body
            .get("msg_cd")
            .or_else(|| self.body.get("error_code"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    pub(super) fn is_ok(&self) -> bool {
        self.body["rt_cd"] == "0"
    }
}

/// A customer with a token.
pub(super) struct World {
    pub(super) clock: Arc<HandClock>,
    pub(super) exchange: Arc<Exchange>,
    pub(super) token: String,
    router: Router,
}

const KOREA_AND_US: [Market; 4] = [Market::Kr, Market::UsNasdaq, Market::UsNyse, Market::UsAmex];

/// What a test changes about the exchange.
pub(super) struct Setting {
    pub(super) start: &'static str,
    pub(super) seed: u64,
    pub(super) environment: Environment,
    pub(super) rate: u32,
    pub(super) closed: &'static [(Market, &'static str)],
    pub(super) markets: &'static [Market],
}

impl Default for Setting {
    fn default() -> Self {
        Self {
            start: KOREAN_OPEN,
            seed: 7,
            environment: Environment::Real,
            rate: 1_000_000,
            closed: &[],
            markets: &KOREA_AND_US,
        }
    }
}

impl Setting {
    fn config(&self, now: DateTime<Utc>) -> (Arc<HandClock>, SimulatorConfig) {
        let clock = Arc::new(HandClock(Mutex::new(now)));
        let config = SimulatorConfig {
            clock: clock.clone(),
            seed: self.seed,
            markets: self.markets.to_vec(),
            cash: crate::venue::starting_cash(self.markets),
            environment: self.environment,
            data: MarketData::default(),
            closed: self.closed.iter().map(|(market, date)| (*market, date.parse().unwrap())).collect(),
        };
        (clock, config)
    }
}

impl World {
    pub(super) async fn at(start: &'static str) -> Self {
        Self::of(Setting { start, ..Setting::default() }).await
    }

    pub(super) async fn of(setting: Setting) -> Self {
        let mut world = Self::without_token(setting);
        world.renew().await;
        world
    }

    pub(super) fn without_token(setting: Setting) -> Self {
        let (clock, config) = setting.config(setting.start.parse().unwrap());
        Self::over(clock, Exchange::with_rate(config, setting.rate))
    }

    /// An exchange that goes on from `path`, or begins there, at `now`.
    pub(super) async fn kept(path: &std::path::Path, now: DateTime<Utc>) -> Self {
        let setting = Setting::default();
        let (clock, config) = setting.config(now);
        let begun = Begun { start: now, seed: setting.seed, markets: setting.markets.to_vec() };
        let past = Past::read(path).unwrap();
        let begun = past.as_ref().map_or(begun, |past| past.begun.clone());
        let kept = Kept { path: path.to_owned(), begun, past };
        let mut world = Self::over(clock, Exchange::kept(config, &kept).unwrap());
        world.renew().await;
        world
    }

    fn over(clock: Arc<HandClock>, exchange: Exchange) -> Self {
        let exchange = Arc::new(exchange);
        let router = router(exchange.clone());
        Self { clock, exchange, token: String::new(), router }
    }

    /// Asks for a token; `over` replaces fields of the body.
    pub(super) async fn token_call(&self, over: Value) -> Answer {
        let mut body = json!({"grant_type": "client_credentials", "appkey": "key", "appsecret": "secret"});
        for (name, value) in over.as_object().unwrap() {
            body[name] = value.clone();
        }
        let request = Request::post("/oauth2/tokenP").body(Body::from(body.to_string())).unwrap();
        self.send(request).await
    }

    /// Asks for a new token: the old one is a day old.
    pub(super) async fn renew(&mut self) {
        let issued = self.token_call(json!({})).await;
        self.token = issued.body["access_token"].as_str().unwrap().to_owned();
    }

    /// Gives the token back.
    pub(super) async fn revoke(&self) -> Answer {
        let body = json!({"appkey": "key", "appsecret": "secret", "token": self.token});
        self.send(Request::post("/oauth2/revokeP").body(Body::from(body.to_string())).unwrap()).await
    }

    /// The headers every transaction needs, for `tr_id`.
    pub(super) fn headers(&self, tr_id: &str) -> Vec<(&'static str, String)> {
        vec![
            ("content-type", "application/json; charset=utf-8".into()),
            ("authorization", format!("Bearer {}", self.token)),
            ("appkey", "key".into()),
            ("appsecret", "secret".into()),
            ("tr_id", tr_id.into()),
            ("custtype", "P".into()),
        ]
    }

    pub(super) async fn get(&self, path: &str, tr_id: &str, query: &str) -> Answer {
        self.get_with(path, query, self.headers(tr_id)).await
    }

    pub(super) async fn get_with(
        &self,
        path: &str,
        query: &str,
        headers: Vec<(&'static str, String)>,
    ) -> Answer {
        let query = query.replace(' ', "%20").replace('^', "%5E");
        self.call(Request::get(format!("{path}?{query}")), headers, Body::empty()).await
    }

    pub(super) async fn post(&self, path: &str, tr_id: &str, body: Value) -> Answer {
        let mut headers = self.headers(tr_id);
        headers.push(("x-kestrel-truth", "i-1".into()));
        self.call(Request::post(path), headers, Body::from(body.to_string())).await
    }

    /// An order with the hash of its body.
    pub(super) async fn post_hashed(&self, path: &str, tr_id: &str, body: Value, hash: String) -> Answer {
        let mut headers = self.headers(tr_id);
        headers.push(("hashkey", hash));
        self.call(Request::post(path), headers, Body::from(body.to_string())).await
    }

    /// A body of any text.
    pub(super) async fn post_text(&self, path: &str, tr_id: &str, body: &str) -> Answer {
        self.call(Request::post(path), self.headers(tr_id), Body::from(body.to_owned())).await
    }

    async fn call(
        &self,
        mut request: http::request::Builder,
        headers: Vec<(&'static str, String)>,
        body: Body,
    ) -> Answer {
        for (name, value) in headers {
            request = request.header(name, value);
        }
        self.send(request.body(body).unwrap()).await
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let continuation =
            response.headers().get("tr_cont").map_or("", |value| value.to_str().unwrap()).to_owned();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Answer { status, continuation, body: serde_json::from_slice(&bytes).unwrap_or_default() }
    }

    pub(super) async fn buy(&self, symbol: &str, quantity: u64, price: &str) -> Answer {
        self.korean_order("TTTC0012U", symbol, quantity, price).await
    }

    pub(super) async fn sell(&self, symbol: &str, quantity: u64, price: &str) -> Answer {
        self.korean_order("TTTC0011U", symbol, quantity, price).await
    }

    /// A price of zero orders at the market.
    pub(super) async fn korean_order(&self, tr_id: &str, symbol: &str, quantity: u64, price: &str) -> Answer {
        let kind = if price == "0" { "01" } else { "00" };
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "PDNO": symbol, "ORD_DVSN": kind,
            "ORD_QTY": quantity.to_string(), "ORD_UNPR": price, "EXCG_ID_DVSN_CD": "KRX",
            "SLL_TYPE": sell_type(tr_id, "01"),
        });
        self.post("/uapi/domestic-stock/v1/trading/order-cash", tr_id, body).await
    }

    pub(super) async fn us_order(&self, tr_id: &str, symbol: &str, quantity: u64, price: &str) -> Answer {
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "OVRS_EXCG_CD": "NASD", "PDNO": symbol,
            "ORD_QTY": quantity.to_string(), "OVRS_ORD_UNPR": price, "CTAC_TLNO": "", "MGCO_APTM_ODNO": "",
            "SLL_TYPE": sell_type(tr_id, "00"), "ORD_SVR_DVSN_CD": "0", "ORD_DVSN": "00",
        });
        self.post("/uapi/overseas-stock/v1/trading/order", tr_id, body).await
    }

    /// An order abroad, at `exchange` as orders call it.
    pub(super) async fn order_abroad(
        &self,
        tr_id: &str,
        [exchange, symbol]: [&str; 2],
        quantity: u64,
        price: &str,
    ) -> Answer {
        self.order_abroad_as("00", tr_id, [exchange, symbol], quantity, price).await
    }

    /// Orders abroad by an order type.
    pub(super) async fn order_abroad_as(
        &self,
        order_type: &str,
        tr_id: &str,
        [exchange, symbol]: [&str; 2],
        quantity: u64,
        price: &str,
    ) -> Answer {
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "OVRS_EXCG_CD": exchange, "PDNO": symbol,
            "ORD_QTY": quantity.to_string(), "OVRS_ORD_UNPR": price, "CTAC_TLNO": "", "MGCO_APTM_ODNO": "",
            "SLL_TYPE": sell_type(tr_id, "00"), "ORD_SVR_DVSN_CD": "0", "ORD_DVSN": order_type,
        });
        self.post("/uapi/overseas-stock/v1/trading/order", tr_id, body).await
    }

    /// Cancels an order abroad.
    pub(super) async fn cancel_abroad(
        &self,
        tr_id: &str,
        [exchange, symbol]: [&str; 2],
        number: &str,
        quantity: u64,
    ) -> Answer {
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "OVRS_EXCG_CD": exchange, "PDNO": symbol,
            "ORGN_ODNO": number, "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": quantity.to_string(),
            "OVRS_ORD_UNPR": "0", "MGCO_APTM_ODNO": "", "ORD_SVR_DVSN_CD": "0",
        });
        self.post("/uapi/overseas-stock/v1/trading/order-rvsecncl", tr_id, body).await
    }

    /// Changes the price of all that remains of a Korean order.
    pub(super) async fn change(&self, number: &str, price: &str) -> Answer {
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "KRX_FWDG_ORD_ORGNO": "06010", "ORGN_ODNO": number,
            "ORD_DVSN": "00", "RVSE_CNCL_DVSN_CD": "01", "ORD_QTY": "0", "ORD_UNPR": price, "QTY_ALL_ORD_YN": "Y",
        });
        self.post("/uapi/domestic-stock/v1/trading/order-rvsecncl", "TTTC0013U", body).await
    }

    pub(super) async fn cancel(&self, number: &str) -> Answer {
        self.korean_cancel("TTTC0013U", number).await
    }

    /// Cancels all that remains of a Korean order, under the id of either host.
    pub(super) async fn korean_cancel(&self, tr_id: &str, number: &str) -> Answer {
        let body = json!({
            "CANO": "12345678", "ACNT_PRDT_CD": "01", "KRX_FWDG_ORD_ORGNO": "06010", "ORGN_ODNO": number,
            "ORD_DVSN": "00", "RVSE_CNCL_DVSN_CD": "02", "ORD_QTY": "0", "ORD_UNPR": "0", "QTY_ALL_ORD_YN": "Y",
        });
        self.post("/uapi/domestic-stock/v1/trading/order-rvsecncl", tr_id, body).await
    }

    /// The Korean order list of the day, newest first.
    pub(super) async fn korean_orders(&self) -> Vec<Value> {
        let path = "/uapi/domestic-stock/v1/trading/inquire-daily-ccld";
        let answer = self.get(path, "TTTC0081R", KOREAN_ORDERS).await;
        answer.body["output1"].as_array().unwrap().clone()
    }

    /// The quote of a Korean stock.
    pub(super) async fn korean_price(&self, symbol: &str) -> Value {
        let path = "/uapi/domestic-stock/v1/quotations/inquire-price";
        let query = format!("FID_COND_MRKT_DIV_CODE=J&FID_INPUT_ISCD={symbol}");
        self.get(path, "FHKST01010100", &query).await.body["output"].clone()
    }

    pub(super) fn orders(&self) -> Vec<VenueOrder> {
        self.exchange.books().orders
    }

    pub(super) fn cash(&self, currency: Currency) -> Decimal {
        let books = self.exchange.books();
        books.cash.iter().find(|money| money.currency() == currency).unwrap().amount()
    }

    pub(super) fn minutes(&self, minutes: i64) {
        self.clock.forward(TimeDelta::minutes(minutes));
    }
}

/// The parameters of `inquire-daily-ccld` for the test's day, first page.
pub(super) const KOREAN_ORDERS: &str = "CANO=12345678&ACNT_PRDT_CD=01&INQR_STRT_DT=20261124&INQR_END_DT=20261124&\
     SLL_BUY_DVSN_CD=00&PDNO=&ORD_GNO_BRNO=&ODNO=&CCLD_DVSN=00&INQR_DVSN=00&INQR_DVSN_1=&INQR_DVSN_3=00&\
     EXCG_ID_DVSN_CD=ALL&CTX_AREA_FK100=&CTX_AREA_NK100=";

/// A field as a number.
pub(super) fn number(row: &Value, field: &str) -> Decimal {
    row[field].as_str().unwrap_or_else(|| panic!("no {field} in {row}")).trim().parse().unwrap()
}

/// `SLL_TYPE` of an order with this id: `code` for a sale, nothing for a purchase.
pub(super) fn sell_type(tr_id: &str, code: &'static str) -> &'static str {
    const SALES: [&str; 9] = [
        "TTTC0011U",
        "VTTC0011U",
        "TTTT1006U",
        "VTTT1001U",
        "S0307U",
        "S1001U",
        "S1005U",
        "S0304U",
        "S0310U",
    ];
    if SALES.iter().any(|sale| tr_id.ends_with(sale)) { code } else { "" }
}
