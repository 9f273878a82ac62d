//! How the exchange says no: the codes and texts of KIS.md 5, in the shapes of the gateway and of the ledger.

use serde_json::{Value, json};

use super::Environment;
use super::wire;

/// A refusal as it goes over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The HTTP status: 200 for business refusals, 500 or 403 for the gateway's.
    pub(super) status: u16,
    /// `rt_cd`; none for the two fields of the OAuth shape.
    pub(super) result: Option<&'static str>,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    /// The gateway refuses before anything is processed.
    pub(super) fn gateway(code: &'static str, message: &str) -> Self {
        Self { status: 500, result: Some("1"), code, message: message.to_owned() }
    }

    /// The gateway does not know the customer: the one refusal of it with another status (KIS.md 2.5).
    pub(super) fn forbidden(code: &'static str, message: &str) -> Self {
        Self { status: 403, ..Self::gateway(code, message) }
    }

    /// The token server refuses.
    pub(super) fn oauth(code: &'static str, message: &str) -> Self {
        Self { status: 403, result: None, code, message: message.to_owned() }
    }

    /// The parameters are wrong.
    pub(super) fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: 200, result: Some("2"), code, message: message.into() }
    }

    /// A rule of the business refuses.
    pub(super) fn business(result: &'static str, code: &'static str, message: &str) -> Self {
        Self { status: 200, result: Some(result), code, message: wire::pad(message, 80) }
    }

    /// The JSON body.
    pub(super) fn body(&self) -> Value {
        match self.result {
            Some(result) => json!({"rt_cd": result, "msg_cd": self.code, "msg1": self.message}),
            None => json!({"error_code": self.code, "error_description": self.message}),
        }
    }
}

/// A parameter that must be present is not.
pub(super) fn missing(parameter: &str) -> Refusal {
    Refusal::input("OPSQ2001", format!("ERROR INPUT FIELD NOT FOUND [{parameter}]"))
}

/// A parameter has a value that its field does not take.
pub(super) fn invalid(parameter: &str) -> Refusal {
    Refusal::input("OPSQ2002", format!("ERROR : INPUT INVALID_CHECK_{parameter}"))
}

/// Why an order, or a cancellation, is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderRefusal {
    UnknownStock,
    NotATradingDay,
    NotOpenYet,
    Closed,
    OffStep,
    OddLot,
    OutsideLimits,
    PriceNeeded,
    NotEnoughCash,
    NotEnoughShares,
    NothingToCancel,
    OrderTypeUnknown,
    LimitOnly,
}

impl OrderRefusal {
    /// The refusal on the wire (KIS.md 5.4). The sheet knows no code for some of them; those carry the nearest documented one.
    pub(super) fn on_the_wire(self, environment: Environment) -> Refusal {
        let (result, code, message) = match environment {
            Environment::Real => self.real(),
            Environment::Paper => self.paper(),
        };
        Refusal::business(result, code, message)
    }

    fn real(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::UnknownStock => ("7", "APBK0656", "해당종목정보가 없습니다."),
            Self::NotATradingDay => ("1", "APBK0919", "장운영일자가 주문일과 상이합니다."),
            Self::NotOpenYet | Self::Closed => ("1", "APBK0918", "장운영시간이 아닙니다."),
            Self::OffStep => ("1", "APBK0506", "주식주문호가단위 오류 입니다."),
            Self::OddLot => ("1", "APBK0506", "주문수량단위 오류 입니다."),
            Self::OutsideLimits => ("1", "APBK0506", "주문단가가 상/하한가를 벗어났습니다."),
            Self::PriceNeeded | Self::LimitOnly => ("1", "APBK1507", "주문단가를 확인하시기 바랍니다."),
            Self::NotEnoughCash => ("7", "APBK0952", "주문가능금액을 초과 했습니다"),
            Self::NotEnoughShares => ("1", "APBK0400", "주문 가능한 수량을 초과했습니다."),
            Self::NothingToCancel => ("1", "APBK0400", "정정취소 가능한 수량을 초과했습니다."),
            Self::OrderTypeUnknown => ("2", "OPSQ2002", "주문구분 입력오류"),
        }
    }

    /// Where the sheet has a text alone, the code is the one that paper accounts have reported with it.
    fn paper(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::UnknownStock => ("1", "40070000", "모의투자 주문처리가 안되었습니다(매매불가 종목)"),
            Self::NotATradingDay => ("1", "40100000", "모의투자 영업일이 아닙니다."),
            Self::NotOpenYet => ("1", "40570000", "모의투자 장시작전 입니다."),
            Self::Closed => ("1", "40580000", "모의투자 장종료 입니다."),
            Self::OffStep => ("1", "40030000", "모의투자 주문처리가 안되었습니다(호가단위 오류)"),
            Self::OddLot => ("1", "40310000", "모의투자 주문처리가 안되었습니다(수량단위 오류)"),
            Self::OutsideLimits => ("1", "40270000", "모의투자 상/하한가 오류"),
            Self::NotEnoughCash => ("1", "40570000", "모의투자 주문가능금액이 부족합니다."),
            Self::NotEnoughShares => ("1", "40240000", "모의투자 잔고내역이 없습니다."),
            Self::NothingToCancel => ("1", "40310000", "모의투자 정정/취소할 수량이 없습니다."),
            Self::PriceNeeded | Self::LimitOnly => {
                ("1", "40650000", "모의투자 주문처리가 안되었습니다(지정가만 가능한 상품입니다)")
            }
            Self::OrderTypeUnknown => ("2", "OPSQ2002", "주문구분 입력오류"),
        }
    }
}
