//! Fifteen deliberate mistakes, one at a time, to prove that the checks of this project can fail (proof.md 10).
//!
//! Each is a mistake that somebody's trading agent has really made. The code that would make it asks
//! [`is_on`] at the one place where it differs. Without the feature `mutants` the answer is a constant no and
//! nothing of this is in the program; a release build refuses the feature (src/lib.rs).

/// A deliberate mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Mutant {
    /// An order whose reply is lost is sent again.
    RetryPost = 1,
    /// The row becomes `Sending` only after the POST.
    CommitAfterPost,
    /// HTTP 5xx without a code counts as refused.
    ServerErrorIsRefusal,
    /// The conditional update does not look at halts.
    NoHaltCheck,
    /// A halt is remembered but not written.
    HaltInMemory,
    /// The conditional update does not look at the fencing epoch.
    NoFencing,
    /// An order is recognised without comparing its price.
    MatchWithoutPrice,
    /// A new day starts although the last one is not closed.
    NoDayBarrier,
    /// A lapsed order gives its reservation back.
    ReleaseAtLapse,
    /// The HTTP client that sends orders is the library's default one, which follows a redirect with the order.
    DefaultHttpClient,
    /// Candidates are judged in the order of a randomly seeded hash map.
    HashOrder,
    /// Commits are not synced to the disk.
    NoSync,
    /// A panic of an actor is not caught.
    NoCatch,
    /// An exit sells all that the account holds of the stock, whoever bought it.
    SellOthersShares,
    /// Every halt cancels what is open, also one that was not asked to.
    CancelAtEveryHalt,
}

impl Mutant {
    /// Every mutant.
    pub const ALL: [Self; 15] = [
        Self::RetryPost,
        Self::CommitAfterPost,
        Self::ServerErrorIsRefusal,
        Self::NoHaltCheck,
        Self::HaltInMemory,
        Self::NoFencing,
        Self::MatchWithoutPrice,
        Self::NoDayBarrier,
        Self::ReleaseAtLapse,
        Self::DefaultHttpClient,
        Self::HashOrder,
        Self::NoSync,
        Self::NoCatch,
        Self::SellOthersShares,
        Self::CancelAtEveryHalt,
    ];
}

#[cfg(not(feature = "mutants"))]
/// True when the code shall make this mistake: never.
#[inline]
pub const fn is_on(_mutant: Mutant) -> bool {
    false
}

#[cfg(feature = "mutants")]
pub use chosen::{Active, NAMES, activate, is_on};

#[cfg(feature = "mutants")]
mod chosen {
    use std::sync::atomic::{AtomicU8, Ordering::SeqCst};

    use super::Mutant;

    /// The one mutant that is on; 0 is none.
    static ON: AtomicU8 = AtomicU8::new(0);

    /// The mutants by the names that a command line takes.
    pub const NAMES: [(&str, Mutant); 15] = [
        ("retry-post", Mutant::RetryPost),
        ("commit-after-post", Mutant::CommitAfterPost),
        ("server-error-is-refusal", Mutant::ServerErrorIsRefusal),
        ("no-halt-check", Mutant::NoHaltCheck),
        ("halt-in-memory", Mutant::HaltInMemory),
        ("no-fencing", Mutant::NoFencing),
        ("match-without-price", Mutant::MatchWithoutPrice),
        ("no-day-barrier", Mutant::NoDayBarrier),
        ("release-at-lapse", Mutant::ReleaseAtLapse),
        ("default-http-client", Mutant::DefaultHttpClient),
        ("hash-order", Mutant::HashOrder),
        ("no-sync", Mutant::NoSync),
        ("no-catch", Mutant::NoCatch),
        ("sell-others-shares", Mutant::SellOthersShares),
        ("cancel-at-every-halt", Mutant::CancelAtEveryHalt),
    ];

    /// True when the code shall make this mistake.
    pub fn is_on(mutant: Mutant) -> bool {
        ON.load(SeqCst) == mutant as u8
    }

    /// Keeps a mutant on; off again when dropped. The whole process is affected.
    #[derive(Debug)]
    pub struct Active(());

    impl Drop for Active {
        fn drop(&mut self) {
            ON.store(0, SeqCst);
        }
    }

    /// Turns a mutant on, in place of the one that was.
    #[must_use]
    pub fn activate(mutant: Mutant) -> Active {
        ON.store(mutant as u8, SeqCst);
        Active(())
    }

    impl Mutant {
        /// The mutant of this name.
        ///
        /// # Errors
        /// When there is none; says which there are.
        pub fn named(name: &str) -> Result<Self, String> {
            let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, mutant)| *mutant);
            known.ok_or_else(|| {
                let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
                format!("'{name}' is no mutant; there are: {}", names.join(", "))
            })
        }

        /// Its name.
        pub fn name(self) -> &'static str {
            NAMES.iter().find(|(_, mutant)| *mutant == self).map_or("nameless", |(name, _)| name)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn one_mutant_is_on_while_its_guard_lives() {
            for (name, mutant) in NAMES {
                let guard = activate(Mutant::named(name).unwrap());
                let on: Vec<_> = Mutant::ALL.into_iter().filter(|m| is_on(*m)).collect();
                assert_eq!((on, mutant.name()), (vec![mutant], name));
                drop(guard);
                assert!(!is_on(mutant));
            }
            assert!(Mutant::named("no-such").unwrap_err().contains("retry-post"));
        }
    }
}
