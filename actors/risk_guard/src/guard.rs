//! The actor: receives, calls a rule, sends. It never waits across an ask, and it boots closed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::messages::control::{Durability, HaltLevel, TradingState};
use domain::messages::ledger::{EventKind, OpenIntents, RecordDayStart, RecordEvent};
use domain::messages::limits::{ApprovalsSince, OwnPositions, RecordPeak, SetbacksSince};
use domain::messages::market_data::{
    AccountInWonQuery, AccountQuery, BarsQuery, OrderQuoteQuery, QuoteQuery,
};
use domain::messages::schedule::{DayClosed, SessionChanged};
use domain::messages::symbols::SymbolHalts;
use domain::messages::trading::{
    AskReconciled, DecisionMade, OrderUpdate, ProposalRefused, Reconciled, SaleLeftBehind,
};
use domain::messages::won::RecordWonDayStart;
use domain::{Clock, Currency, ExchangeClock, HaltEpoch, Instrument, IntentId, Market, Random};
use supervision::prelude::*;

use crate::authority::{CommitApproval, PlaceOrder};
use crate::book::Book;
use crate::breaker::Basis;
use crate::exits::ExitPlan;
use crate::exits::watch::Watch;
use crate::gate::{EmergencyHalt, GateKeeper};
use crate::halting::{
    CommitHalt, CommitLatch, CommitLimits, CommitRelease, HaltEpochQuery, HaltSystem, LoadTradingState,
    ResumeSystem,
};
use crate::limits::Limits;
use crate::moves::Moves;
use crate::person::{CommitResolution, CommitSymbolRelease};
use crate::prices::Prices;
use crate::rate::Approvals;
use crate::setbacks::Setbacks;
use crate::sight::Sight;
use crate::sizing::Sizing;
use crate::symbols::SymbolHaltBook;

mod account;
mod books;
mod desk;
mod exits;
mod flatten;
mod halt;
mod lots;
mod person;
mod propose;
mod resume;
mod setbacks;
mod sight;
mod start;
mod status;
mod tighten;
mod won;

pub use exits::EXITS_JUDGE;

use desk::Desk;
use halt::StandingHalt;
use lots::Lots;
use won::Won;

/// The longest wait for the ledger, except for a halt. Real time, like every deadline of an ask.
const LEDGER_WITHIN: Duration = Duration::from_secs(5);

/// The rules RiskGuard applies.
#[derive(Clone, Copy, Debug)]
pub struct RiskSettings {
    /// The limits, already checked against the hard ceilings.
    pub limits: Limits,
    /// How entries are sized.
    pub sizing: Sizing,
    /// Which loss halts.
    pub basis: Basis,
    /// When what is held is sold without being asked.
    pub exits: ExitPlan,
    /// Whether Broker cancels working orders at every halt, asked to or not.
    pub halt_cancels: bool,
}

/// The ledger, as RiskGuard reaches it.
#[derive(Clone, Debug)]
pub struct LedgerLinks {
    /// Intent, approval and reservation in one transaction.
    pub commit_approval: Link<CommitApproval>,
    /// A halt; best on the urgent lane.
    pub commit_halt: Link<CommitHalt>,
    /// A release.
    pub commit_release: Link<CommitRelease>,
    /// A flatten that has sold everything.
    pub commit_latch: Link<CommitLatch>,
    /// A change of the limits.
    pub commit_limits: Link<CommitLimits>,
    /// When orders were approved.
    pub approvals: Link<ApprovalsSince>,
    /// What speaks against buying a stock again. Must not overtake `refused`: both on the ordinary lane.
    pub setbacks: Link<SetbacksSince>,
    /// What this agent holds.
    pub positions: Link<OwnPositions>,
    /// How high it has stood.
    pub peaks: Link<RecordPeak>,
    /// Which halts stand.
    pub load_state: Link<LoadTradingState>,
    /// Whether a halt began or ended in the books.
    pub halt_epoch: Link<HaltEpochQuery>,
    /// Which orders are open. Must not overtake `commit_approval`: both on the ordinary lane.
    pub open_intents: Link<OpenIntents>,
    /// Which stocks are halted.
    pub symbol_halts: Link<SymbolHalts>,
    /// The halts of one stock, lifted by a person.
    pub release_symbol: Link<CommitSymbolRelease>,
    /// A dispute, ended by a person.
    pub resolve: Link<CommitResolution>,
    /// The equity a day started with.
    pub day_start: Link<RecordDayStart>,
    /// What a day of the account in won started with.
    pub won_day_start: Link<RecordWonDayStart>,
    /// Why something is sold, for `why`.
    pub decisions: Link<DecisionMade>,
    /// Refusals, for `why`.
    pub refused: Link<ProposalRefused>,
    /// Lines that people should see.
    pub events: Link<RecordEvent>,
}

