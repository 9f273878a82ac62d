//! What a person decides about one stock, on its way to the books. Only RiskGuard makes these messages, so a release or
//! a resolution always passes the one who refuses orders because of it.

use actix::Message;
use domain::messages::ledger::LedgerError;
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease, Resolved, SymbolReleased};

/// RiskGuard -> TradeLedger: lift the halts of one stock. Asked, 5 s.
///
/// Nobody else can make one:
///
/// ```compile_fail
/// use domain::messages::symbols::RequestSymbolRelease;
/// fn forge(request: RequestSymbolRelease) -> risk_guard::CommitSymbolRelease {
///     risk_guard::CommitSymbolRelease { request }
/// }
/// ```
///
/// while reading one is open to all:
///
/// ```
/// use domain::messages::symbols::RequestSymbolRelease;
/// fn read(commit: &risk_guard::CommitSymbolRelease) -> &RequestSymbolRelease {
///     commit.request()
/// }
/// ```
#[derive(Debug, Message)]
#[rtype(result = "Result<SymbolReleased, LedgerError>")]
pub struct CommitSymbolRelease {
    request: RequestSymbolRelease,
}

/// RiskGuard -> TradeLedger: end a dispute. Asked, 5 s.
#[derive(Debug, Message)]
#[rtype(result = "Result<Resolved, LedgerError>")]
pub struct CommitResolution {
    request: RequestResolution,
}

impl CommitSymbolRelease {
    pub(crate) fn new(request: RequestSymbolRelease) -> Self {
        Self { request }
    }

    /// What a person asked for.
    pub fn request(&self) -> &RequestSymbolRelease {
        &self.request
    }
}

impl CommitResolution {
    pub(crate) fn new(request: RequestResolution) -> Self {
        Self { request }
    }

    /// What a person said.
    pub fn request(&self) -> &RequestResolution {
        &self.request
    }
}
