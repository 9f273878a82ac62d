//! Who is linked to whom: RiskGuard, Broker, TradeLedger, and the way to the ledger between the last two.

use std::sync::{Arc, Mutex};

use actix::{Addr, Context};
use domain::messages::ledger::LedgerError;
use risk_guard::{BrokerLinks, GateKeeper, RiskDeps, RiskGuard};
use supervision::Slot;
use trade_ledger::{PermitRefused, SendPermit, TradeLedger};

use super::super::*;
use super::doubles::{Air, Counter, NoFile, Seen, Shared, Venue};

/// The way to the ledger: may be slow, silent or lose what it carries.
struct Way {
    shared: Shared,
    permit: Link<BeginSending>,
    outcome: Link<RecordOutcome>,
}

impl Actor for Way {
    type Context = Context<Self>;
}

impl Handler<BeginSending> for Way {
    type Result = ResponseFuture<Result<SendPermit, PermitRefused>>;

    fn handle(&mut self, begin: BeginSending, _ctx: &mut Self::Context) -> Self::Result {
        let takes = self.shared.lock().unwrap().permit_takes;
        let answer = self.permit.ask(begin, Duration::from_secs(5));
        Box::pin(async move {
            let answer = answer.await.unwrap();
            match takes {
                Some(takes) => tokio::time::sleep(takes).await,
                None => std::future::pending().await,
            }
            answer
        })
    }
}

impl Handler<RecordOutcome> for Way {
    type Result = ResponseFuture<Result<OrderUpdate, LedgerError>>;

    fn handle(&mut self, record: RecordOutcome, _ctx: &mut Self::Context) -> Self::Result {
        let mut facts = self.shared.lock().unwrap();
        if let Some(brought) = &mut facts.overtaken {
            *brought += 1;
            return Box::pin(async { Err(LedgerError::Fenced) });
        }
        if let Some(left) = facts.outcomes_lost.checked_sub(1) {
            facts.outcomes_lost = left;
            return Box::pin(async { Err(LedgerError::Storage("locked".into())) });
        }
        let answer = self.outcome.ask(record, Duration::from_secs(5));
        Box::pin(async move { answer.await.unwrap() })
    }
}

pub(super) struct Slots {
    pub(super) ledger: Slot<TradeLedger>,
    pub(super) broker: Slot<Broker>,
    pub(super) risk: Slot<RiskGuard>,
}

impl Slots {
    pub(super) fn risk_deps(&self, shared: &Shared, clock: &Arc<dyn Clock>, keeper: GateKeeper) -> RiskDeps {
        RiskDeps {
            clock: clock.clone(),
            exchange_clock: Arc::new(Seen(shared.clone())),
            random: Arc::new(Counter(Mutex::new(0))),
            keeper,
            emergency: Arc::new(NoFile),
            ledger: risk_guard::LedgerLinks {
                commit_approval: self.ledger.link(),
                commit_halt: self.ledger.urgent_link(),
                commit_release: self.ledger.link(),
                commit_latch: self.ledger.link(),
                commit_limits: self.ledger.link(),
                approvals: self.ledger.link(),
                setbacks: self.ledger.link(),
                positions: self.ledger.link(),
                peaks: self.ledger.link(),
                load_state: self.ledger.link(),
                halt_epoch: self.ledger.link(),
                open_intents: self.ledger.link(),
                symbol_halts: self.ledger.link(),
                release_symbol: self.ledger.link(),
                resolve: self.ledger.link(),
                day_start: self.ledger.link(),
                won_day_start: self.ledger.link(),
                decisions: self.ledger.link(),
                refused: self.ledger.link(),
                events: self.ledger.link(),
            },
            broker: BrokerLinks {
                place: self.broker.link(),
                account: self.broker.link(),
                account_in_won: self.broker.link(),
                quote: self.broker.link(),
                order_quote: self.broker.link(),
                left_behind: self.broker.link(),
                bars: self.broker.link(),
                halt: self.broker.urgent_link(),
                reconciled: self.broker.link(),
            },
            halt_listeners: Vec::new(),
            resume_listeners: vec![self.broker.link()],
        }
    }

    pub(super) fn broker_deps(&self, shared: &Shared, clock: &Arc<dyn Clock>, gate: Gate) -> BrokerDeps {
        let (permit, outcome) = (self.ledger.link(), self.ledger.link());
        let way: Addr<Way> = Way { shared: shared.clone(), permit, outcome }.start();
        BrokerDeps {
            clock: clock.clone(),
            random: Arc::new(Counter(Mutex::new(1_000))),
            exchange: Arc::new(Venue { shared: shared.clone(), clock: clock.clone() }),
            stream: Some(Arc::new(Air(shared.clone()))),
            gate,
            ledger: LedgerLinks {
                begin_sending: Link::from_recipient(way.clone().recipient()),
                record_outcome: Link::from_recipient(way.recipient()),
                abandon_sending: self.ledger.link(),
                book_inquiry: self.ledger.link(),
                close_day: self.ledger.link(),
                unclosed_days: self.ledger.link(),
                journalled: self.ledger.link(),
                open_intents: self.ledger.link(),
                events: self.ledger.link(),
                holdings: self.ledger.link(),
                unknowns: self.ledger.link(),
            },
            risk: RiskLinks {
                order_update: self.risk.certain_link(),
                account_updated: self.risk.certain_link(),
                account_missed: self.risk.certain_link(),
                reconciled: self.risk.certain_link(),
                halt: self.risk.urgent_link(),
                halted_by_books: self.risk.certain_link(),
                symbol_halted: self.risk.certain_link(),
                price_seen: self.risk.lossy_link(),
            },
        }
    }
}
