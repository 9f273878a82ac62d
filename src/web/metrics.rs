//! What `/metrics` tells, in the text format of Prometheus.
//!
//! One table: from it come the answer and the README's list, so they cannot disagree. Amounts are printed as the exact
//! decimals that they are. What is not known has no sample: a missing number is never a zero.

mod collect;
#[cfg(test)]
mod tests;

use std::fmt::{Display, Write as _};

use self::collect::collect;
use super::observer::Observer;

/// The format's name.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What kind of number it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It goes up and down.
    Gauge,
    /// It only goes up, until the process starts anew or, where it comes from the books, for good.
    Counter,
}

impl Kind {
    /// The format's word.
    pub fn code(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
        }
    }
}

/// One metric as people see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name; the unit stands last.
    pub name: &'static str,
    /// What kind of number.
    pub kind: Kind,
    /// What it is told apart by.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
}

macro_rules! metrics {
    ($($metric:ident = $kind:ident $name:literal $labels:tt $help:literal;)*) => {
        /// A metric of the table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Metric { $($metric,)* }

        /// Every metric, in the order in which they are told.
        pub const METRICS: &[Description] = &[
            $(Description { name: $name, kind: Kind::$kind, labels: &$labels, help: $help },)*
        ];
    };
}

metrics! {
    Build = Gauge "kestrel_build_info" ["version", "venue"] "1; the program's version, and where orders go.";
    TradeMode = Gauge "kestrel_trade_mode" ["mode"] "1 for how often is judged: daily (slots) or realtime (every minute); 0 for the other.";
    Uptime = Gauge "kestrel_uptime_seconds" [] "Seconds since the web was opened, which is when the process started.";
    Memory = Gauge "process_resident_memory_bytes" [] "Memory that the process holds.";
    LogLost = Counter "kestrel_log_lines_lost_total" [] "Lines of the log that reached nobody, because what reads it took them too late or not at all.";
    OpenFiles = Gauge "process_open_fds" [] "File descriptors that the process holds.";
    Ready = Gauge "kestrel_ready" [] "1 when the agent may trade, as /readyz says it; else 0.";
    TradingState = Gauge "kestrel_trading_state" ["state"] "1 for the state of trading: starting, active, reducing (exits only), halted, or unknown when RiskGuard does not answer; 0 for the others.";
    HaltsStanding = Gauge "kestrel_halts_standing" ["source"] "Halts that stand, by where they came from.";
    Halts = Counter "kestrel_halts_total" ["source"] "Halts in the books, those that were lifted included.";
    SymbolHalts = Gauge "kestrel_symbol_halts_standing" ["cause"] "Single stocks that take no orders until a person releases them.";
    EntryBlocks = Gauge "kestrel_entry_blocks" [] "Reasons why nothing, or nothing of a market or currency, is bought although nothing is halted.";
    StockWaits = Gauge "kestrel_stock_waits" [] "Single stocks that are not bought for a while, after a refusal or a loss, or not for more than they were sold for.";
    Blind = Gauge "kestrel_positions_blind" [] "Holdings whose market trades and that nobody has seen a price of for two minutes.";
    ActorState = Gauge "kestrel_actor_state" ["actor", "state"] "1 for the state that the actor is in, 0 for the others.";
    ActorRestarts = Counter "kestrel_actor_restarts_total" ["actor"] "How often the actor was started again.";
    ActorQueue = Gauge "kestrel_actor_queue_letters" ["actor"] "Letters that wait.";
    ActorBacklog = Gauge "kestrel_actor_backlog_seconds" ["actor"] "Age of the oldest letter that waits; 0 when none does.";
    ActorInFlight = Gauge "kestrel_actor_in_flight" ["actor"] "Replies in progress.";
    ActorOldestReply = Gauge "kestrel_actor_oldest_reply_seconds" ["actor"] "Age of the oldest reply in progress; 0 when there is none.";
    ActorHandled = Counter "kestrel_actor_handled_total" ["actor"] "Letters handled.";
    ActorDropped = Counter "kestrel_actor_dropped_total" ["actor"] "Letters refused, displaced, expired or abandoned.";
    ActorHandle = Gauge "kestrel_actor_handle_seconds" ["actor", "quantile"] "Time to handle a letter to the end of its reply, since the start.";
    ActorWait = Gauge "kestrel_actor_wait_seconds" ["actor", "quantile"] "Time that a letter waited for its turn, since the start.";
    ActorBusy = Gauge "kestrel_actor_busy_seconds" ["actor"] "How long the actor has held its thread without a pause.";
    ActorSilence = Gauge "kestrel_actor_silence_seconds" ["actor"] "Time since the actor last had a turn; about 1 at most while all is well.";
    BooksReadable = Gauge "kestrel_books_readable" [] "1 when the books could be read for this answer; 0: everything from them is missing.";
    Orders = Gauge "kestrel_orders" ["state"] "Orders in the books, by where they stand; all of the states from Refused on are final.";
    OrdersWorking = Gauge "kestrel_orders_working" [] "Orders that are not finished: sent, accepted, partly filled or unknown.";
    OrdersUnknown = Gauge "kestrel_orders_unknown" [] "Orders of which nobody knows yet whether the exchange has them.";
    Unknowns = Counter "kestrel_unknown_orders_total" [] "How often the fate of an order became unknown.";
    Fills = Counter "kestrel_fills_total" [] "Fills in the books.";
    Decisions = Counter "kestrel_decisions_total" ["action"] "Judgements in the books, HOLD included.";
    Refusals = Counter "kestrel_refusals_total" ["reason"] "Proposals that RiskGuard refused, by reason.";
    Chat = Counter "kestrel_chat_updates_total" ["verdict"] "Commands and presses from the chat: accepted, or why they were refused; not_booked are strangers beyond ten a minute.";
    LastScanAge = Gauge "kestrel_last_scan_age_seconds" ["market"] "Exchange time since a scan of the market last considered a stock.";
    LastCommitAge = Gauge "kestrel_last_commit_age_seconds" [] "Exchange time since something was last committed to the books.";
    Judge = Gauge "kestrel_judge_info" ["judge"] "1; the language model that the settings name, or rules.";
    ModelCalls = Gauge "kestrel_model_calls" ["part"] "Calls of the language model today (from midnight Pacific time): used, reserved, left, and the limit. This and the next three are missing without a language model.";
    ModelTokens = Gauge "kestrel_model_tokens" ["part"] "Tokens likewise; left and limit are missing where there is none.";
    ModelUsd = Gauge "kestrel_model_usd" ["part"] "Money likewise, in USD; all zero where no prices are set.";
    ModelShare = Gauge "kestrel_model_share_calls" ["markets", "part"] "Calls of a group of markets: planned for it alone, and used.";
    PaceTurns = Counter "kestrel_pacing_turns_total" ["urgency"] "Requests to the exchange that got their turn.";
    PaceWaited = Counter "kestrel_pacing_wait_seconds_total" ["urgency"] "How long these requests waited for their turn, together, in exchange time.";
    PaceWaiting = Gauge "kestrel_pacing_waiting" ["urgency"] "Requests that wait for their turn.";
    PaceSpacing = Gauge "kestrel_pacing_spacing_seconds" [] "Exchange time from one turn to the next.";
    PaceThrottles = Counter "kestrel_pacing_throttles_total" [] "How often the exchange said that requests come too fast.";
    Equity = Gauge "kestrel_equity" ["currency"] "Cash and the value of all holdings, as the exchange last told it, in the currency's unit.";
    EquityAge = Gauge "kestrel_equity_age_seconds" ["currency"] "Exchange time since the exchange told it.";
    EquityInWon = Gauge "kestrel_equity_in_won" [] "The whole account in won, as the exchange last counted it; missing where only won are traded.";
    DayPnl = Gauge "kestrel_day_pnl_percent" ["currency"] "Profit or loss of the day in percent of the equity it began with; missing while unknown.";
    Realised = Gauge "kestrel_realised" ["currency"] "Profit or loss of all sales since the books began, before fees.";
    Holdings = Gauge "kestrel_holdings" ["currency"] "Stocks that the account holds.";
    MarketOpen = Gauge "kestrel_market_open" ["market"] "1 in continuous trading, else 0.";
    MarketTrusted = Gauge "kestrel_market_trusted" ["market"] "1 when what is known of the market's day allows purchases, else 0.";
    CalendarDays = Gauge "kestrel_calendar_days_left" ["market"] "Days until the announced days of the market end.";
    EvolutionLate = Gauge "kestrel_evolution_late" ["market"] "1 when the last close of the market has waited for six hours for a cycle of evolution to end, else 0; missing where evolution is off.";
    DiskFree = Gauge "kestrel_disk_free_bytes" [] "Room on the disk of the books.";
    BooksSize = Gauge "kestrel_books_bytes" [] "Size of the database, with what is not merged into it yet.";
    RetentionAge = Gauge "kestrel_last_retention_age_seconds" [] "Exchange time since old rows of the books were last looked for, which is after each close; missing before the first time.";
    RowsDropped = Counter "kestrel_old_rows_dropped_total" [] "Old rows of the books that went.";
}

