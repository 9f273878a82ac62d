//! The eight actors: their addresses, who holds a link to whom, and where each lives.

use std::sync::Arc;
use std::time::Duration;

use brain::Brain;
use broker::{Broker, BrokerDeps, BrokerSettings};
use domain::messages::ledger::EventsCommitted;
use market_clock::MarketClock;
use notifier::{Notifier, NotifierDeps};
use optimizer::evolution::advice::AdviceLinks;
use optimizer::evolution::history::HistoryLinks;
use optimizer::evolution::round::RoundLinks;
use optimizer::evolution::search::SearchLinks;
use optimizer::evolution::watch::WatchLinks;
use optimizer::{Evolution, EvolutionLinks, Optimizer, OptimizerDeps, OptimizerSettings};
use risk_guard::{BrokerLinks, Gate, HaltSystem, LedgerLinks, ResumeSystem, RiskDeps, RiskGuard};
use scanner::Scanner;
use supervision::{Child, Exhausted, Failure, Link, Place, Restart, Slot, Supervisor, slot};
use trade_ledger::{LedgerDeps, TradeLedger};

use super::{Doors, Placement, World, settings};
use crate::config::Config;
use crate::proposals::Folders;

/// Letters that may wait at one actor before further ones are refused.
const MAILBOX: usize = 256;
/// A parked actor is tried again so often.
const PARKED_RETRY: Duration = Duration::from_secs(300);
/// The Broker may be waiting for the answer to its one POST, 5 s; the others have nothing that long.
const DRAIN_BROKER: Duration = Duration::from_millis(5_500);
const DRAIN: Duration = Duration::from_secs(2);

/// The eight addresses, made before their actors so that factories can be wired in any order.
pub(super) struct Slots {
    ledger: Slot<TradeLedger>,
    notifier: Slot<Notifier>,
    broker: Slot<Broker>,
    risk: Slot<RiskGuard>,
    optimizer: Slot<Optimizer>,
    brain: Slot<Brain>,
    scanner: Slot<Scanner>,
    clock: Slot<MarketClock>,
}

impl Slots {
    pub(super) fn new() -> Self {
        Self {
            ledger: slot("trade_ledger", MAILBOX),
            notifier: slot("notifier", MAILBOX),
            broker: slot("broker", MAILBOX),
            risk: slot("risk_guard", MAILBOX),
            optimizer: slot("optimizer", MAILBOX),
            brain: slot("brain", MAILBOX),
            scanner: slot("scanner", MAILBOX),
            clock: slot("market_clock", MAILBOX),
        }
    }

    pub(super) fn doors(&self) -> Doors {
        Doors {
            halt: self.risk.urgent_link(),
            reduce: self.risk.urgent_link(),
            tighten: self.risk.link(),
            withdraw: self.risk.link(),
            limits: self.risk.link(),
            resume: self.risk.link(),
            release: self.risk.link(),
            resolve: self.risk.link(),
            status: self.risk.link(),
            judge: self.brain.link(),
            oracle_calls: self.ledger.link(),
            decide: self.ledger.link(),
            summary: self.ledger.link(),
            intents: self.ledger.link(),
            events: self.ledger.link(),
            record: self.ledger.certain_link(),
            chat_place: self.ledger.link(),
            book_chat: self.ledger.link(),
            account: self.broker.link(),
            proposals: self.risk.link(),
            quotes: self.broker.link(),
            see_bars: self.scanner.link(),
            strategies: self.ledger.link(),
            overrides: self.clock.link(),
            day_closed: self.optimizer.link(),
        }
    }

    /// Everyone who obeys a halt, but the Broker, whose answer is waited for.
    fn halt_listeners(&self) -> Vec<Link<HaltSystem>> {
        vec![
            self.ledger.urgent_link(),
            self.notifier.urgent_link(),
            self.optimizer.urgent_link(),
            self.brain.urgent_link(),
            self.scanner.urgent_link(),
            self.clock.urgent_link(),
        ]
    }

    fn resume_listeners(&self) -> Vec<Link<ResumeSystem>> {
        vec![
            self.ledger.certain_link(),
            self.notifier.certain_link(),
            self.broker.certain_link(),
            self.optimizer.certain_link(),
            self.brain.certain_link(),
            self.scanner.certain_link(),
            self.clock.certain_link(),
        ]
    }

