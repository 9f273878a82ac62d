//! The gates between an idea and a person's yes (strategies.md 5.5). Each takes evidence and gives a [`Verdict`]: what was
//! measured, what was demanded, and so whether it passed.
//!
//! | gate | module | passes |
//! |---|---|---|
//! | G0 | [`admission`] | what is well-formed and was never tried before |
//! | G1 | [`mechanical`] | what neither looks ahead nor depends on chance, luck of the fill, one stock or one month |
//! | G2 | [`walk_forward`] | what earns after costs where it was not chosen, from a family that is not overfitted |
//! | G3 | [`sealed`] | the one champion of a cycle, on days that nobody has looked at |
//! | G4 | [`shadow`] | what does better than the incumbent on days that had not happened when it was found |
//! | G5 | [`dossier`] | what has passed all of them; then a person decides |
//!
//! The searching is free as long as it stays in the sample; what is paid for is the look outside. Every trial is counted
//! ([`dossier::Outcome`]), whatever became of it, because the best of many is good by luck alone.

pub mod admission;
pub mod candidate;
pub mod dossier;
pub mod mechanical;
pub mod regime;
pub mod sealed;
pub mod shadow;
mod verdict;
pub mod walk_forward;

pub use verdict::{Check, Needed, Verdict};

/// What the gates demand. The defaults are those of strategies.md 5.2 to 5.5.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rules {
    /// G1.
    pub mechanical: mechanical::Rules,
    /// G2.
    pub walk_forward: walk_forward::Rules,
    /// G3.
    pub sealed: sealed::Rules,
    /// G4.
    pub shadow: shadow::Rules,
}

#[cfg(test)]
mod adversaries;
#[cfg(test)]
mod cheats;
