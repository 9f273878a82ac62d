//! The command line of acting: halt, reduce, resume, release, limits and resolve.

use clap::{ArgGroup, Args};
use domain::messages::limits::{LimitName, LimitsChange, UnknownLimit};
use domain::text::harmless;
use domain::{Instrument, IntentId};
use risk_guard::Limits;
use rust_decimal::Decimal;

use crate::control::TEXT_MAX_CHARS;
use crate::control::stocks::intent;

/// Why trading stops, and what becomes of what is open and held.
#[derive(Clone, Debug, Args)]
pub struct HaltArgs {
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    pub reason: String,
    /// First sell what this agent holds, by ordinary orders; then halt. Open purchases are cancelled at once, with or without
    /// --cancel-open.
    #[arg(long)]
    pub flatten: bool,
    /// Also cancel the orders that work at the exchange, until none does or the halt is lifted, after a restart too; if not
    /// given, HALT_CANCELS_ORDERS decides. With --flatten: never its sales; what comes to light once everything is sold.
    #[arg(long)]
    pub cancel_open: bool,
    /// Who; the user name of this shell if not given, or its number where it has none.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Why entries stop.
#[derive(Clone, Debug, Args)]
pub struct ReduceArgs {
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    pub reason: String,
    /// Also cancel the purchases that work at the exchange; sales go on. If not given, HALT_CANCELS_ORDERS decides.
    #[arg(long)]
    pub cancel_open: bool,
    /// Who; the user name of this shell if not given, or its number where it has none.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which halt is lifted, and by whom.
#[derive(Clone, Debug, Args)]
pub struct ResumeArgs {
    /// The halt's id; needed only when several stand.
    #[arg(long)]
    pub halt: Option<String>,
    /// Allow exits only from now on.
    #[arg(long)]
    pub reducing: bool,
    /// Why, for the record, which says "no reason given" without it.
    #[arg(long, value_parser = reason)]
    pub reason: Option<String>,
    /// Who; the user name of this shell if not given, or its number where it has none.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Which stock is released, by whom and why.
#[derive(Clone, Debug, Args)]
pub struct ReleaseArgs {
    /// The stock as MARKET:SYMBOL, e.g. KR:005930. Releasing a difference of shares takes the exchange's number.
    #[arg(value_name = "MARKET:SYMBOL")]
    pub instrument: Instrument,
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    pub reason: String,
    /// Who; the user name of this shell if not given, or its number where it has none.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// New values of limits; without any, the limits are shown. A value looser than what is in force is refused.
#[derive(Clone, Debug, Args)]
pub struct LimitsArgs {
    /// A new value, e.g. max_loss_pct=2.0; may be given several times. Names: as `kestrel limits` shows them.
    #[arg(long, value_name = "NAME=VALUE", value_parser = new_limit)]
    pub set: Vec<(LimitName, Decimal)>,
    /// From the next start on, go back to the settings; nothing changes before.
    #[arg(long, requires = "reason", conflicts_with = "set")]
    pub withdraw: bool,
    /// Why, for the record, which says "no reason given" without it.
    #[arg(long, value_parser = reason)]
    pub reason: Option<String>,
    /// Who; the user name of this shell if not given, or its number where it has none.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

impl LimitsArgs {
    /// The values that were given; none when one limit was given twice.
    pub fn change(&self) -> Option<LimitsChange> {
        let change = LimitsChange(self.set.iter().copied().collect());
        (change.0.len() == self.set.len()).then_some(change)
    }
}

/// Why; what nobody could read afterwards is refused.
pub(super) fn reason(text: &str) -> Result<String, String> {
    match harmless(text, TEXT_MAX_CHARS).is_empty() {
        true => Err("say why, for the record".to_owned()),
        false => Ok(text.to_owned()),
    }
}

fn new_limit(text: &str) -> Result<(LimitName, Decimal), String> {
    let (name, value) =
        text.split_once('=').ok_or("a new limit is given as NAME=VALUE, e.g. max_loss_pct=2.0")?;
    let name: LimitName = name.trim().parse().map_err(|error: UnknownLimit| error.to_string())?;
    let value = Decimal::from_str_exact(value.trim());
    Ok((
        name,
        value.map_err(|_| format!("{name} takes a number, e.g. {name}={}", Limits::bound(name).default))?,
    ))
}

/// Which order belongs to an intent, by whom and why. Nothing is ever sent again for the intent.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("answer").required(true).args(["order", "none"]))]
pub struct ResolveArgs {
    /// The intent, as `kestrel status` shows it.
    #[arg(value_parser = intent)]
    pub intent: IntentId,
    /// The number of the disputed order that is its order; DATE/BRANCH/NUMBER where the number alone is not enough.
    #[arg(long, value_name = "NUMBER")]
    pub order: Option<String>,
    /// None of the disputed orders is its order, or, after the close, the exchange has nothing more of it than is booked. It
    /// ends when the final lists of the day do not show it either; a list that shows it after all is believed.
    #[arg(long)]
    pub none: bool,
    /// Why, for the record.
    #[arg(long, value_parser = reason)]
    pub reason: String,
    /// Who; the user name of this shell if not given, or its number where it has none.
    #[arg(long)]
    pub by: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use crate::cli::Cli;

    #[test]
    fn a_command_that_is_booked_takes_no_reason_that_says_nothing() {
        for line in [
            "halt",
            "reduce",
            "resume",
            "limits --set max_loss_pct=2.0",
            "limits --withdraw",
            "release KR:005930",
            "proposals approve 7",
            "proposals reject 7",
            "proposals rollback 7",
        ] {
            let with = |reason: &str| {
                let words = ["kestrel"].into_iter().chain(line.split(' ')).chain(["--reason", reason]);
                Cli::try_parse_from(words)
            };
            assert!(with("a look").is_ok(), "{line}");
            for blank in ["", "  ", "\t\u{200b}"] {
                let why = with(blank).unwrap_err().to_string();
                assert!(why.contains("say why"), "{line} {blank:?}: {why}");
            }
        }
        for old_script in ["resume", "limits --set max_loss_pct=2.0"] {
            let words = ["kestrel"].into_iter().chain(old_script.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{old_script}");
        }
    }
}