/// Broker, as RiskGuard reaches it.
#[derive(Clone, Debug)]
pub struct BrokerLinks {
    /// An approved order to send.
    pub place: Link<PlaceOrder>,
    /// The account of a currency.
    pub account: Link<AccountQuery>,
    /// A quote, for the board lot that comes with it.
    pub quote: Link<QuoteQuery>,
    /// The price that an exit is decided by, in its own turn.
    pub order_quote: Link<OrderQuoteQuery>,
    /// A sale that no longer sells.
    pub left_behind: Link<SaleLeftBehind>,
    /// The account in won, with the rates of exchange.
    pub account_in_won: Link<AccountInWonQuery>,
    /// Daily bars of what is held.
    pub bars: Link<BarsQuery>,
    /// The halt that Broker must confirm; on the urgent lane.
    pub halt: Link<HaltSystem>,
    /// Whether reconciliation holds.
    pub reconciled: Link<AskReconciled>,
}

/// Everything RiskGuard needs, cloned into each of its lives.
#[derive(Clone)]
pub struct RiskDeps {
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// What the exchange's answers say of its clock.
    pub exchange_clock: Arc<dyn ExchangeClock>,
    /// For ids.
    pub random: Arc<dyn Random>,
    /// The right to open and close the gate.
    pub keeper: GateKeeper,
    /// The last resort of a halt.
    pub emergency: Arc<dyn EmergencyHalt>,
    /// The ledger.
    pub ledger: LedgerLinks,
    /// Broker.
    pub broker: BrokerLinks,
    /// Everyone but Broker who obeys a halt.
    pub halt_listeners: Vec<Link<HaltSystem>>,
    /// Everyone, Broker included, who goes on after a resume.
    pub resume_listeners: Vec<Link<ResumeSystem>>,
}

/// Limits, sizing, the day's loss and the trading state.
pub struct RiskGuard {
    settings: RiskSettings,
    /// The limits as they were set, before anybody made them stricter.
    configured: Limits,
    deps: RiskDeps,
    book: Book,
    desks: BTreeMap<Currency, Desk>,
    sessions: BTreeMap<Market, SessionChanged>,
    halts: Vec<StandingHalt>,
    /// What approvals carry. Ahead of the books while a halt is not in them, so that no approval of before is used.
    epoch: HaltEpoch,
    /// The newest epoch that the ledger told.
    books_epoch: HaltEpoch,
    approvals: Approvals,
    /// The ledger has told when orders were approved.
    approvals_known: bool,
    /// A flatten is being worked on.
    flattening: bool,
    /// What a flatten cannot sell by any order; people were told.
    stuck: BTreeSet<Instrument>,
    /// The ledger has told which halts stand.
    halts_known: bool,
    /// The ledger has told which orders are open.
    orders_known: bool,
    /// Stocks that take no new orders.
    symbol_halts: SymbolHaltBook,
    /// The ledger has told which stocks are halted.
    symbols_known: bool,
    /// An `OpenIntents` is on its way; and whether another must follow it.
    reading: Option<ReadAgain>,
    /// A `HaltEpochQuery` is on its way; and whether another must follow it.
    looking: Option<ReadAgain>,
    reconciled: Option<Reconciled>,
    /// Whether what is held has a price.
    sight: Sight,
    /// What entries are judged by.
    prices: Prices,
    /// What speaks against buying a stock again.
    setbacks: Setbacks,
    /// The ledger has told what speaks against it from before this life.
    setbacks_known: bool,
    /// The account in won.
    won: Won,
    /// Board lots that the exchange told.
    lots: Lots,
    /// What is known of what is held.
    exits: Watch,
    /// The books are being asked what is held.
    reading_holdings: bool,
    /// What of it is old, because an order of ours was filled or ended since the books were asked.
    moves: Moves,
    /// Sales that Broker was told the market has left behind.
    left_behind: BTreeSet<IntentId>,
}

/// Whether the same must be read once more after the read in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ReadAgain {
    Yes,
    No,
}

