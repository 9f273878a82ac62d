//! What the answers say to a person.

use std::fmt;

use domain::HaltNonce;
use domain::messages::control::{Durability, HaltCancels, HaltLevel, HaltRecord, TradingState};

use super::{Halted, Order, Reply, Resumed, Status, WaitingStock};
use crate::control::answers;
use crate::control::judges;
use crate::control::stocks::{Line, show_released};

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.terms, self.state, self.intent)
    }
}

/// A halt in one sentence: since when, by whom, why, and the code that a resume from afar must quote.
pub fn describe(halt: &HaltRecord) -> String {
    let since = halt.at.format("%Y-%m-%d %H:%M:%S UTC");
    let effect = match (halt.level, halt.cancel_open) {
        (HaltLevel::Halted, false) => "halted",
        (HaltLevel::Halted, true) => "halted, cancelling open orders,",
        (HaltLevel::Reducing, false) => "reduced to exits",
        (HaltLevel::Reducing, true) => "reduced to exits, cancelling open purchases,",
        // It cancels open purchases in any case.
        (HaltLevel::Flatten, false | true) => "selling everything, then halting,",
    };
    let HaltRecord { by, source, reason, id, nonce, .. } = halt;
    let code = if nonce.as_str().is_empty() { String::new() } else { format!(", code {nonce}") };
    format!("{effect} since {since} by {by} ({source}): {reason} [{id}{code}]")
}

/// The same without that code, for whoever may read and not resume.
pub fn describe_openly(halt: &HaltRecord) -> String {
    describe(&HaltRecord { nonce: HaltNonce::default(), ..halt.clone() })
}

/// What lifts the halts that stand, one command per line: where there are several, a resume names one.
pub fn lifting(program: &str, halts: &[HaltRecord]) -> Vec<String> {
    match halts {
        [_only] => vec![format!("{program} resume")],
        several => several.iter().map(|halt| format!("{program} resume --halt {}", halt.id)).collect(),
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Halted(halted) => halted.fmt(f),
            Self::Resumed(resumed) => resumed.fmt(f),
            Self::Released(released) => show_released(released, f),
            Self::DisputeEnded(ended) => ended.fmt(f),
            Self::Status(status) => status.fmt(f),
            Self::Told(told) => f.write_str(&answers::show(&told.books)),
            Self::ReadAlone { why } => f.write_str(why),
            Self::Limits(limits) => limits.fmt(f),
            Self::Budget(budget) => budget.fmt(f),
            Self::Decided(record) => write!(
                f,
                "Proposal {} is {} now. See it with: kestrel proposals show {}",
                record.number, record.status, record.number
            ),
            Self::Done => f.write_str("done"),
            Self::Error { message } => f.write_str(message),
        }
    }
}

impl fmt::Display for Halted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Trading is {}.", describe(&self.halt))?;
        writeln!(f, "{}", durability(self.durability))?;
        match (self.broker_confirmed, self.lists_nothing()) {
            (true, true) => writeln!(f, "Nothing is sent: this process has no Broker that trades.")?,
            (true, false) => writeln!(f, "Broker has confirmed: {}.", confirmed(self.halt.level))?,
            (false, _) => writeln!(f, "Broker has NOT confirmed in time. Check with: kestrel status")?,
        }
        let works = self.open.as_ref().is_some_and(|open| !open.is_empty());
        match self.cancels {
            HaltCancels::NotWanted if !works || !self.broker_confirmed => {}
            HaltCancels::NotWanted => {
                writeln!(f, "Orders being cancelled: none; open orders go on working.")?;
            }
            HaltCancels::Requested(count) => writeln!(f, "Orders being cancelled: {count}")?,
            HaltCancels::Pending => writeln!(f, "Working orders are cancelled as soon as they are known.")?,
        }
        if let Some(at) = self.listed_as_of {
            writeln!(
                f,
                "Nobody could be asked what is open and held. The ledger, last written {} UTC, says:",
                answers::instant(at)
            )?;
        }
        list(f, "Orders open", self.open.as_deref())?;
        list(f, "Orders unknown", self.unknown.as_deref())?;
        list(f, "Positions", self.positions.as_deref())?;
        self.note.iter().chain(&self.not_kept).try_for_each(|note| writeln!(f, "{note}"))?;
        // Others may stand besides, so it is named.
        write!(f, "Go on with: kestrel resume --halt {}", self.halt.id)
    }
}

