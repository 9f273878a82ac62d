//! Single stocks over the control socket: release a halt, end a dispute.

use std::fmt;
use std::time::Duration;

use domain::IntentId;
use domain::messages::symbols::{
    PersonError, RequestResolution, RequestSymbolRelease, Resolved, SymbolHalt, SymbolReleased,
};
use serde::{Deserialize, Serialize};
use supervision::AskError;

use super::server::Desk;
use super::wire::{Order, Reply};

/// RiskGuard asks the ledger, 5 s, and a reserve.
const ANSWER_WITHIN: Duration = Duration::from_secs(8);

/// A dispute that a person has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputeEnded {
    /// The intent as it is now.
    pub order: Order,
    /// Halts of its stock that still stand.
    pub still_halted: Vec<SymbolHalt>,
}

impl From<Resolved> for DisputeEnded {
    fn from(resolved: Resolved) -> Self {
        let Resolved { update, still_halted } = resolved;
        let order = Order {
            intent: update.intent.to_string(),
            terms: update.terms.to_string(),
            state: update.state.to_string(),
        };
        Self { order, still_halted }
    }
}

pub(super) async fn release(desk: &Desk, request: RequestSymbolRelease) -> Reply {
    answer(desk.release.ask(request, ANSWER_WITHIN).await, Reply::Released)
}

pub(super) async fn resolve(desk: &Desk, request: RequestResolution) -> Reply {
    let ended = |resolved| Reply::DisputeEnded(DisputeEnded::from(resolved));
    answer(desk.resolve.ask(request, ANSWER_WITHIN).await, ended)
}

fn answer<T>(answer: Result<Result<T, PersonError>, AskError>, done: impl FnOnce(T) -> Reply) -> Reply {
    match answer {
        Ok(Ok(result)) => done(result),
        Ok(Err(why)) => Reply::Error { message: why.to_string() },
        Err(error) => Reply::Error {
            message: format!(
                "RiskGuard did not answer ({error}); whether it was booked is unknown. See: kestrel status"
            ),
        },
    }
}

/// A stock's halt in one sentence, with the command that lifts it.
pub(super) struct Line<'a>(pub(super) &'a SymbolHalt);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SymbolHalt { instrument, at, cause, reason, .. } = self.0;
        let since = at.format("%Y-%m-%d %H:%M:%S UTC");
        write!(
            f,
            "{instrument} takes no new orders since {since} ({cause}): {reason}. Lift it with: \
             kestrel release {instrument} --reason TEXT"
        )
    }
}

/// What [`SymbolReleased`] says to a person.
pub(super) fn show_released(released: &SymbolReleased, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for SymbolHalt { instrument, cause, reason, .. } in &released.lifted {
        writeln!(f, "Lifted: {instrument} ({cause}): {reason}")?;
    }
    if let Some(shares) = released.accepted_shares {
        writeln!(f, "{shares:+} shares are taken as given: the books now agree with the exchange.")?;
    }
    write!(f, "The stock takes orders again, unless an order of unknown fate is left. See: kestrel status")
}

impl fmt::Display for DisputeEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Booked: {}. Its fills and its end come with the exchange's next order lists.",
            self.order
        )?;
        self.still_halted.iter().try_for_each(|halt| write!(f, "\n{}", Line(halt)))
    }
}

/// An intent as a person names it.
pub fn intent(text: &str) -> Result<IntentId, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if text.starts_with("i-") && text.len() <= 64 && text.chars().all(is_plain) {
        Ok(IntentId::from_stored(text.to_owned()))
    } else {
        Err("this is no intent; allowed: i-..., as `kestrel status` shows it".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::messages::symbols::SymbolHaltCause;

    #[test]
    fn a_halted_stock_is_shown_with_the_exact_command_that_lifts_it() {
        let halt = SymbolHalt {
            id: 7,
            instrument: "KR:005930".parse().unwrap(),
            at: "2026-11-24T00:30:00Z".parse().unwrap(),
            cause: SymbolHaltCause::Position,
            reason: "the exchange holds 5 shares, the books explain 3".into(),
        };
        let line = Line(&halt).to_string();
        assert!(line.ends_with("kestrel release KR:005930 --reason TEXT"), "{line}");
        assert!(line.contains("since 2026-11-24 00:30:00 UTC (position): the exchange holds 5"), "{line}");
    }

    #[test]
    fn only_the_id_of_an_intent_is_taken_for_one() {
        assert_eq!(intent("i-0199-ab").unwrap().as_str(), "i-0199-ab");
        for text in ["", "h-1", "i-1; DROP", "i-\n", &format!("i-{}", "1".repeat(63))] {
            assert!(intent(text).unwrap_err().contains("kestrel status"), "{text}");
        }
    }
}
