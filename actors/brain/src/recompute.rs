//! Decides anew from what the books hold: the reply, what was offered, the threshold, and what withheld a trade.

use domain::messages::consultation::{BookedConsultation, BookedJudgement, Consultation, Heard};
use domain::{Confidence, Symbol};

use crate::judge::{self, Judgement};
use crate::reply;

/// Why a judgement cannot be decided anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRecomputed {
    /// The reply was longer than what the books keep.
    #[error("the reply was longer than the books keep")]
    ReplyCut,
    /// The call was about other stocks.
    #[error("the call that it names did not ask about this stock")]
    NotAsked,
}

/// The judgement as it follows from the books alone.
///
/// # Errors
/// [`NotRecomputed`].
pub fn recompute(booked: &BookedConsultation, made: &BookedJudgement) -> Result<Judgement, NotRecomputed> {
    let Consultation { stocks, threshold, heard, .. } = &booked.consultation;
    let asked = stocks.iter().position(|one| one.instrument == made.instrument);
    let asked = asked.ok_or(NotRecomputed::NotAsked)?;
    let offered = stocks.get(asked).map(|one| one.offered.as_slice()).unwrap_or_default();
    let judgement = match heard {
        Heard::Nothing(why) => Judgement::unheard(why),
        Heard::Reply(reply) if is_cut(&reply.text, booked.reply_bytes) => {
            return Err(NotRecomputed::ReplyCut);
        }
        Heard::Reply(reply) => {
            let symbols: Vec<Symbol> = stocks.iter().map(|one| one.instrument.symbol.clone()).collect();
            let answer = reply::parse_batch(&reply.text, &symbols).into_iter().nth(asked);
            answer.ok_or(NotRecomputed::NotAsked)?.unwrap_or_else(Judgement::from)
        }
    };
    let settled = judge::settle(judgement, offered, *threshold);
    Ok(judge::finish(settled, made.basis.withheld.as_deref(), made.basis.delay_minutes))
}

fn is_cut(kept: &str, bytes: u64) -> bool {
    u64::try_from(kept.len()).unwrap_or(u64::MAX) != bytes
}

/// True when the books hold exactly this judgement.
pub fn is_equal(judgement: &Judgement, made: &BookedJudgement) -> bool {
    let made: (_, Confidence, _) = (made.action, made.confidence, made.rationale.as_str());
    made == (judgement.action, judgement.confidence, judgement.rationale.as_str())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use domain::messages::consultation::{AskedStock, CallId, DecisionBasis};
    use domain::{Action, DecisionId, Instrument, Market, OracleReply, TokenUsage};

    use super::*;

    const REPLY: &str = r#"[{"symbol":"A","rationale":"up","action":"BUY","confidence":91},
        {"symbol":"B","rationale":"down","action":"SELL","confidence":91},
        {"symbol":"C","rationale":"up","action":"BUY","confidence":79}]"#;

    fn stock(symbol: &str) -> Instrument {
        Instrument { market: Market::UsNasdaq, symbol: symbol.parse().unwrap() }
    }

    fn booked(heard: Heard) -> BookedConsultation {
        let offered = vec![Action::Buy, Action::Hold];
        let stocks = ["A", "B", "C"]
            .map(|one| AskedStock { instrument: stock(one), offered: offered.clone() })
            .to_vec();
        let reply_bytes = match &heard {
            Heard::Reply(reply) => reply.text.len() as u64,
            Heard::Nothing(_) => 0,
        };
        let consultation = Consultation {
            call: call(),
            session_date: "2026-11-24".parse().unwrap(),
            slot: "daily-1".into(),
            stocks,
            threshold: Confidence::new(80).unwrap(),
            prompt_version: 1,
            model: "m".into(),
            system: String::new(),
            prompt: String::new(),
            asked_at: DateTime::UNIX_EPOCH,
            latency_ms: 1,
            rests_until: None,
            heard,
        };
        BookedConsultation { consultation, reply_bytes, judgements: Vec::new() }
    }

    fn call() -> CallId {
        CallId { quota_date: "2026-11-24".parse().unwrap(), purpose: "US_NASDAQ/1".into() }
    }

    fn made(symbol: &str, withheld: Option<&str>, (action, confidence): (Action, i64)) -> BookedJudgement {
        let withheld = withheld.map(str::to_owned);
        BookedJudgement {
            id: DecisionId::from_stored("d-1".into()),
            instrument: stock(symbol),
            action,
            confidence: Confidence::new(confidence).unwrap(),
            rationale: "up".into(),
            basis: DecisionBasis { call: call(), withheld, delay_minutes: 0 },
        }
    }

    fn reply() -> BookedConsultation {
        let usage = TokenUsage::default();
        let reply = OracleReply { text: REPLY.into(), model: "m-1".into(), response_id: None, usage };
        booked(Heard::Reply(reply))
    }

    #[test]
    fn a_judgement_follows_from_reply_offer_threshold_and_what_withheld_it() {
        let cases = [
            (made("A", None, (Action::Buy, 91)), true, "up"),
            (made("A", None, (Action::Buy, 90)), false, "up"),
            (made("A", None, (Action::Sell, 91)), false, "up"),
            (made("A", Some("No fresh price"), (Action::Buy, 91)), false, "No fresh price: up"),
            (made("B", None, (Action::Sell, 91)), false, "SELL was not offered, only BUY or HOLD: down"),
            (made("C", None, (Action::Hold, 79)), true, "up"),
        ];
        for (made, equal, rationale) in cases {
            let anew = recompute(&reply(), &made).unwrap();
            assert_eq!((is_equal(&anew, &made), anew.rationale.as_str()), (equal, rationale), "{made:?}");
        }
    }

    #[test]
    fn what_was_not_heard_is_a_hold_and_what_is_not_whole_is_not_guessed() {
        let unheard = booked(Heard::Nothing("timed out".into()));
        let anew = recompute(&unheard, &made("A", None, (Action::Hold, 0))).unwrap();
        assert_eq!((anew.action, anew.confidence), (Action::Hold, Confidence::ZERO));
        assert_eq!(anew.rationale, "the model was not heard: timed out");
        let cut = BookedConsultation { reply_bytes: 99_999, ..reply() };
        assert_eq!(recompute(&cut, &made("A", None, (Action::Buy, 91))), Err(NotRecomputed::ReplyCut));
        assert_eq!(recompute(&reply(), &made("D", None, (Action::Buy, 91))), Err(NotRecomputed::NotAsked));
    }
}