fn confirmed(level: HaltLevel) -> &'static str {
    match level {
        HaltLevel::Halted => "nothing more will be sent",
        HaltLevel::Reducing => "only exits will be sent",
        HaltLevel::Flatten => "only exits will be sent, and once everything is sold, nothing",
    }
}

fn durability(durability: Durability) -> &'static str {
    match durability {
        Durability::Ledger => "The halt is on disk and survives a restart.",
        Durability::EmergencyFile => {
            "The ledger did not answer; the halt is in the file HALT of the data directory and survives a restart."
        }
        Durability::NotDurable => {
            "The halt could NOT be written: it holds in this process only. Do not restart before the disk is mended."
        }
    }
}

/// How many there are and which; what nobody could be asked is not zero.
fn list(f: &mut fmt::Formatter<'_>, what: &str, lines: Option<&[impl fmt::Display]>) -> fmt::Result {
    let Some(lines) = lines else { return writeln!(f, "{what}: unknown, nobody could be asked") };
    writeln!(f, "{what}: {}", lines.len())?;
    lines.iter().try_for_each(|line| writeln!(f, "  {line}"))
}

impl fmt::Display for Resumed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for halt in &self.lifted {
            writeln!(f, "Lifted: {}", describe(halt))?;
        }
        match self.state {
            TradingState::Active => write!(f, "Trading goes on."),
            TradingState::Reducing => {
                write!(f, "Exits go on; entries stay stopped. Lift that with: kestrel resume")
            }
            TradingState::Starting => {
                write!(f, "Trading goes on as soon as the Broker has reconciled. See: kestrel status")
            }
            TradingState::Halted => write!(f, "Another halt still stands. See: kestrel status"),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "kestrel {} on {}, exchange time {}", self.version, self.venue, self.time)?;
        match self.trading {
            Some(state) => writeln!(f, "trading: {state}")?,
            None => writeln!(f, "trading: RiskGuard does not answer, so nothing is approved")?,
        }
        self.halts.iter().try_for_each(|halt| writeln!(f, "  {}", describe(halt)))?;
        self.symbol_halts.iter().try_for_each(|halt| writeln!(f, "  {}", Line(halt)))?;
        self.entry_blocks.iter().try_for_each(|why| writeln!(f, "  no new entries: {why}"))?;
        for WaitingStock { instrument, wait } in &self.waits {
            writeln!(f, "  {instrument} {wait}")?;
        }
        self.markets.iter().try_for_each(|market| writeln!(f, "{market}"))?;
        for (currency, pct) in &self.day_pnl_pct {
            writeln!(
                f,
                "day {currency}: {}",
                pct.as_ref().map_or("unknown".into(), |pct| format!("{pct} %"))
            )?;
        }
        self.account_in_won.iter().try_for_each(|worth| writeln!(f, "{worth}"))?;
        self.judge.iter().try_for_each(|judge| {
            writeln!(f, "{}", judges::Line(judge))?;
            write!(f, "{}", judges::Strategies(&judge.strategies))
        })?;
        self.evolution.iter().try_for_each(|line| writeln!(f, "evolution {line}"))?;
        self.late_cycles.iter().try_for_each(|late| writeln!(f, "{late}"))?;
        self.blind_watches.iter().try_for_each(|blind| writeln!(f, "{blind}"))?;
        self.auto_approval.iter().try_for_each(|approval| writeln!(f, "{approval}"))?;
        list(f, "Orders not finished", self.trading.map(|_| &*self.live_orders))?;
        self.storage.iter().try_for_each(|storage| writeln!(f, "{storage}"))?;
        if self.log_lines_lost > 0 {
            writeln!(f, "log: {} lines were lost, because nobody took them in time", self.log_lines_lost)?;
        }
        f.write_str(&answers::actors(&self.actors))?;
        match lifting("kestrel", &self.halts).as_slice() {
            [] => Ok(()),
            [only] => write!(f, "Go on with: {only}"),
            several => write!(f, "Several halts stand. Go on with each of:\n  {}", several.join("\n  ")),
        }
    }
}
