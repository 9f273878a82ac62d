//! Panics in the middle of an order's way: a step of the books or of the network panics, as a defect of ours in the
//! handler that called it would. The supervisor has to catch it, and the order's fate has to stay true (invariant 15).

use std::panic::resume_unwind;

use super::facts::What;
use super::sometimes::Sometimes;
use super::stage::{Life, Stage};

/// What a struck actor's last error says.
pub(super) const WORDS: &str = "struck by verification";

/// Where an actor may be struck: before the step, when nothing of it has happened, or after it, when nobody was told.
struct Mark {
    step: &'static str,
    actor: &'static str,
    /// What the kernel says that the actor is doing then: the type of the message, without its path.
    during: &'static str,
    /// In ten thousand; each step asks twice.
    chance: u32,
    rare: Sometimes,
}

const LEDGER: &str = "trade_ledger";

/// The handlers of an order's way. The rarer the step, the likelier the panic.
const MARKS: [Mark; 7] = [
    mark(LEDGER, "commit_approval", "CommitApproval", 6, Sometimes::StruckApproval),
    mark(LEDGER, "begin_sending", "BeginSending", 6, Sometimes::StruckSending),
    mark(LEDGER, "record_outcome", "RecordOutcome", 6, Sometimes::StruckOutcome),
    mark(LEDGER, "book_inquiry", "BookInquiry", 2, Sometimes::StruckInquiry),
    mark(LEDGER, "close_day", "CloseDay", 300, Sometimes::StruckClose),
    mark(LEDGER, "commit_halt", "CommitHalt", 200, Sometimes::StruckHalt),
    // The placing goes on after its handler has returned, one order at a time.
    mark("broker", "post", "a spawned future", 6, Sometimes::StruckPost),
];

const fn mark(
    actor: &'static str,
    step: &'static str,
    during: &'static str,
    chance: u32,
    rare: Sometimes,
) -> Mark {
    Mark { step, actor, during, chance, rare }
}

/// Lets whoever takes this step panic, now and then.
pub(super) fn strike_perhaps(stage: &Stage, life: &Life, step: &str) {
    let Some(mark) = MARKS.iter().find(|mark| mark.step == step) else { return };
    if life.is_dead() || !stage.is_faulty() || !stage.strike.chance(mark.chance) {
        return;
    }
    // Nobody to blame: the books are opened before there are actors.
    let Some(message) = life.doing(mark.actor) else { return };
    let during = message.rsplit("::").next().unwrap_or(message);
    if during == mark.during {
        stage.witness.saw(mark.rare);
    } else {
        stage.witness.odd(format!("{step} is a step of {}, not of {during}", mark.during));
    }
    life.struck(mark.actor);
    stage.witness.note(What::Struck { actor: mark.actor, during: mark.during });
    // Not `panic!`: it is no news to whoever reads the log.
    resume_unwind(Box::new(WORDS.to_owned()));
}