/// Samples of every metric.
struct Samples(Vec<Vec<String>>);

impl Samples {
    fn new() -> Self {
        Self(vec![Vec::new(); METRICS.len()])
    }

    /// Adds a sample; `labels` are the values of the metric's labels, in their order.
    fn add<const N: usize>(&mut self, metric: Metric, labels: [&str; N], value: impl Display) {
        let index = metric as usize;
        let (Some(description), Some(lines)) = (METRICS.get(index), self.0.get_mut(index)) else { return };
        debug_assert_eq!(description.labels.len(), N, "{}", description.name);
        let pairs = description.labels.iter().zip(labels);
        let pairs: Vec<String> =
            pairs.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        lines.push(format!("{}{labels} {value}", description.name));
    }

    /// Adds one where it is known.
    fn add_known<const N: usize>(&mut self, metric: Metric, labels: [&str; N], value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(metric, labels, value);
        }
    }

    /// Adds 1 for the code that is so and 0 for the others.
    fn add_one_of<'a>(&mut self, metric: Metric, codes: impl IntoIterator<Item = &'a str>, so: &str) {
        for code in codes {
            self.add(metric, [code], u8::from(code == so));
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (Description { name, kind, help, .. }, lines) in METRICS.iter().zip(&self.0) {
            // Writing into a text cannot fail.
            let _ = writeln!(text, "# HELP {name} {}", help.replace('\\', "\\\\").replace('\n', "\\n"));
            let _ = writeln!(text, "# TYPE {name} {}", kind.code());
            lines.iter().for_each(|line| {
                let _ = writeln!(text, "{line}");
            });
        }
        text
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// The whole answer.
pub(super) async fn text(observer: &Observer) -> String {
    collect(observer).await.text()
}

/// The README's table.
pub fn markdown_table() -> String {
    let mut table = String::from("| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for Description { name, kind, labels, help } in METRICS {
        let labels = if labels.is_empty() { "–".to_owned() } else { format!("`{}`", labels.join("`, `")) };
        // Writing into a text cannot fail.
        let _ = writeln!(table, "| `{name}` | {} | {labels} | {help} |", kind.code());
    }
    table
}
