//! The second step of what raises risk: a button that works once, for who asked, where they asked, for a minute.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use domain::{HaltId, HaltNonce};
use tokio::time::Instant;

/// How long a button works. Real time.
pub const WITHIN: Duration = Duration::from_secs(60);
/// Buttons that work at the same time, at most; the oldest goes.
const OPEN_MAX: usize = 64;

/// 64 random bits, which a button carries and nobody can guess.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nonce(u64);

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What happens when a button is pressed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// This halt is lifted, by its own code.
    Resume {
        /// The halt that was shown.
        halt: HaltId,
        /// Its code, which never leaves for the chat.
        nonce: HaltNonce,
    },
    /// What the agent holds is sold.
    Flatten {
        /// Why.
        reason: String,
    },
}

/// What a button is bound to.
#[derive(Clone, Debug)]
struct Open {
    user: i64,
    chat: i64,
    /// The message it is under; none until that was sent.
    message: Option<i64>,
    action: Action,
    until: Instant,
}

/// Buttons that wait to be pressed. They end with the process.
#[derive(Debug, Default)]
pub struct Confirmations(BTreeMap<Nonce, Open>);

/// Why a press does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// It was pressed before, or belongs to an earlier life, or nobody ever made it.
    #[error("this button does not work any more; ask again")]
    Unknown,
    /// A minute has passed.
    #[error("this button was good for a minute; ask again")]
    Late,
    /// Another person, chat or message.
    #[error("this button is not yours")]
    Foreign,
}

impl Confirmations {
    /// A button for `user` in `chat`; `random` is 64 random bits. It works once [`Confirmations::bind`] has told where it is.
    pub fn offer(&mut self, [user, chat]: [i64; 2], action: Action, random: u64, now: Instant) -> Nonce {
        self.0.retain(|_, open| open.until > now);
        if self.0.len() >= OPEN_MAX {
            let oldest = self.0.iter().min_by_key(|(_, open)| open.until).map(|(nonce, _)| *nonce);
            oldest.map(|nonce| self.0.remove(&nonce));
        }
        let nonce = Nonce(random);
        self.0.insert(nonce, Open { user, chat, message: None, action, until: now + WITHIN });
        nonce
    }

    /// The button stands under this message.
    pub fn bind(&mut self, nonce: Nonce, message: i64) {
        if let Some(open) = self.0.get_mut(&nonce) {
            open.message = Some(message);
        }
    }

    /// Takes the button out. It stays for its owner when somebody else presses it.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn redeem(
        &mut self,
        text: &str,
        [user, chat, message]: [i64; 3],
        now: Instant,
    ) -> Result<Action, Mismatch> {
        let nonce = parse(text).ok_or(Mismatch::Unknown)?;
        let open = self.0.get(&nonce).ok_or(Mismatch::Unknown)?;
        if (open.user, open.chat, open.message) != (user, chat, Some(message)) {
            return Err(Mismatch::Foreign);
        }
        let open = self.0.remove(&nonce).ok_or(Mismatch::Unknown)?;
        if now < open.until { Ok(open.action) } else { Err(Mismatch::Late) }
    }
}

/// Exactly as it was written.
fn parse(text: &str) -> Option<Nonce> {
    let nonce = Nonce(u64::from_str_radix(text, 16).ok()?);
    (nonce.to_string() == text).then_some(nonce)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: [i64; 2] = [7, 70];
    const PLACE: [i64; 3] = [7, 70, 700];

    fn action() -> Action {
        Action::Resume { halt: HaltId::from_stored("h-1".into()), nonce: HaltNonce::new(9) }
    }

    fn offered(now: Instant) -> (Confirmations, String) {
        let mut open = Confirmations::default();
        let nonce = open.offer(OWNER, action(), 0x00ab_cdef, now);
        open.bind(nonce, PLACE[2]);
        (open, nonce.to_string())
    }

    #[test]
    fn a_button_works_once() {
        let now = Instant::now();
        let (mut open, text) = offered(now);
        assert_eq!(text, "0000000000abcdef");
        assert_eq!(open.redeem(&text, PLACE, now), Ok(action()));
        assert_eq!(open.redeem(&text, PLACE, now), Err(Mismatch::Unknown));
    }

    #[test]
    fn a_button_works_for_its_person_chat_and_message_within_a_minute_alone() {
        let now = Instant::now();
        let just = WITHIN - Duration::from_millis(1);
        for (place, after, expected) in [
            (PLACE, just, Ok(action())),
            (PLACE, WITHIN, Err(Mismatch::Late)),
            ([8, 70, 700], Duration::ZERO, Err(Mismatch::Foreign)),
            ([7, 71, 700], Duration::ZERO, Err(Mismatch::Foreign)),
            ([7, 70, 701], Duration::ZERO, Err(Mismatch::Foreign)),
        ] {
            let (mut open, text) = offered(now);
            assert_eq!(open.redeem(&text, place, now + after), expected, "{place:?} {after:?}");
            if expected == Err(Mismatch::Foreign) {
                assert_eq!(
                    open.redeem(&text, PLACE, now),
                    Ok(action()),
                    "who guesses takes nothing from the owner"
                );
            }
        }
        let mut open = Confirmations::default();
        let unsent = open.offer(OWNER, action(), 5, now).to_string();
        assert_eq!(open.redeem(&unsent, PLACE, now), Err(Mismatch::Foreign), "nobody saw that button");
    }

    #[test]
    fn what_nobody_made_is_no_button() {
        let now = Instant::now();
        let (mut open, text) = offered(now);
        for forged in ["", "0", "abcdef", "+000000000abcdef", "0000000000ABCDEF", "00000000000abcdef", "한"]
        {
            assert_eq!(open.redeem(forged, PLACE, now), Err(Mismatch::Unknown), "{forged}");
        }
        assert!(open.redeem(&text, PLACE, now).is_ok());
    }

    #[test]
    fn buttons_are_bounded() {
        let now = Instant::now();
        let mut open = Confirmations::default();
        (0..1_000).for_each(|random| drop(open.offer(OWNER, action(), random, now).to_string()));
        assert_eq!(open.0.len(), OPEN_MAX);
        open.offer(OWNER, action(), 5_000, now + WITHIN);
        assert_eq!(open.0.len(), 1, "what is over goes");
    }
}
