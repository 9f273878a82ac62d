//! What to do with a candidate: judged by the local rules, or by a language model that may only pick from what it was
//! offered.
//!
//! [`judge`] applies rules and the confidence threshold, [`prompt`] asks a model and [`reply`] reads its answer; [`gather`] makes one
//! question of markets that open together; all pure. The actor [`Brain`] joins candidates with the slot that wants a decision, has every judgement recorded, and
//! only then proposes a trade. Size, price and limits are never the model's business.

mod ask;
pub mod brain;
pub mod budget;
mod consult;
mod errand;
pub mod gather;
mod health;
pub mod join;
pub mod judge;
mod known;
pub mod plan;
pub mod prompt;
pub mod recall;
pub mod recompute;
pub mod reply;
mod round;

pub use brain::{Brain, Deps, Settings};
pub use judge::Judgement;
