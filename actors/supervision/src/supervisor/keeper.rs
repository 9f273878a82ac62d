//! The supervisor at work: one task that hears of every end of a life and every due time, and gives the orders.

use std::{
    collections::{BTreeMap, BTreeSet},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use actix::Arbiter;
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    Child, Escalate, Escalation, Exhausted, Note, Policy, Strategy,
    rules::{Crashes, Jitter, Remedy, remedy},
    shutdown::Shutdown,
};
use crate::{
    Exit, State, Vitals,
    cell::{KillReason, Order},
};

/// Stalls are looked for this many times per limit.
const PROBES_PER_LIMIT: u32 = 4;
const PROBE_MIN: Duration = Duration::from_millis(10);

/// Where the supervisor believes a child to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Started.
    Up,
    /// Ordered to die; its end has not been heard of.
    Dying,
    /// Dead; to be started at this time.
    Due(Instant),
    /// Dead, as part of a group that waits for its last member, or not launched yet.
    Grouped,
    /// Given up; only a recycle starts it again.
    GivenUp,
    /// Stopped for good.
    Retired,
}

/// One child, as its supervisor sees it.
pub(super) struct Ward {
    pub(super) spec: Child,
    pub(super) vitals: Arc<Vitals>,
    pub(super) phase: Phase,
    orders: mpsc::UnboundedSender<Order>,
    crashes: Crashes,
    started_before: bool,
}

impl Ward {
    pub(super) fn new(spec: Child, orders: mpsc::UnboundedSender<Order>, vitals: Arc<Vitals>) -> Self {
        Self {
            spec,
            vitals,
            phase: Phase::Grouped,
            orders,
            crashes: Crashes::default(),
            started_before: false,
        }
    }

    /// A cell that no longer listens has stopped with its thread; there is nobody left to order about.
    pub(super) fn order(&self, order: Order) {
        let _cell_is_gone = self.orders.send(order);
    }

    fn start(&mut self) {
        if std::mem::replace(&mut self.started_before, true) {
            self.vitals.restarted();
        }
        self.phase = Phase::Up;
        self.order(Order::Start);
    }

    fn kill(&mut self, reason: KillReason) {
        self.phase = Phase::Dying;
        self.order(Order::Kill(reason));
    }

    pub(super) fn retire(&mut self) {
        self.phase = Phase::Retired;
        self.order(Order::Retire);
    }
}

/// Siblings that are restarted together, once the last of them is down.
struct Group {
    members: BTreeSet<usize>,
    awaited: BTreeSet<usize>,
    delay: Duration,
}

pub(super) struct Keeper {
    policy: Policy,
    escalate: Escalate,
    pub(super) wards: Vec<Ward>,
    jitter: Jitter,
    group: Option<Group>,
    health_at: Option<Instant>,
    probe_at: Option<Instant>,
    pub(super) shutdown: Option<Shutdown>,
    threads: BTreeMap<&'static str, Arbiter>,
}

