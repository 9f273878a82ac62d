//! What makes two strategies one: what they do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Strategy;
use super::wire::{EntryWire, ExitWire, Side, SizingWire};

/// The version of the canonical form; another one gives every strategy another identity.
const FORM: u8 = 1;

/// What a strategy does, without its names and its reasons.
#[derive(Serialize)]
struct Behaviour {
    form: u8,
    side: Side,
    entry: EntryWire,
    exit: ExitWire,
    sizing: SizingWire,
}

/// SHA-256 of the canonical form: strategies that do the same have the same, whatever they are called and however their
/// terms are ordered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity([u8; 32]);

impl Strategy {
    /// Its canonical form: what it does, as JSON on one line.
    pub fn canonical(&self) -> String {
        let behaviour = Behaviour {
            form: FORM,
            side: self.side,
            entry: (&self.entry).into(),
            exit: (&self.exit).into(),
            sizing: SizingWire { fraction_pct: self.fraction_pct.get() },
        };
        // Plain structs of finite numbers and names always are JSON.
        serde_json::to_string(&behaviour).unwrap_or_default()
    }

    /// Its identity as a trial.
    pub fn identity(&self) -> Identity {
        Identity(Sha256::digest(self.canonical()).into())
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Identity {
    type Err = NoIdentity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digit = |byte: u8| char::from(byte).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return Err(NoIdentity);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            for value in pair {
                let digit = digit(*value).and_then(|digit| u8::try_from(digit).ok()).ok_or(NoIdentity)?;
                *byte = *byte << 4 | digit;
            }
        }
        Ok(Self(bytes))
    }
}

impl TryFrom<String> for Identity {
    type Error = NoIdentity;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}

/// The text is no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an identity is 64 hexadecimal digits in lower case")]
pub struct NoIdentity;
