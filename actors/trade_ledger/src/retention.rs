//! How long the books keep what: what happened to money is kept for ever, looks and texts until they are old.
//!
//! The ledger goes through old rows in small slices after a market's close; what went is counted, so that totals stay true.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// Fewest days that anything is kept; the database's own triggers refuse to drop what is younger.
pub const RETAIN_DAYS_MIN: u32 = 30;
/// Most days that a setting may ask for: ten years.
pub const RETAIN_DAYS_MAX: u32 = 3_650;
/// Most rows that are looked at in one transaction.
pub const SLICE_ROWS: u32 = 200;

/// How many days each kind of row is kept, each [`RETAIN_DAYS_MIN`] to [`RETAIN_DAYS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// [`Keep::Looks`].
    pub looks_days: u32,
    /// [`Keep::Prompts`].
    pub prompts_days: u32,
    /// [`Keep::Events`].
    pub events_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { looks_days: 400, prompts_days: 90, events_days: 400 }
    }
}

impl Retention {
    /// Rows of before that moment may go. While an order is open or of unknown fate, nothing since it was approved goes.
    pub fn cutoff(days: u32, at: DateTime<Utc>, open_since: Option<DateTime<Utc>>) -> DateTime<Utc> {
        let by_age = at - TimeDelta::days(days.max(RETAIN_DAYS_MIN).into());
        open_since.map_or(by_age, |since| by_age.min(since))
    }

    /// Sessions of before that date may go; one day later than the moment says, because dates are those of the markets.
    pub fn cutoff_date(cutoff: DateTime<Utc>) -> NaiveDate {
        cutoff.date_naive() - TimeDelta::days(1)
    }
}

/// What one slice did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Rows that were looked at, or days; 0: there is nothing more to do.
    pub looked_at: u64,
    /// Rows that went.
    pub rows: u64,
}

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Never dropped.
    ForEver,
    /// `RETAIN_LOOKS_DAYS`.
    Looks,
    /// `RETAIN_PROMPTS_DAYS`; of a row only its texts go.
    Prompts,
    /// `RETAIN_EVENTS_DAYS`.
    Events,
}

impl Keep {
    /// For the table that people read.
    pub fn words(self) -> &'static str {
        match self {
            Self::ForEver => "for ever",
            Self::Looks => "`RETAIN_LOOKS_DAYS` (400)",
            Self::Prompts => "texts `RETAIN_PROMPTS_DAYS` (90), the rest for ever",
            Self::Events => "`RETAIN_EVENTS_DAYS` (400)",
        }
    }
}

/// A table, what it holds, how long, and why that long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub table: &'static str,
    /// What it holds.
    pub holds: &'static str,
    /// How long.
    pub keep: Keep,
    /// Why that long.
    pub why: &'static str,
}

const fn kept(table: &'static str, holds: &'static str, keep: Keep, why: &'static str) -> Kept {
    Kept { table, holds, keep, why }
}

