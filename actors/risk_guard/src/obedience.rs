//! What an actor remembers of halts.
//!
//! Halts come on the urgent lane and resumes on the ordinary one, so a resume can arrive after a newer halt: the
//! newest word counts, not the last one heard.

use domain::HaltEpoch;
use domain::messages::control::TradingState;

use crate::halting::{HaltAck, HaltSystem, ResumeSystem};

/// The newest word of RiskGuard that an actor has heard; before the first, nothing is known to stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Obedience {
    notice: u64,
    epoch: HaltEpoch,
    state: Option<TradingState>,
}

impl Obedience {
    /// True when `halt` is newer than every word heard.
    pub fn is_news(&self, halt: &HaltSystem) -> bool {
        halt.notice() > self.notice
    }

    /// Takes in a halt and confirms the epoch that is obeyed now.
    pub fn obey(&mut self, halt: &HaltSystem) -> HaltAck {
        self.take(halt.notice(), halt.epoch(), halt.state());
        HaltAck { epoch: self.epoch, ..HaltAck::default() }
    }

    /// Takes in a resume. True when it changed something: it is newer than every halt heard.
    pub fn go_on(&mut self, resume: &ResumeSystem) -> bool {
        self.take(resume.notice(), resume.epoch(), resume.state())
    }

    /// True while everything but cancels is stopped.
    pub fn is_halted(&self) -> bool {
        self.state == Some(TradingState::Halted)
    }

    /// The halt epoch that is obeyed; 0 before the first word.
    pub fn epoch(&self) -> HaltEpoch {
        self.epoch
    }

    fn take(&mut self, notice: u64, epoch: HaltEpoch, state: TradingState) -> bool {
        let is_newer = notice > self.notice;
        if is_newer {
            *self = Self { notice, epoch, state: Some(state) };
        }
        is_newer
    }
}

#[cfg(test)]
mod tests {
    use domain::messages::control::{HaltLevel, HaltRecord, HaltSource};

    use super::*;
    use crate::halting::Notice;

    fn word(number: u64, state: TradingState) -> Notice {
        Notice { epoch: HaltEpoch(number), state, effects: Default::default(), number }
    }

    fn halt(notice: u64, state: TradingState) -> HaltSystem {
        let record = HaltRecord {
            id: "h-1".into(),
            at: chrono::DateTime::UNIX_EPOCH,
            source: HaltSource::Operator,
            by: "kim".into(),
            reason: "enough".into(),
            level: HaltLevel::Halted,
            nonce: domain::HaltNonce::default(),
            cancel_open: false,
        };
        HaltSystem::new(record, word(notice, state))
    }

    fn resume(notice: u64, state: TradingState) -> ResumeSystem {
        ResumeSystem::new(word(notice, state))
    }

    #[test]
    fn a_resume_that_comes_late_does_not_undo_a_newer_halt() {
        let mut obedience = Obedience::default();
        assert!(!obedience.is_halted());
        assert_eq!(obedience.obey(&halt(1, TradingState::Halted)).epoch, HaltEpoch(1));
        assert_eq!(obedience.obey(&halt(3, TradingState::Halted)).epoch, HaltEpoch(3));
        assert!(!obedience.is_news(&halt(3, TradingState::Reducing)));
        assert!(obedience.is_news(&halt(4, TradingState::Reducing)));
        assert!(!obedience.go_on(&resume(2, TradingState::Active)));
        assert!(obedience.is_halted());
        assert!(obedience.go_on(&resume(4, TradingState::Active)));
        assert!(!obedience.is_halted());
        assert_eq!(obedience.obey(&halt(3, TradingState::Halted)).epoch, HaltEpoch(4));
        assert!(!obedience.is_halted());
    }

    #[test]
    fn reducing_is_no_halt_for_those_who_judge_exits() {
        let mut obedience = Obedience::default();
        obedience.obey(&halt(1, TradingState::Reducing));
        assert!(!obedience.is_halted());
        obedience.obey(&halt(2, TradingState::Halted));
        assert!(obedience.is_halted());
    }
}
