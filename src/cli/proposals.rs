//! The command line of proposals.

use clap::{Args, Subcommand};
use domain::messages::evolution::ProposalNumber;

use super::acts::reason;

/// Proposals.
#[derive(Clone, Debug, Args)]
pub struct ProposalsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ProposalsCommand,
}

/// What to do with proposals.
#[derive(Clone, Debug, Subcommand)]
pub enum ProposalsCommand {
    /// Show all of them, newest first.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one with its history, its difference from the incumbent and its evidence.
    Show(ProposalArgs),
    /// Say yes to one that is ready for review.
    Approve(DecideArgs),
    /// Say no; also to one that was approved and does not hold yet.
    Reject(DecideArgs),
    /// Go back from an active one to what its market traded by before it.
    Rollback(DecideArgs),
}

/// Which proposal.
#[derive(Clone, Copy, Debug, Args)]
pub struct ProposalArgs {
    /// Its number, e.g. 7 or 0007.
    #[arg(value_name = "NUMBER")]
    pub number: ProposalNumber,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What is decided, by whom and why.
#[derive(Clone, Debug, Args)]
pub struct DecideArgs {
    /// Its number, e.g. 7 or 0007.
    #[arg(value_name = "NUMBER")]
    pub number: ProposalNumber,
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
