//! One life of the agent's process, from boot to death or orderly end.

use std::sync::Arc;
use std::time::Duration;

use actix::System;
use broker::MarketStream;
use chrono::{DateTime, Utc};
use domain::{Clock, FencingEpoch};
use risk_guard::EmergencyHalt;
use tokio::sync::Notify;

use super::books::WitnessedBooks;
use super::chat;
use super::eager;
use super::enemy;
use super::facts::What;
use super::network::Line;
use super::operator::Operator;
use super::rumours::Rumours;
use super::stage::{HaltSheetOf, Life, Stage};
use super::strikes;
use crate::agent;
use crate::app::{self, OpenBooks, Placement, World};
use crate::{kis, venue};

/// As `kestrel run` drains.
const DRAIN_WITHIN: Duration = Duration::from_secs(6);
/// As `kestrel run` waits after an escalation.
const HALT_GRACE: Duration = Duration::from_secs(3);

/// The supervisor gives an actor up that panics once more within a minute.
const RESTARTS_MAX: u32 = 3;

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Killed.
    Killed,
    /// An actor could not be kept alive, so the process ended itself.
    Escalated,
    /// Its time was over.
    Over,
}

/// Lives one life on the stage, until `until` at the longest.
pub(super) fn live(stage: &Arc<Stage>, until: DateTime<Utc>) -> Result<End, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.map_err(|error| format!("no runtime: {error}"))?;
    let system = System::with_tokio_rt(move || runtime);
    let (stage, life) = (stage.clone(), stage.begin_life());
    system.block_on(async move {
        stage.clock.start();
        let end = run(&stage, &life, until).await;
        stage.clock.stop();
        end
    })
}

async fn run(stage: &Arc<Stage>, life: &Arc<Life>, until: DateTime<Utc>) -> Result<End, String> {
    let Some(world) = boot(stage, life)? else { return Ok(End::Killed) };
    let given_up = Arc::new(Notify::new());
    let tell = given_up.clone();
    let witness = stage.clone();
    let alive = life.clone();
    let escalated = move |actor: &'static str| {
        if !alive.is_dead() && alive.strikes(actor) <= RESTARTS_MAX {
            witness.witness.note(What::Failed { actor, how: "could not be kept alive".into() });
        }
        tell.notify_one();
    };
    let house = app::build(&stage.config, &world, Placement::OneThread, escalated, |_wedge| ())?;
    life.has_actors(house.supervised.vitals());
    let operator = Operator::new(stage.clone(), life.clone(), &house);
    let operator = actix_rt::spawn(operator.work());
    let measured = stage.clone();
    let gauge = actix_rt::spawn(async move {
        if let Some(gauge) = &measured.gauge {
            gauge.work(&measured).await;
        }
    });
    let end = tokio::select! {
        biased;
        () = life.death.notified() => End::Killed,
        () = given_up.notified() => End::Escalated,
        () = stage.clock.sleep_until(until) => End::Over,
    };
    let end = tokio::select! {
        biased;
        () = life.death.notified() => End::Killed,
        () = finish(end, stage, &house) => end,
    };
    operator.abort();
    gauge.abort();
    note_failures(stage, life, &house, end);
    if end != End::Killed {
        stage.witness.note(What::Stop);
    }
    Ok(end)
}

/// Whatever went wrong in an actor while its process was alive, and was not our doing.
///
/// A process that was killed fails in every actor that still moves, but nothing is restarted before its end is seen: the
/// shortest back-off is longer.
fn note_failures(stage: &Stage, life: &Life, house: &app::House, end: End) {
    for vitals in house.supervised.vitals() {
        let health = vitals.health();
        let (actor, restarts, strikes) = (health.actor, health.restarts, life.strikes(health.actor));
        let error = health.last_error;
        // What moved on in a process that was killed failed by that.
        let is_ours = |error: &String| end == End::Killed || strikes > 0 && error.contains(strikes::WORDS);
        let explained = error.as_ref().is_none_or(is_ours);
        if restarts > strikes || !explained {
            let error = error.unwrap_or_else(|| "no error".into());
            let how =
                format!("was made to panic {strikes} times, and started again {restarts} times: {error}");
            stage.witness.note(What::Failed { actor, how });
        }
    }
}

async fn finish(end: End, stage: &Stage, house: &app::House) {
    match end {
        End::Killed => {}
        End::Escalated => {
            tokio::time::sleep(HALT_GRACE).await;
            house.supervised.shutdown(DRAIN_WITHIN).await;
        }
        End::Over => {
            let drained = house.supervised.shutdown(DRAIN_WITHIN).await;
            stage.witness.trace("drained", &format!("{drained:?}"));
        }
    }
}

/// Opens the books as `kestrel run` does; none when the process was killed while it did.
pub(super) fn boot(stage: &Arc<Stage>, life: &Arc<Life>) -> Result<Option<World>, String> {
    let books = books(stage, life);
    let clock: Arc<dyn Clock> = Arc::new(stage.machine.clone());
    let emergency: Arc<dyn EmergencyHalt> =
        Arc::new(HaltSheetOf { stage: stage.clone(), life: life.clone() });
    let random: Arc<dyn domain::Random> = stage.ids.clone();
    let fencing = match agent::boot(&books, [&clock, &clock], &random, &*emergency) {
        Ok(fencing) => fencing,
        Err(_) if life.is_dead() => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let line = Arc::new(Line { stage: stage.clone(), life: life.clone() });
    let wire =
        venue::simulated("http://verification".into(), kis::Environment::Real, Some(stage.token_file()));
    let exchange = venue::client_over(&stage.config, &clock, wire, [line.clone(), line])?;
    let oracle = enemy::of(&stage.config, &clock);
    Ok(Some(World {
        clock,
        random,
        exchange,
        stream: stream(stage),
        oracle,
        messenger: chat::of(&stage.config),
        reporter: None,
        emergency,
        rules: eager::eager()?,
        books,
        fencing,
    }))
}

/// An agent that is up day and night hears the exchange's stream too; during watches it has to do without.
fn stream(stage: &Arc<Stage>) -> Option<Arc<dyn MarketStream>> {
    let stream = || -> Arc<dyn MarketStream> { Arc::new(Rumours::new(stage.clone())) };
    stage.is_watched_day_and_night().then(stream)
}

fn books(stage: &Arc<Stage>, life: &Arc<Life>) -> OpenBooks {
    let (stage, life) = (stage.clone(), life.clone());
    Arc::new(move || {
        let inner = stage.database.store().map_err(|error| error.to_string())?;
        Ok(Box::new(WitnessedBooks {
            inner: Box::new(inner),
            stage: stage.clone(),
            life: life.clone(),
            epoch: FencingEpoch::default(),
        }))
    })
}
