//! Why an actor could not be made.

use std::fmt::{self, Display};

/// The reason a factory gives for not returning an actor.
///
/// Any error converts with `?`. The type deliberately does not implement `Display` itself, which is what makes
/// that conversion possible; read it with [`Failure::reason`].
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure with this text.
    pub fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    /// The text.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0
    }
}

impl<E: Display> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Failure({:?})", self.0)
    }
}
