//! The command line of reading: what is asked of the books, and how it is shown.

use chrono::{DateTime, NaiveDate, Utc};
use clap::Args;
use domain::messages::ledger::EventKind;
use domain::messages::operator::{
    DecisionsWanted, EventsWanted, LINES_MAX, OrdersWanted, Question, Since, StockWanted,
};

/// How an answer is shown.
#[derive(Clone, Copy, Debug, Args)]
pub struct ShowArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which orders.
#[derive(Clone, Debug, Args)]
pub struct OrdersArgs {
    /// Those that are not finished (the default).
    #[arg(long, conflicts_with = "all")]
    pub open: bool,
    /// The finished ones too.
    #[arg(long)]
    pub all: bool,
    /// Approved since then: an age (90m, 24h, 7d), a day (2026-11-26), or an instant with its offset.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// The newest so many, 1 to 500.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=i64::from(LINES_MAX)))]
    pub limit: u16,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl OrdersArgs {
    /// What is asked.
    pub fn question(&self) -> Question {
        Question::Orders(OrdersWanted { open_only: !self.all, since: self.since, limit: self.limit })
    }
}

/// Which judgements.
#[derive(Clone, Debug, Args)]
pub struct DecisionsArgs {
    /// Of this stock: MARKET:SYMBOL as in KR:005930, or the code alone.
    #[arg(long, value_name = "STOCK")]
    pub symbol: Option<StockWanted>,
    /// Made since then: an age (90m, 24h, 7d), a day (2026-11-26), or an instant with its offset.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// The newest so many, 1 to 500.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=i64::from(LINES_MAX)))]
    pub limit: u16,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl DecisionsArgs {
    /// What is asked.
    pub fn question(&self) -> Question {
        let Self { symbol, since, limit, json: _ } = self.clone();
        Question::Decisions(DecisionsWanted { stock: symbol, since, limit })
    }
}

/// Which events.
#[derive(Clone, Debug, Args)]
pub struct EventsArgs {
    /// Go on printing new ones until interrupted.
    #[arg(long)]
    pub follow: bool,
    /// Of this kind: decision, refusal, approval, order, fill, halt, resume, day_closed, report or alarm.
    #[arg(long, value_parser = event_kind)]
    pub kind: Option<EventKind>,
    /// Committed since then: an age (90m, 24h, 7d), a day (2026-11-26), or an instant with its offset.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// The newest so many, 1 to 500.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=i64::from(LINES_MAX)))]
    pub limit: u16,
    /// Print JSON; with --follow one object per line.
    #[arg(long)]
    pub json: bool,
}

impl EventsArgs {
    /// What is asked.
    pub fn wanted(&self) -> EventsWanted {
        EventsWanted { kind: self.kind, since: self.since, after: None, limit: self.limit }
    }
}

fn event_kind(text: &str) -> Result<EventKind, String> {
    let all = || EventKind::ALL.into_iter();
    all().find(|kind| kind.code() == text).ok_or_else(|| {
        let codes: Vec<&str> = all().map(EventKind::code).collect();
        format!("allowed: {}", codes.join(", "))
    })
}

/// Since when.
#[derive(Clone, Debug, Args)]
pub struct PnlArgs {
    /// Count sales booked since then: an age (90m, 24h, 7d), a day (2026-11-26), or an instant with its offset; all if not
    /// given.
    #[arg(long, value_name = "TIME")]
    pub since: Option<Since>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which stock, and when.
#[derive(Clone, Debug, Args)]
pub struct WhyArgs {
    /// The stock: MARKET:SYMBOL as in KR:005930, or the code alone.
    #[arg(value_name = "STOCK")]
    pub stock: StockWanted,
    /// The newest judgement until this instant, e.g. 2026-11-26T14:30:00Z; if not given, the one behind the newest order.
    #[arg(long, value_name = "INSTANT", value_parser = super::instant)]
    pub at: Option<DateTime<Utc>>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl WhyArgs {
    /// What is asked.
    pub fn question(&self) -> Question {
        Question::Why { stock: self.stock.clone(), at: self.at }
    }
}

/// Which stock, and on which day.
#[derive(Clone, Debug, Args)]
pub struct WhyNotArgs {
    /// The stock: MARKET:SYMBOL as in KR:005930, or the code alone.
    #[arg(value_name = "STOCK")]
    pub stock: StockWanted,
    /// The session date, e.g. 2026-11-26; the newest that the books know of it if not given.
    #[arg(long, value_name = "DATE")]
    pub on: Option<NaiveDate>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl WhyNotArgs {
    /// What is asked.
    pub fn question(&self) -> Question {
        Question::WhyNot { stock: self.stock.clone(), on: self.on }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn what_cannot_be_asked_is_refused_with_what_can() {
        for (line, allowed) in [
            ("events --kind gossip", "day_closed"),
            ("orders --since yesterday", "24h"),
            ("orders --open --all", "cannot be used"),
            ("decisions --symbol XX:1", "KR:005930"),
            ("decisions --limit 501", "500"),
            ("decisions --limit 0", "1..=500"),
        ] {
            let error = Cli::try_parse_from(["kestrel"].into_iter().chain(line.split(' '))).unwrap_err();
            assert!(error.to_string().contains(allowed), "{line}: {error}");
        }
        assert!(Cli::try_parse_from(["kestrel", "pnl", "--since", "7d", "--json"]).is_ok());
    }
}
