//! Through which door a person comes: it decides what is booked, and what a resume must quote.

use domain::messages::control::{HaltSource, ResumeWarrant};
use domain::{HaltId, HaltNonce};

/// A door to the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Door {
    /// The control socket: the operating system has proved the user.
    Socket,
    /// The web page, behind its token.
    Page {
        /// The code that was shown with the halt that is to be lifted; none: nothing is to be lifted.
        code: Option<HaltNonce>,
    },
    /// The Telegram chat, behind its doorman.
    Chat {
        /// The code of the halt that a button was made for; none: nothing is to be lifted.
        code: Option<HaltNonce>,
    },
}

impl Door {
    pub(super) fn source(&self) -> HaltSource {
        match self {
            Self::Socket => HaltSource::Operator,
            Self::Page { .. } => HaltSource::Dashboard,
            Self::Chat { .. } => HaltSource::Telegram,
        }
    }

    /// What gives the right to lift `halt`.
    ///
    /// # Errors
    /// From afar a halt is named, with its code; in words.
    pub(super) fn warrant(self, halt: Option<String>) -> Result<ResumeWarrant, String> {
        let halt = halt.map(HaltId::from_stored);
        match (self, halt) {
            (Self::Socket, halt) => Ok(ResumeWarrant::ControlSocket { halt }),
            (Self::Page { code: Some(nonce) }, Some(halt)) => {
                Ok(ResumeWarrant::Remote { source: HaltSource::Dashboard, halt, nonce })
            }
            (Self::Chat { code: Some(nonce) }, Some(halt)) => {
                Ok(ResumeWarrant::Remote { source: HaltSource::Telegram, halt, nonce })
            }
            (Self::Chat { .. }, _) => {
                Err("a resume from the chat is confirmed by its button: /resume".to_owned())
            }
            (Self::Page { .. }, _) => {
                Err("a resume from the page names the halt and its code; load the page again".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_afar_nothing_is_lifted_without_name_and_code() {
        let halt = || Some("h-1".to_owned());
        let code = HaltNonce::new(7);
        let page = |code: Option<&HaltNonce>| Door::Page { code: code.cloned() };
        assert!(page(None).warrant(halt()).is_err());
        assert!(page(Some(&code)).warrant(None).is_err());
        let warrant = page(Some(&code)).warrant(halt()).unwrap();
        assert_eq!(warrant.source(), HaltSource::Dashboard);
        assert!(matches!(warrant, ResumeWarrant::Remote { nonce, .. } if nonce == code));
        let chat = |code: Option<&HaltNonce>| Door::Chat { code: code.cloned() };
        assert!(chat(None).warrant(halt()).is_err() && chat(Some(&code)).warrant(None).is_err());
        let Ok(ResumeWarrant::Remote { source, .. }) = chat(Some(&code)).warrant(halt()) else { panic!() };
        assert_eq!(source, HaltSource::Telegram);
        assert_eq!(Door::Socket.warrant(None), Ok(ResumeWarrant::ControlSocket { halt: None }));
    }
}