impl Keeper {
    pub(super) fn new(
        policy: Policy,
        escalate: Escalate,
        mut wards: Vec<Ward>,
        threads: BTreeMap<&'static str, Arbiter>,
    ) -> Self {
        let now = Instant::now();
        wards.iter_mut().for_each(|ward| ward.phase = Phase::Due(now));
        Self {
            policy,
            escalate,
            wards,
            jitter: Jitter(policy.jitter_seed),
            group: None,
            health_at: policy.health_every.map(|every| now + every),
            probe_at: policy.backlog_limit.map(|limit| now + probe_period(limit)),
            shutdown: None,
            threads,
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Note>) {
        loop {
            self.attend(Instant::now());
            if self.shutdown.as_mut().is_some_and(Shutdown::is_over) {
                break;
            }
            let note = match self.next_due() {
                Some(due) => timeout_at(due, inbox.recv()).await.unwrap_or_default(),
                None => inbox.recv().await,
            };
            if let Some(note) = note {
                self.hear(note, Instant::now());
            }
        }
        for arbiter in self.threads.values() {
            arbiter.stop();
        }
    }

    fn hear(&mut self, note: Note, now: Instant) {
        match note {
            Note::Exited { child, exit } => self.on_exit(child, exit, now),
            Note::Recycle { child } => self.recycle(child, now),
            Note::Shutdown { within, reply } => self.begin_shutdown(now + within, reply, now),
            #[cfg(feature = "faults")]
            Note::Inject { child, fault } => {
                if let Some(ward) = self.wards.get(child) {
                    ward.order(Order::Fault(fault));
                }
            }
        }
    }

    /// Does whatever is due.
    fn attend(&mut self, now: Instant) {
        for ward in &mut self.wards {
            if matches!(ward.phase, Phase::Due(at) if at <= now) {
                ward.start();
            }
        }
        if let Some(every) = self.policy.health_every.filter(|_| is_due(self.health_at, now)) {
            self.health_at = Some(now + every.max(PROBE_MIN));
            self.wards.iter().for_each(|ward| ward.vitals.log());
        }
        if let Some(limit) = self.policy.backlog_limit.filter(|_| is_due(self.probe_at, now)) {
            self.probe_at = Some(now + probe_period(limit));
            self.kill_the_stalled(limit);
        }
        self.enforce_drain_limits(now);
    }

    fn next_due(&self) -> Option<Instant> {
        let starts = self.wards.iter().filter_map(|ward| match ward.phase {
            Phase::Due(at) => Some(at),
            Phase::Up | Phase::Dying | Phase::Grouped | Phase::GivenUp | Phase::Retired => None,
        });
        let drain_limit = self.shutdown.as_ref().map(Shutdown::limit);
        starts.chain(self.health_at).chain(self.probe_at).chain(drain_limit).min()
    }

    fn kill_the_stalled(&mut self, limit: Duration) {
        for ward in &mut self.wards {
            let vitals = &ward.vitals;
            let stuck = vitals.stalled() > limit || vitals.oldest_in_flight() > limit;
            // One that is busy holds its thread: killing it needs that very thread. The watchdog sees to it.
            let idle = vitals.busy().is_zero();
            if stuck && idle && ward.phase == Phase::Up && vitals.state() == State::Running {
                tracing::error!(actor = vitals.name, msg = vitals.awaited(), "actor makes no progress");
                ward.kill(KillReason::Stalled);
            }
        }
    }

    fn on_exit(&mut self, child: usize, exit: Exit, now: Instant) {
        let Some(ward) = self.wards.get_mut(child) else { return };
        if ward.phase == Phase::Retired {
            return;
        }
        if exit == Exit::Drained {
            ward.phase = Phase::Retired;
            return self.drain_next(child, now);
        }
        tracing::error!(actor = ward.vitals.name, %exit, "actor down");
        if self.group.as_ref().is_some_and(|group| group.awaited.contains(&child)) {
            return self.join_group(child, now);
        }
        match remedy(ward.spec.restart, &exit) {
            Remedy::Retire => {
                ward.retire();
                self.drain_next(child, now);
            }
            Remedy::Refresh => ward.phase = Phase::Due(now),
            Remedy::Restart if ward.crashes.count(now, &self.policy) => self.exhausted(child, exit, now),
            Remedy::Restart => {
                let delay = ward.crashes.backoff(&self.policy, &mut self.jitter);
                self.restart(child, delay, now);
            }
        }
    }

    /// Restarting does not help.
    fn exhausted(&mut self, child: usize, exit: Exit, now: Instant) {
        let draining = self.is_draining(child);
        let Some(ward) = self.wards.get_mut(child) else { return };
        if draining {
            ward.retire();
            return self.cut_off(child, now);
        }
        match ward.spec.exhausted {
            Exhausted::Park { retry } => {
                ward.phase = Phase::Due(now + retry);
                ward.vitals.change(State::Parked);
            }
            Exhausted::Escalate => {
                ward.phase = Phase::GivenUp;
                let escalation = Escalation { actor: ward.vitals.name, exit };
                tracing::error!(actor = escalation.actor, "restarts exhausted, escalating");
                let told = catch_unwind(AssertUnwindSafe(|| (self.escalate)(escalation)));
                if told.is_err() {
                    tracing::error!("the escalation itself panicked");
                }
            }
        }
    }

    /// Restarts a child after a delay, and with it whom the strategy demands.
    fn restart(&mut self, child: usize, delay: Duration, now: Instant) {
        let companions = self.companions(child);
        if companions.is_empty() && self.group.is_none() {
            return self.set_phase(child, Phase::Due(now + delay));
        }
        self.set_phase(child, Phase::Grouped);
        for &companion in companions.iter().rev() {
            if let Some(ward) = self.wards.get_mut(companion) {
                ward.kill(KillReason::Group);
            }
        }
        let none = || Group { members: BTreeSet::new(), awaited: BTreeSet::new(), delay };
        let group = self.group.get_or_insert_with(none);
        group.delay = group.delay.max(delay);
        group.members.insert(child);
        group.members.extend(&companions);
        group.awaited.extend(&companions);
        self.release_group(now);
    }

    /// The siblings that go down with a child. Nobody does in a shutdown.
    fn companions(&self, child: usize) -> BTreeSet<usize> {
        let from = match self.policy.strategy {
            Strategy::OneForOne => self.wards.len(),
            Strategy::RestForOne => child + 1,
            Strategy::OneForAll => 0,
        };
        let up = |index: &usize| self.wards.get(*index).is_some_and(|ward| ward.phase == Phase::Up);
        let affected = (from..self.wards.len()).filter(|index| *index != child);
        affected.filter(up).filter(|_| self.shutdown.is_none()).collect()
    }

    fn join_group(&mut self, child: usize, now: Instant) {
        self.set_phase(child, Phase::Grouped);
        if let Some(group) = &mut self.group {
            group.awaited.remove(&child);
        }
        self.release_group(now);
    }

    /// Once the last member is down, all of them become due, and start in their order.
    fn release_group(&mut self, now: Instant) {
        if let Some(group) = self.group.take_if(|group| group.awaited.is_empty()) {
            for member in group.members {
                self.set_phase(member, Phase::Due(now + group.delay));
            }
        }
    }

    fn recycle(&mut self, child: usize, now: Instant) {
        let Some(ward) = self.wards.get_mut(child) else { return };
        match ward.phase {
            Phase::Up => ward.kill(KillReason::Recycled),
            Phase::Due(_) | Phase::GivenUp => ward.phase = Phase::Due(now),
            Phase::Dying | Phase::Grouped | Phase::Retired => {}
        }
    }

    fn set_phase(&mut self, child: usize, phase: Phase) {
        if let Some(ward) = self.wards.get_mut(child) {
            ward.phase = phase;
        }
    }
}

fn is_due(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| at <= now)
}

fn probe_period(limit: Duration) -> Duration {
    (limit / PROBES_PER_LIMIT).max(PROBE_MIN)
}
