//! What can become of a request, and how likely each is.

use super::super::dice::Dice;
use super::super::sometimes::Sometimes;
use crate::http::Request;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// Places an order.
    Order,
    /// Cancels one.
    Cancel,
    /// Anything else.
    Read,
}

impl Errand {
    /// By the last segment of the path, as KIS names them (KIS.md 8, 12).
    pub(super) fn of(request: &Request) -> Self {
        let last = request.uri().path().rsplit('/').next().unwrap_or_default();
        match last {
            "order-rvsecncl" => Self::Cancel,
            _ if last.starts_with("order") => Self::Order,
            _ => Self::Read,
        }
    }
}

/// What becomes of a request (order-protocol 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Arrives and is answered.
    Delivered,
    /// Never leaves: row 1.
    NotSent,
    /// Never arrives: row 2.
    LostRequest,
    /// Arrives, its answer does not: row 2.
    LostReply,
    /// Arrives after its sender gave up, perhaps after its sender's death: row 2.
    Late,
    /// Arrives, and the connection breaks: row 3.
    Reset,
    /// Does not arrive; something in between answers.
    Refused(Canned),
    /// Every token has died: row 6.
    TokenDead,
    /// Arrives, and the answer is damaged.
    Damaged(Damage),
}

/// Answers of gateways and proxies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Canned {
    /// HTTP 502 with a page: row 4.
    BadGateway,
    /// EGW00201: row 5.
    Throttled,
    /// HTTP 307 to another host: row 10.
    Redirect,
}

/// What happens to an answer on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// HTTP 500 with a page instead: row 4.
    ServerError,
    /// HTTP 500 and nothing else: row 4.
    Empty,
    /// HTTP 302 instead: row 10.
    Redirect,
    /// Cut in the middle: row 3.
    Truncated,
    /// The order number is missing: row 7.
    NoNumber,
    /// The order number is no number: row 7.
    MangledNumber,
    /// The order number of an earlier order: rows 7 and 9.
    RepeatedNumber,
}

/// In ten thousand; the rest is delivered.
const FOR_ORDERS: [(u32, Fate); 17] = [
    (80, Fate::NotSent),
    (200, Fate::LostRequest),
    (250, Fate::LostReply),
    (300, Fate::Late),
    (100, Fate::Reset),
    (60, Fate::Refused(Canned::BadGateway)),
    (120, Fate::Refused(Canned::Throttled)),
    (40, Fate::Refused(Canned::Redirect)),
    (15, Fate::TokenDead),
    (120, Fate::Damaged(Damage::ServerError)),
    (120, Fate::Damaged(Damage::Empty)),
    (40, Fate::Damaged(Damage::Redirect)),
    (100, Fate::Damaged(Damage::Truncated)),
    (20, Fate::Damaged(Damage::NoNumber)),
    (20, Fate::Damaged(Damage::MangledNumber)),
    (20, Fate::Damaged(Damage::RepeatedNumber)),
    (0, Fate::Delivered),
];

/// Reads are many, so each fails seldom.
const FOR_READS: [(u32, Fate); 8] = [
    (20, Fate::NotSent),
    (15, Fate::LostRequest),
    (15, Fate::LostReply),
    (20, Fate::Refused(Canned::BadGateway)),
    (30, Fate::Refused(Canned::Throttled)),
    (15, Fate::Damaged(Damage::Empty)),
    (30, Fate::Damaged(Damage::Truncated)),
    (1, Fate::TokenDead),
];

/// Draws a fate.
pub(super) fn draw(dice: &Dice, errand: Errand) -> Fate {
    let table: &[(u32, Fate)] = match errand {
        Errand::Order | Errand::Cancel => &FOR_ORDERS,
        Errand::Read => &FOR_READS,
    };
    let mut left = u32::try_from(dice.within(0..=9_999)).unwrap_or(0);
    for (weight, fate) in table {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *fate,
        }
    }
    Fate::Delivered
}

impl Fate {
    /// True when the sender cannot know whether its order was taken.
    pub(super) fn is_doubtful(self) -> bool {
        match self {
            Self::LostRequest | Self::LostReply | Self::Late | Self::Reset | Self::Damaged(_) => true,
            Self::Refused(Canned::BadGateway | Canned::Redirect) => true,
            Self::Refused(Canned::Throttled) | Self::Delivered | Self::NotSent | Self::TokenDead => false,
        }
    }

    /// True when it befalls the answer of an order that arrived: it means something only if that was taken.
    pub(super) fn is_about_an_answer(self) -> bool {
        match self {
            Self::LostReply | Self::Reset | Self::Damaged(_) => true,
            Self::Delivered | Self::NotSent | Self::LostRequest | Self::Late => false,
            Self::Refused(_) | Self::TokenDead => false,
        }
    }

    /// What is rare about it, at an order.
    pub(super) fn rare(self) -> Option<Sometimes> {
        match self {
            Self::Delivered | Self::Late | Self::Reset => None,
            Self::NotSent => Some(Sometimes::NotSent),
            Self::LostRequest => Some(Sometimes::LostRequest),
            Self::LostReply => Some(Sometimes::LostReply),
            Self::TokenDead => Some(Sometimes::TokenDead),
            Self::Refused(Canned::BadGateway) => Some(Sometimes::ServerErrorBefore),
            Self::Refused(Canned::Throttled) => Some(Sometimes::Throttled),
            Self::Refused(Canned::Redirect) | Self::Damaged(Damage::Redirect) => Some(Sometimes::Redirected),
            Self::Damaged(Damage::ServerError | Damage::Empty) => Some(Sometimes::ServerErrorAfter),
            Self::Damaged(Damage::Truncated) => Some(Sometimes::Truncated),
            Self::Damaged(Damage::NoNumber | Damage::MangledNumber | Damage::RepeatedNumber) => {
                Some(Sometimes::WrongNumber)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fate_is_drawn_about_as_often_as_it_should() {
        let dice = Dice::new(3, "net");
        let draws = 100_000;
        let drawn: Vec<Fate> = (0..draws).map(|_| draw(&dice, Errand::Order)).collect();
        for (weight, fate) in FOR_ORDERS.iter().filter(|(weight, _)| *weight > 0) {
            let count = drawn.iter().filter(|one| *one == fate).count();
            let expected = *weight as usize * draws / 10_000;
            assert!((expected / 2..expected * 2).contains(&count), "{fate:?}: {count}, expected {expected}");
        }
    }

    #[test]
    fn orders_and_cancels_are_told_from_reads_by_their_path() {
        let cases = [
            ("/uapi/domestic-stock/v1/trading/order-cash", Errand::Order),
            ("/uapi/overseas-stock/v1/trading/order", Errand::Order),
            ("/uapi/domestic-stock/v1/trading/order-rvsecncl", Errand::Cancel),
            ("/uapi/domestic-stock/v1/trading/inquire-psbl-order", Errand::Read),
            ("/oauth2/tokenP", Errand::Read),
        ];
        for (path, expected) in cases {
            let request = http::Request::get(path).body(bytes::Bytes::new()).unwrap();
            assert_eq!(Errand::of(&request), expected, "{path}");
        }
    }
}
