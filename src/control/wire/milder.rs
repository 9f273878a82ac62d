//! What is milder than a halt and becomes one where no RiskGuard takes it: the file `HALT` stops everything or nothing.

use domain::messages::control::HaltRecord;

/// A command that lets sales leave, which nobody can do without a RiskGuard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Milder {
    /// Exits only.
    Reduce {
        /// Open purchases were to be cancelled.
        cancel_open: bool,
    },
    /// Sell what this agent holds, then halt.
    Flatten,
}

impl Milder {
    /// From the words of the command. A flatten cancels purchases in any case.
    pub fn of(flatten: bool, cancel_open: bool) -> Self {
        if flatten { Self::Flatten } else { Self::Reduce { cancel_open } }
    }

    /// What is not kept, and how to get it once an agent runs, although `halt` stands in its place.
    pub(super) fn not_kept(self, halt: &HaltRecord) -> String {
        let (id, reason) = (&halt.id, quoted(&halt.reason));
        match self {
            // A full halt that cancels would cancel sales too, and none could take their place.
            Self::Reduce { cancel_open } => {
                let again = if cancel_open {
                    format!(
                        "kestrel reduce --cancel-open --reason {reason}, and then kestrel resume --halt {id}"
                    )
                } else {
                    format!("kestrel resume --reducing --halt {id} --reason {reason}")
                };
                format!(
                    "The reduction is NOT kept: without a RiskGuard no exit can leave, so this stops exits too, and cancels \
                     nothing. Once the agent runs, for exits only: {again}"
                )
            }
            Self::Flatten => format!(
                "The flatten is NOT kept: nothing is sold, now or at the next start. Once the agent runs: kestrel halt \
                 --flatten --reason {reason}, and then, so that its sales may leave: kestrel resume --halt {id}"
            ),
        }
    }
}

/// As a shell takes it, whatever it holds.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_word_to_the_shell() {
        for (text, expected) in [("a look", "'a look'"), ("don't $HOME", r"'don'\''t $HOME'"), ("", "''")] {
            assert_eq!(quoted(text), expected);
        }
    }
}