/// Every table of the books; a test compares it with the schema.
pub const TABLES: [Kept; 63] = [
    kept(
        "trades",
        "the seed's view: trades, and every HOLD",
        Keep::Looks,
        "a HOLD is a look; trades and imported rows stay",
    ),
    kept("ledger_state", "the two epochs", Keep::ForEver, "one row"),
    kept("boots", "starts of the agent", Keep::ForEver, "fencing counts them; one row per start"),
    kept(
        "events",
        "lines for people",
        Keep::Events,
        "judgements, refusals, sessions and starts go once every reader has passed them; orders, fills, halts, closes, reports and alarms stay",
    ),
    kept(
        "cursors",
        "how far each reader of events is",
        Keep::ForEver,
        "one row per reader; one that has read nothing for twice as long is not waited for",
    ),
    kept(
        "decisions",
        "judgements",
        Keep::Looks,
        "a HOLD of a stock that is not held goes; every BUY and SELL stays",
    ),
    kept("decision_bases", "which call a judgement rests on", Keep::Looks, "goes with its HOLD"),
    kept(
        "consultations",
        "what a model was asked and said",
        Keep::Prompts,
        "its texts are the largest of the books; that it was asked, by whom and what it took stays",
    ),
    kept("refusals", "proposals that RiskGuard refused", Keep::ForEver, "proposals are truth"),
    kept("approvals", "proposals that it approved", Keep::ForEver, "an order rests on it"),
    kept("intents", "orders", Keep::ForEver, "truth"),
    kept("fills", "what was traded", Keep::ForEver, "truth"),
    kept("positions", "what is held, at cost", Keep::ForEver, "one row per stock"),
    kept(
        "strangers",
        "orders of the account that are not ours",
        Keep::ForEver,
        "the account's shares are explained by them",
    ),
    kept("resolutions", "what a person decided of an order", Keep::ForEver, "truth"),
    kept("unknowns", "when an order's fate became unknown", Keep::ForEver, "truth"),
    kept("order_lists", "when each day's list was last read", Keep::ForEver, "one row per market and day"),
    kept("sale_sums", "what sales have realised", Keep::ForEver, "one row per market"),
    kept("net_shares", "shares bought less shares sold", Keep::ForEver, "one row per stock"),
    kept(
        "external_shares",
        "shares that a person explained",
        Keep::ForEver,
        "the account is explained by them",
    ),
    kept("other_shares", "their sums", Keep::ForEver, "one row per stock"),
    kept("adopted_accounts", "accounts taken over as they were", Keep::ForEver, "one row per currency"),
    kept(
        "share_doubts",
        "what the account and the books differ by",
        Keep::ForEver,
        "one row per stock in doubt",
    ),
    kept("halts", "halts", Keep::ForEver, "truth"),
    kept("releases", "how halts ended", Keep::ForEver, "truth"),
    kept("halt_latches", "flattens that became halts", Keep::ForEver, "truth"),
    kept("standing_halts", "halts that stand", Keep::ForEver, "empty in peace"),
    kept("symbol_halts", "halts of single stocks", Keep::ForEver, "truth"),
    kept("symbol_releases", "how those ended", Keep::ForEver, "truth"),
    kept("limit_changes", "limits made stricter", Keep::ForEver, "who changed what"),
    kept("limit_values", "to which value", Keep::ForEver, "who changed what"),
    kept("closed_days", "days that are settled", Keep::ForEver, "no order of such a day is taken again"),
    kept("open_days", "days that are not", Keep::ForEver, "empty after each close"),
    kept("day_reports", "which event reports a day", Keep::ForEver, "one row per market and day"),
    kept(
        "day_starts",
        "equity that a day began with",
        Keep::ForEver,
        "returns are counted from it; one row per day",
    ),
    kept("won_day_starts", "the same in won", Keep::ForEver, "one row per day and currency"),
    kept("breaker_trips", "what the breaker did on a day", Keep::ForEver, "truth"),
    kept("exit_peaks", "the highest price of a holding", Keep::ForEver, "one row per stock"),
    kept("oracle_calls", "what each call of a model took", Keep::ForEver, "what was paid for"),
    kept(
        "selections",
        "what became of each stock of a scan",
        Keep::Looks,
        "a look; that of a stock ordered in that session stays",
    ),
    kept(
        "occasions",
        "what the clock announced",
        Keep::Looks,
        "each may happen once; of an old day none can again",
    ),
    kept(
        "imported_trades",
        "rows taken from another agent's books",
        Keep::ForEver,
        "so that none is taken twice",
    ),
    kept("chat_place", "how far the chat was read", Keep::ForEver, "one row"),
    kept("chat_commands", "commands from the chat", Keep::ForEver, "who commanded"),
    kept("bar_imports", "files of bars", Keep::ForEver, "where bars came from"),
    kept("bar_refusals", "their refused rows", Keep::ForEver, "a thousand per file at most"),
    kept("bar_adjustments", "splits", Keep::ForEver, "without them older bars mean nothing"),
    kept(
        "bars",
        "daily bars",
        Keep::ForEver,
        "what strategies are tried on; a hundred bytes per stock and day",
    ),
    kept("evolution_cycles", "when the Optimizer searched", Keep::ForEver, "one row per market and day"),
    kept("evolution_cycle_ends", "how that ended", Keep::ForEver, "one row per market and day"),
    kept(
        "trials",
        "every strategy that was tried, failed ones too",
        Keep::ForEver,
        "what is called significant depends on how many were tried",
    ),
    kept("archive_changes", "the best of each niche", Keep::ForEver, "what the search goes on from"),
    kept(
        "sealed_windows",
        "days that a champion was judged by",
        Keep::ForEver,
        "they may never be looked at again",
    ),
    kept("sealed_verdicts", "how it was judged", Keep::ForEver, "truth"),
    kept("evolution_proposals", "strategies that were proposed", Keep::ForEver, "proposals are truth"),
    kept("evolution_changes", "what became of them, and by whom", Keep::ForEver, "who decided"),
    kept("limit_approvals", "which of that no person approved", Keep::ForEver, "what was allowed then"),
    kept("shadow_plans", "until when drafts are followed on paper", Keep::ForEver, "one row per draft"),
    kept(
        "watch_looks",
        "whether what is followed could be judged",
        Keep::ForEver,
        "one row per proposal and day",
    ),
    kept("shadow_sessions", "what a draft and the incumbent earned then", Keep::ForEver, "evidence"),
    kept("shadow_verdicts", "what that showed", Keep::ForEver, "evidence"),
    kept("strategy_versions", "what each market traded by", Keep::ForEver, "an order rests on it"),
    kept(
        "session_strategies",
        "which of those held in a session",
        Keep::ForEver,
        "one row per market and day",
    ),
];

/// The table for people, in Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| table | what it holds | kept | why |\n|---|---|---|---|\n");
    for Kept { table, holds, keep, why } in TABLES.iter().chain(&OWN) {
        text.push_str(&format!("| `{table}` | {holds} | {} | {why} |\n", keep.words()));
    }
    text
}

/// The table that retention itself needs.
pub const OWN: [Kept; 1] = [kept(
    "retention_marks",
    "how far old rows were gone through, and how many went",
    Keep::ForEver,
    "totals stay true by it; one row per table and market, and one that tells when old rows were last looked for",
)];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_younger_than_the_floor_goes_and_nothing_since_an_open_order() {
        let now = at("2027-03-01T08:00:00Z");
        let cases = [
            (90, None, "2026-12-01T08:00:00Z"),
            (1, None, "2027-01-30T08:00:00Z"),
            (90, Some(at("2026-11-24T00:30:00Z")), "2026-11-24T00:30:00Z"),
            (90, Some(at("2027-02-28T00:30:00Z")), "2026-12-01T08:00:00Z"),
        ];
        for (days, open_since, expected) in cases {
            assert_eq!(Retention::cutoff(days, now, open_since), at(expected), "{days} {open_since:?}");
        }
    }

    #[test]
    fn each_table_stands_once_in_the_list() {
        let mut names: Vec<&str> = TABLES.iter().chain(&OWN).map(|kept| kept.table).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }

    #[test]
    fn the_words_name_the_defaults() {
        let Retention { looks_days, prompts_days, events_days } = Retention::default();
        for (keep, days) in
            [(Keep::Looks, looks_days), (Keep::Prompts, prompts_days), (Keep::Events, events_days)]
        {
            assert!(keep.words().contains(&format!("({days})")), "{keep:?}");
        }
    }
}
