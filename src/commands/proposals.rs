//! `kestrel proposals`: read from whoever answers, decided by the running agent, or in the books when none runs.

use std::path::Path;
use std::process::ExitCode;

use domain::Clock as _;
use domain::messages::evolution::{ChangeProposal, Decider, ProposalDecision, ProposalRecord};
use domain::messages::operator::Question;

use super::elsewhere::database;
use super::{data_directory, exit, failed, reading, show, user_name};
use crate::cli::{DecideArgs, ProposalsArgs, ProposalsCommand};
use crate::clock::SystemClock;
use crate::config::Config;
use crate::control::wire::{Reply, Request};
use crate::control::{self, ControlError, client};
use crate::hardening;
use crate::proposals::{Folders, bring_up_to_date};
use crate::store::{change_proposal, lock_data_dir, open_read_only};

pub(super) fn proposals(args: ProposalsArgs) -> ExitCode {
    match args.command {
        ProposalsCommand::List { json } => reading::answer(&Question::Proposals, json),
        ProposalsCommand::Show(args) => {
            reading::answer(&Question::Proposal { number: args.number }, args.json)
        }
        ProposalsCommand::Approve(args) => decide(args, ProposalDecision::Approve),
        ProposalsCommand::Reject(args) => decide(args, ProposalDecision::Reject),
        ProposalsCommand::Rollback(args) => decide(args, ProposalDecision::RollBack),
    }
}

fn decide(args: DecideArgs, decision: ProposalDecision) -> ExitCode {
    let DecideArgs { number, reason, by, json } = args;
    let by = by.unwrap_or_else(user_name);
    let request = control::cleaned(Request::Decide { number, decision, by, reason });
    let reply = match client::ask(&data_directory(), &request) {
        Ok(reply) => Ok(reply),
        Err(ControlError::NotRunning { .. }) => alone(request).map(|record| Reply::Decided(Box::new(record))),
        Err(why) => Err(why.to_string()),
    };
    match reply {
        Ok(reply) => {
            show(&reply, json);
            if reply.is_done() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) }
        }
        Err(why) => failed(why, exit::FAILED),
    }
}

/// Only one process writes the books: an agent that starts meanwhile keeps this from writing, or the other way round.
fn alone(request: Request) -> Result<ProposalRecord, String> {
    let Request::Decide { number, decision, by, reason } = request else {
        return Err("this is no decision".to_owned());
    };
    hardening::harden()?;
    let books = database()?;
    if !books.is_file() {
        return Err(format!(
            "there is no database {}; start `kestrel run` once, or set DB_PATH",
            books.display()
        ));
    }
    let directory = books.parent().unwrap_or(Path::new("."));
    let _lock = lock_data_dir(directory).map_err(|error| error.to_string())?;
    let change = ChangeProposal { number, step: decision.into(), by: Decider::Person(by), reason };
    let record = change_proposal(&books, &change, SystemClock.now()).map_err(|error| error.to_string())?;
    follow(&books, &record).map_err(|why| {
        format!(
            "proposal {number} is {} now, which is booked; the folders do not show it yet: {why}",
            record.status
        )
    })?;
    Ok(record)
}

/// The folder of what was decided on, and of what that changed as well: whatever took its place, or holds again.
fn follow(books: &Path, record: &ProposalRecord) -> Result<(), String> {
    let directory = books.parent().unwrap_or(Path::new("."));
    let folders = Folders::beside_books(directory, Config::retain_proposals_setting());
    folders.write(record)?;
    let mut reader = open_read_only(books).map_err(|error| error.to_string())?;
    bring_up_to_date(&folders, &mut reader)
}