    fn risk_deps(&self, world: &World, keeper: risk_guard::GateKeeper) -> RiskDeps {
        RiskDeps {
            clock: world.clock.clone(),
            exchange_clock: world.exchange.clone(),
            random: world.random.clone(),
            keeper,
            emergency: world.emergency.clone(),
            ledger: LedgerLinks {
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
                // On the same lane as the approvals, which it must not overtake.
                open_intents: self.ledger.link(),
                symbol_halts: self.ledger.link(),
                release_symbol: self.ledger.link(),
                resolve: self.ledger.link(),
                day_start: self.ledger.link(),
                won_day_start: self.ledger.link(),
                decisions: self.ledger.link(),
                refused: self.ledger.lossy_link(),
                events: self.ledger.certain_link(),
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
            halt_listeners: self.halt_listeners(),
            resume_listeners: self.resume_listeners(),
        }
    }

    fn broker_deps(&self, world: &World, gate: Gate) -> BrokerDeps {
        BrokerDeps {
            clock: world.clock.clone(),
            random: world.random.clone(),
            exchange: world.exchange.clone(),
            stream: world.stream.clone(),
            gate,
            ledger: broker::LedgerLinks {
                begin_sending: self.ledger.link(),
                record_outcome: self.ledger.certain_link(),
                abandon_sending: self.ledger.link(),
                book_inquiry: self.ledger.link(),
                close_day: self.ledger.link(),
                unclosed_days: self.ledger.link(),
                journalled: self.ledger.link(),
                open_intents: self.ledger.link(),
                events: self.ledger.certain_link(),
                holdings: self.ledger.link(),
                unknowns: self.ledger.link(),
            },
            risk: broker::RiskLinks {
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

    fn clock_deps(&self, world: &World) -> market_clock::Deps {
        market_clock::Deps {
            clock: world.clock.clone(),
            ledger: market_clock::LedgerLinks {
                book: self.ledger.link(),
                booked: self.ledger.link(),
                events: self.ledger.certain_link(),
            },
            broker: market_clock::BrokerLinks {
                last_trade: self.broker.link(),
                listed_days: self.broker.link(),
            },
            session_changed: vec![self.risk.certain_link(), self.broker.certain_link(), self.notifier.link()],
            guards: vec![self.risk.link(), self.broker.link()],
            scan_due: vec![self.scanner.link()],
            decide_due: vec![self.brain.link()],
            day_ended: vec![self.risk.certain_link(), self.broker.certain_link()],
            closers: vec![self.broker.link()],
            day_closed: vec![self.optimizer.certain_link()],
        }
    }

    fn scanner_deps(&self, world: &World) -> scanner::Deps {
        scanner::Deps {
            clock: world.clock.clone(),
            rankings: self.broker.link(),
            bars: self.broker.link(),
            quotes: self.broker.link(),
            account: self.broker.link(),
            waits: self.risk.link(),
            traded: self.ledger.link(),
            strategies: self.ledger.link(),
            selections: self.ledger.lossy_link(),
            bars_seen: self.ledger.lossy_link(),
            candidates: self.brain.lossy_link(),
        }
    }

    fn brain_deps(&self, world: &World) -> brain::Deps {
        brain::Deps {
            clock: world.clock.clone(),
            random: world.random.clone(),
            oracle: world.oracle.clone(),
            budget: self.ledger.link(),
            settle: self.ledger.certain_link(),
            consultations: self.ledger.link(),
            quota: self.ledger.link(),
            earlier_calls: self.ledger.link(),
            outcomes: self.ledger.link(),
            memory: self.ledger.link(),
            strategies: self.ledger.link(),
            positions: self.ledger.link(),
            decisions: self.ledger.link(),
            quotes: self.broker.link(),
            account: self.broker.link(),
            status: self.risk.link(),
            limits: self.risk.link(),
            proposals: self.risk.link(),
        }
    }

    fn notifier_deps(&self, config: &Config, world: &World) -> NotifierDeps {
        NotifierDeps {
            messenger: world.messenger.clone(),
            reporter: world.reporter.clone(),
            topics: config.telegram.as_ref().map(|settings| settings.topics.clone()).unwrap_or_default(),
            events_after: self.ledger.link(),
            get_cursor: self.ledger.link(),
            set_cursor: self.ledger.link(),
            record: self.ledger.certain_link(),
            status: self.risk.link(),
        }
    }

    fn optimizer_deps(&self, config: &Config) -> OptimizerDeps {
        let folders: Option<Arc<dyn optimizer::Folders>> = config.database.directory().map(|directory| {
            Arc::new(Folders::beside_books(directory, config.retain_proposals)) as Arc<dyn optimizer::Folders>
        });
        // A search that is off leaves a market trading by what is active: that is watched all the same.
        let evolution = Evolution {
            search: settings::evolution(config),
            shadow: optimizer::gauntlet::shadow::Rules::default(),
            links: self.evolution_links(),
            folders,
        };
        OptimizerDeps { losers: self.ledger.link(), record: self.ledger.link(), evolution: Some(evolution) }
    }

    /// Everything that evolution keeps is TradeLedger's; the model is Brain's, and new bars are fetched by Scanner.
    fn evolution_links(&self) -> EvolutionLinks {
        let ledger = &self.ledger;
        EvolutionLinks {
            round: RoundLinks {
                search: SearchLinks {
                    begin: ledger.link(),
                    elites: ledger.link(),
                    tried: ledger.link(),
                    record: ledger.link(),
                },
                history: HistoryLinks {
                    stocks: ledger.link(),
                    bars: ledger.link(),
                    see: Some(self.scanner.link()),
                },
                advice: Some(AdviceLinks {
                    closed: ledger.link(),
                    bars: ledger.link(),
                    elites: ledger.link(),
                    rejects: ledger.link(),
                    model: self.brain.link(),
                }),
                trials: ledger.link(),
                totals: ledger.link(),
                windows: ledger.link(),
                spend: ledger.link(),
                judge: ledger.link(),
                seen: ledger.link(),
                active: ledger.link(),
                draft: ledger.link(),
                end: ledger.link(),
            },
            watch: WatchLinks {
                proposals: ledger.link(),
                follow: ledger.link(),
                look: ledger.link(),
                judge: ledger.link(),
                active: ledger.link(),
                change: ledger.link(),
            },
            cycles: ledger.link(),
        }
    }
}

/// Adds the actors in start order; they drain in reverse (architecture 4).
pub(super) fn add_all(
    supervisor: &mut Supervisor,
    slots: Slots,
    config: &Config,
    world: &World,
    placement: Placement,
) -> Result<(), String> {
    let (keeper, gate) = risk_guard::gate();
    let gate = gate.shut_by(world.emergency.clone());
    let wiring = Wiring::new(&slots, config, world, keeper, gate)?;
    let books = world.books.clone();
    let ledger = wiring.ledger;
    supervisor.child(critical(placement.apart("ledger"), DRAIN), slots.ledger, move |_| {
        books().map(|store| TradeLedger::new(store, ledger.clone())).map_err(Failure::new)
    });
    let deps = wiring.notifier;
    supervisor.child(parked(Place::Here), slots.notifier, move |_| Ok(Notifier::new(deps.clone())));
    let (set, deps) = wiring.broker;
    let spec = critical(placement.apart("safety"), DRAIN_BROKER);
    supervisor.child(spec, slots.broker, move |_| Ok(Broker::new(set.clone(), deps.clone())));
    let (set, deps) = wiring.risk;
    let spec = critical(placement.apart("safety"), DRAIN);
    supervisor.child(spec, slots.risk, move |_| Ok(RiskGuard::new(set, deps.clone())));
    let (set, deps) = wiring.optimizer;
    let place = placement.apart("optimizer");
    supervisor.child(parked(place), slots.optimizer, move |_| Ok(Optimizer::new(set, deps.clone())));
    let (set, deps) = wiring.brain;
    supervisor.child(parked(Place::Here), slots.brain, move |_| Ok(Brain::new(set.clone(), deps.clone())));
    let (set, deps) = wiring.scanner;
    supervisor
        .child(parked(Place::Here), slots.scanner, move |_| Ok(Scanner::new(set.clone(), deps.clone())));
    let (set, deps) = wiring.clock;
    let spec = critical(Place::Here, DRAIN);
    supervisor.child(spec, slots.clock, move |_| Ok(MarketClock::new(set.clone(), deps.clone())));
    Ok(())
}

/// What each factory needs: settings and links.
struct Wiring {
    ledger: LedgerDeps,
    notifier: NotifierDeps,
    broker: (BrokerSettings, BrokerDeps),
    risk: (risk_guard::RiskSettings, RiskDeps),
    optimizer: (OptimizerSettings, OptimizerDeps),
    brain: (brain::Settings, brain::Deps),
    scanner: (scanner::Settings, scanner::Deps),
    clock: (market_clock::Settings, market_clock::Deps),
}

impl Wiring {
    fn new(
        slots: &Slots,
        config: &Config,
        world: &World,
        keeper: risk_guard::GateKeeper,
        gate: Gate,
    ) -> Result<Self, String> {
        let subscribers: Vec<Link<EventsCommitted>> = vec![slots.notifier.lossy_link()];
        Ok(Self {
            ledger: LedgerDeps {
                clock: world.clock.clone(),
                fencing: world.fencing,
                subscribers,
                halt: slots.risk.urgent_link(),
                retention: config.retention,
            },
            notifier: slots.notifier_deps(config, world),
            broker: (settings::broker(config), slots.broker_deps(world, gate)),
            risk: (settings::risk(config)?, slots.risk_deps(world, keeper)),
            optimizer: (
                OptimizerSettings { min_confidence: settings::confident(config) },
                slots.optimizer_deps(config),
            ),
            brain: (brain_settings(config, world), slots.brain_deps(world)),
            scanner: (settings::scanner(config, Arc::new(world.rules.clone())), slots.scanner_deps(world)),
            clock: (settings::schedule(config, world.clock.now()), slots.clock_deps(world)),
        })
    }
}

fn brain_settings(config: &Config, world: &World) -> brain::Settings {
    brain::Settings {
        strategy: Arc::new(world.rules.clone()),
        confidence_threshold: config.confidence_threshold,
        budget: settings::budget(config),
        answer_within: config.answer_within,
    }
}

fn critical(place: Place, drain: Duration) -> Child {
    Child { place, restart: Restart::Permanent, exhausted: Exhausted::Escalate, drain }
}

fn parked(place: Place) -> Child {
    Child {
        place,
        restart: Restart::Permanent,
        exhausted: Exhausted::Park { retry: PARKED_RETRY },
        drain: DRAIN,
    }
}