impl RiskGuard {
    /// A RiskGuard that knows nothing yet; it closes the gate here, before anything else can happen.
    pub fn new(settings: RiskSettings, deps: RiskDeps) -> Self {
        deps.keeper.close();
        Self {
            configured: settings.limits,
            settings,
            deps,
            book: Book::default(),
            desks: BTreeMap::new(),
            sessions: BTreeMap::new(),
            halts: Vec::new(),
            epoch: HaltEpoch::default(),
            books_epoch: HaltEpoch::default(),
            approvals: Approvals::default(),
            approvals_known: false,
            flattening: false,
            stuck: BTreeSet::new(),
            halts_known: false,
            orders_known: false,
            symbol_halts: SymbolHaltBook::default(),
            symbols_known: false,
            reading: None,
            looking: None,
            reconciled: None,
            sight: Sight::default(),
            prices: Prices::default(),
            setbacks: Setbacks::default(),
            setbacks_known: false,
            won: Won::default(),
            lots: Lots::default(),
            exits: Watch::default(),
            reading_holdings: false,
            moves: Moves::default(),
            left_behind: BTreeSet::new(),
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.deps.clock.now()
    }

    /// True when everything that must be known before the first order is known.
    fn is_ready(&self) -> bool {
        self.halts_known
            && self.orders_known
            && self.symbols_known
            && self.approvals_known
            && self.setbacks_known
            && self.reconciled.is_some()
    }

    /// Whether orders may leave, apart from any one currency.
    fn state(&self) -> TradingState {
        match self.halts.iter().map(|halt| halt.record.level).max() {
            Some(HaltLevel::Halted) => TradingState::Halted,
            _ if !self.is_ready() => TradingState::Starting,
            Some(HaltLevel::Reducing | HaltLevel::Flatten) => TradingState::Reducing,
            None => TradingState::Active,
        }
    }

    /// Whether orders may leave in one currency.
    fn state_of(&self, currency: Currency) -> TradingState {
        let recovered = self.reconciled.as_ref().is_some_and(|done| done.currencies.contains(&currency));
        let reducing = self.desks.get(&currency).is_some_and(|desk| desk.is_reducing(self.now()));
        match self.state() {
            TradingState::Active | TradingState::Reducing if !recovered => TradingState::Starting,
            TradingState::Active if reducing || self.is_won_below() || self.is_won_unknown() => {
                TradingState::Reducing
            }
            state @ (TradingState::Starting
            | TradingState::Active
            | TradingState::Reducing
            | TradingState::Halted) => state,
        }
    }

    /// Opens the gate when nothing stands against it, and closes it otherwise. True when it is open now.
    ///
    /// Reducing lets exits through, so it opens too; but not while the row is still being written, because until then
    /// the epoch is that of entries.
    fn settle_gate(&self) -> bool {
        let pending = self.halts.iter().any(|halt| halt.pending);
        let open = !pending && matches!(self.state(), TradingState::Active | TradingState::Reducing);
        if open {
            self.deps.keeper.open(self.epoch);
        } else {
            self.deps.keeper.close();
        }
        open
    }

    fn take_update(&mut self, update: &OrderUpdate, ctx: &mut Ctx<Self>) {
        self.note_setback(update, ctx);
        if self.book.update(update) {
            self.moves.note(&update.terms.instrument);
            let currency = update.terms.instrument.market.currency();
            self.desks.entry(currency).or_default().touch(update.at);
            self.read_holdings(ctx);
        }
    }

    /// Takes in an epoch of the books. They decide as soon as every halt is in them: an epoch of our own that they never
    /// saw would void every approval.
    fn take_epoch(&mut self, told: HaltEpoch) {
        self.books_epoch = self.books_epoch.max(told);
        let all_kept = self.halts.iter().all(|halt| halt.durability == Durability::Ledger);
        self.epoch = if all_kept { self.books_epoch } else { self.epoch.max(self.books_epoch) };
    }

    /// Writes a line that a person should look at.
    fn alarm(&self, market: Option<Market>, text: String) {
        tracing::warn!("{text}");
        let event = RecordEvent { kind: EventKind::Alarm, market, text };
        if let Err(error) = self.deps.ledger.events.tell(event) {
            tracing::error!(%error, "an alarm could not be recorded");
        }
    }
}

impl Drop for RiskGuard {
    /// Whatever ends a life, a crash, a drain or being given up, no order may leave without a RiskGuard to stop it.
    fn drop(&mut self) {
        self.deps.keeper.close();
    }
}

impl Actor for RiskGuard {
    type Context = Ctx<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.begin(ctx);
        self.watch_sight(ctx);
        self.read_holdings(ctx);
        self.watch_exits(ctx);
    }
}

impl Handler<SessionChanged> for RiskGuard {
    type Result = ();

    fn handle(&mut self, change: SessionChanged, _ctx: &mut Self::Context) {
        let now = self.now();
        self.sight.enter(change.market, change.trades(now), now);
        self.sessions.insert(change.market, change);
    }
}

impl Handler<DayClosed> for RiskGuard {
    type Result = ();

    /// Closing a day ends what was lapsed: the books know best what is still open.
    fn handle(&mut self, _closed: DayClosed, ctx: &mut Self::Context) {
        self.read_orders(ctx);
    }
}

impl Handler<OrderUpdate> for RiskGuard {
    type Result = ();

    fn handle(&mut self, update: OrderUpdate, ctx: &mut Self::Context) {
        self.take_update(&update, ctx);
    }
}

#[cfg(test)]
mod tests;
