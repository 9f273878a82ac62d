//! The answering side, on its own thread.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::messages::control::{
    Durability, HaltRecord, HaltSource, RequestHalt, RequestReduce, RequestResume, ResumeWarrant,
    StatusQuery, TradingState,
};
use domain::messages::limits::{
    LimitsChange, LimitsInForce, LimitsQuery, TightenError, TightenLimits, WithdrawLimits,
};
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease};
use domain::{Clock, HaltId, Random};
use risk_guard::EmergencyHalt;
use supervision::{AskError, Link, Supervised};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::crowd::{Crowd, Turn};
use super::wire::{ActorHealth, Halted, Reply, Request, Resumed, Status};
use super::{ControlError, REQUEST_MAX_BYTES, request, socket_path, stocks};

/// RiskGuard commits, then asks Broker: 2 s and 3 s, and a reserve.
const HALT_WITHIN: Duration = Duration::from_secs(8);
const RESUME_WITHIN: Duration = Duration::from_secs(8);
const STATUS_WITHIN: Duration = Duration::from_secs(2);
/// A peer that connects and says nothing is hung up on.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// A peer that does not read its answer is hung up on.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// What the socket's answers are made of.
pub struct Desk {
    /// RiskGuard's urgent lane.
    pub halt: Link<RequestHalt>,
    /// RiskGuard's urgent lane.
    pub reduce: Link<RequestReduce>,
    /// RiskGuard.
    pub tighten: Link<TightenLimits>,
    /// RiskGuard.
    pub withdraw: Link<WithdrawLimits>,
    /// RiskGuard.
    pub limits: Link<LimitsQuery>,
    /// RiskGuard.
    pub resume: Link<RequestResume>,
    /// RiskGuard.
    pub release: Link<RequestSymbolRelease>,
    /// RiskGuard.
    pub resolve: Link<RequestResolution>,
    /// RiskGuard.
    pub status: Link<StatusQuery>,
    /// The actors' health.
    pub supervised: Supervised,
    /// The clock that the answers show.
    pub clock: Arc<dyn Clock>,
    /// Where orders go, in words.
    pub venue: String,
}

/// What a halt needs when RiskGuard does not answer, or does not exist yet.
#[derive(Clone)]
pub struct LastResort {
    /// The file HALT.
    pub emergency: Arc<dyn EmergencyHalt>,
    /// Wall time: what time the exchange has is not known when the first halt may come.
    pub clock: Arc<dyn Clock>,
    /// Ids and codes of such halts.
    pub random: Arc<dyn Random>,
}

impl LastResort {
    /// Writes `halt` into the file; tells how it is kept now.
    pub(crate) fn keep(&self, halt: &HaltRecord) -> Durability {
        match self.emergency.write(halt) {
            Ok(()) => Durability::EmergencyFile,
            Err(error) => {
                tracing::error!(error, "the emergency file cannot be written");
                Durability::NotDurable
            }
        }
    }

    /// As `keep`, but a file that is there already stays as it is: it halts the next start as well.
    fn keep_if_missing(&self, halt: &HaltRecord) -> Durability {
        match self.emergency.read() {
            Some(_) => Durability::EmergencyFile,
            None => self.keep(halt),
        }
    }
}

/// Why the agent cannot trade at all, although the process runs (order-protocol 4, invariant 11).
#[derive(Clone, Debug)]
pub struct Wound {
    /// The halt that stands.
    pub halt: HaltRecord,
    /// How it was kept at the start; a halt that is asked for tries again.
    pub durability: Durability,
    /// What happened and what to do, in words.
    pub remedy: String,
}

/// From what the server answers.
enum Office {
    /// A running agent.
    Open(Box<Desk>),
    /// An agent that cannot start trading.
    Wounded(Box<Wound>),
}

struct Reception {
    office: OnceLock<Office>,
    last_resort: LastResort,
}

/// A listening socket. Its thread ends with the process; the socket file goes when this is dropped.
pub struct Server {
    path: PathBuf,
    reception: Arc<Reception>,
}

impl Server {
    /// Gives the server what it answers from. Until then it says that the agent is starting.
    pub fn open(&self, desk: Desk) {
        // A second desk would be a second set of actors, which the composition root never builds.
        let _ = self.reception.office.set(Office::Open(Box::new(desk)));
    }

    /// Tells the server that this process will not trade, and why.
    pub fn open_wounded(&self, wound: Wound) {
        // As above: a process is either wounded or running.
        let _ = self.reception.office.set(Office::Wounded(Box::new(wound)));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Starts listening. The caller holds the data directory's lock, so an old socket file is a dead one.
///
/// # Errors
/// When folder or socket cannot be made; the message says what to do.
pub fn serve(data_dir: &Path, last_resort: LastResort) -> Result<Server, ControlError> {
    let path = socket_path(data_dir);
    if path.as_os_str().len() > 107 {
        return Err(ControlError::PathTooLong { path });
    }
    let listener = bind(&path)?;
    let reception = Arc::new(Reception { office: OnceLock::new(), last_resort });
    let answers = reception.clone();
    let started = std::thread::Builder::new().name("control".into()).spawn(move || run(listener, answers));
    started.map_err(|source| ControlError::CannotCreate { path: path.clone(), source })?;
    Ok(Server { path, reception })
}

fn bind(path: &Path) -> Result<std::os::unix::net::UnixListener, ControlError> {
    let failed = |source| ControlError::CannotCreate { path: path.to_owned(), source };
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(ControlError::InUse { path: path.to_owned() });
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(failed)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = std::os::unix::net::UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

fn run(listener: std::os::unix::net::UnixListener, reception: Arc<Reception>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "the control socket has no runtime"),
    };
    runtime.block_on(async move {
        let listener = match UnixListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the control socket cannot listen"),
        };
        let mut crowd = Crowd::default();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(converse(stream, reception.clone(), crowd.enter()))),
                // Out of file descriptors, most likely: wait for some to close.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
}

async fn converse(stream: UnixStream, reception: Arc<Reception>, turn: Turn) {
    let me = rustix::process::geteuid().as_raw();
    let peer = stream.peer_cred().ok().map(|peer| peer.uid());
    let (reader, mut writer) = stream.into_split();
    let reply = if peer == Some(me) {
        let request = tokio::select! {
            biased;
            request = read_request(reader) => request,
            () = turn.over() => return,
            () = tokio::time::sleep(REQUEST_WITHIN) => return,
        };
        match request {
            Ok(request) => answer(request, &reception).await,
            Err(message) => Reply::Error { message },
        }
    } else {
        tracing::warn!(?peer, "a foreign user tried the control socket");
        Reply::Error { message: "only the user who runs the agent may control it".into() }
    };
    if let Ok(mut line) = serde_json::to_vec(&reply) {
        line.push(b'\n');
        let _ = tokio::time::timeout(TAKEN_WITHIN, writer.write_all(&line)).await;
    }
}

async fn read_request(reader: tokio::net::unix::OwnedReadHalf) -> Result<Request, String> {
    let mut line = Vec::new();
    let mut limited = BufReader::new(reader.take(REQUEST_MAX_BYTES + 1));
    limited.read_until(b'\n', &mut line).await.map_err(|error| error.to_string())?;
    request::parse(&line)
}

async fn answer(request: Request, reception: &Reception) -> Reply {
    match reception.office.get() {
        Some(Office::Open(desk)) => serve_at(desk, request, &reception.last_resort).await,
        Some(Office::Wounded(wound)) => answer_wounded(wound, request, &reception.last_resort),
        None => answer_early(request, reception).await,
    }
}

async fn serve_at(desk: &Desk, request: Request, last_resort: &LastResort) -> Reply {
    match request {
        Request::Halt { reason, by } => halt(desk, last_resort, reason, by).await,
        Request::Reduce { reason, by, flatten } => reduce(desk, last_resort, (reason, by), flatten).await,
        Request::Resume { halt, by, reason, reducing } => {
            let warrant = ResumeWarrant::ControlSocket { halt: halt.map(HaltId::from_stored) };
            resume(desk, RequestResume { by, reason, warrant, into_reducing: reducing }).await
        }
        Request::Release { instrument, by, reason } => {
            stocks::release(desk, RequestSymbolRelease { instrument, by, reason }).await
        }
        Request::Resolve { intent, resolution, by, reason } => {
            stocks::resolve(desk, RequestResolution { intent, resolution, by, reason }).await
        }
        Request::Limits { reason, by, change } => limits(desk, reason, by, change).await,
        Request::WithdrawLimits { reason, by } => {
            let request = WithdrawLimits { source: HaltSource::Operator, by, reason };
            limits_reply(desk.withdraw.ask(request, RESUME_WITHIN).await)
        }
        Request::Status => Reply::Status(status(desk).await),
        #[cfg(feature = "faults")]
        Request::Fault { actor, kind } => fault(desk, &actor, kind),
    }
}

/// Before there is a RiskGuard: a halt goes into the file, which is read before the first order.
async fn answer_early(request: Request, reception: &Reception) -> Reply {
    let (reason, by) = match request {
        Request::Halt { reason, by } | Request::Reduce { reason, by, .. } => (reason, by),
        Request::Resume { .. }
        | Request::Release { .. }
        | Request::Resolve { .. }
        | Request::Limits { .. }
        | Request::WithdrawLimits { .. }
        | Request::Status => return starting(),
        #[cfg(feature = "faults")]
        Request::Fault { .. } => return starting(),
    };
    let request = RequestHalt { source: HaltSource::Operator, by: by.clone(), reason: reason.clone() };
    let (halt_record, durability) = write_file(&reception.last_resort, request);
    // The agent may have started meanwhile, and have looked for the file a moment too early.
    if let Some(Office::Open(desk)) = reception.office.get() {
        return halt(desk, &reception.last_resort, reason, by).await;
    }
    let note = "The agent is only starting: nothing was sent, and it begins halted.";
    Reply::Halted(Halted::bare(halt_record, durability, true, Some(note.into())))
}

fn starting() -> Reply {
    Reply::Error { message: "the agent is starting; ask again in a moment".into() }
}

/// The process runs to say why it does not trade.
fn answer_wounded(wound: &Wound, request: Request, last_resort: &LastResort) -> Reply {
    match request {
        Request::Halt { .. } | Request::Reduce { .. } => {
            let Wound { halt, remedy, .. } = wound.clone();
            let durability = last_resort.keep_if_missing(&halt);
            Reply::Halted(Halted::bare(halt, durability, true, Some(remedy)))
        }
        Request::Status => Reply::Status(Status {
            trading: Some(TradingState::Halted),
            halts: vec![wound.halt.clone()],
            entry_blocks: vec![wound.remedy.clone()],
            ..blank_status("none: the books cannot be used", wound.halt.at)
        }),
        Request::Resume { .. }
        | Request::Release { .. }
        | Request::Resolve { .. }
        | Request::Limits { .. }
        | Request::WithdrawLimits { .. } => refuse_wounded(wound),
        #[cfg(feature = "faults")]
        Request::Fault { .. } => refuse_wounded(wound),
    }
}

fn refuse_wounded(wound: &Wound) -> Reply {
    Reply::Error { message: format!("not possible before the books are mended: {}", wound.remedy) }
}

async fn halt(desk: &Desk, last_resort: &LastResort, reason: String, by: String) -> Reply {
    let request = RequestHalt { source: HaltSource::Operator, by, reason };
    match desk.halt.ask(request.clone(), HALT_WITHIN).await {
        Ok(report) => Reply::Halted(report.into()),
        Err(error) => {
            tracing::error!(%error, "RiskGuard did not confirm a halt; writing the emergency file");
            emergency(last_resort, request)
        }
    }
}

/// A RiskGuard that does not answer cannot let exits through either: then it is a halt.
async fn reduce(
    desk: &Desk,
    last_resort: &LastResort,
    (reason, by): (String, String),
    flatten: bool,
) -> Reply {
    let request =
        RequestReduce { source: HaltSource::Operator, by: by.clone(), reason: reason.clone(), flatten };
    match desk.reduce.ask(request, HALT_WITHIN).await {
        Ok(report) => Reply::Halted(report.into()),
        Err(error) => {
            tracing::error!(%error, "RiskGuard did not confirm; writing the emergency file");
            emergency(last_resort, RequestHalt { source: HaltSource::Operator, by, reason })
        }
    }
}

/// RiskGuard is silent: without it nothing is approved, and the file keeps it so after a restart.
fn emergency(last_resort: &LastResort, request: RequestHalt) -> Reply {
    let (halt, durability) = write_file(last_resort, request);
    Reply::Halted(Halted::bare(halt, durability, false, None))
}

/// Makes the record of a halt without RiskGuard, and writes it into the file.
pub(super) fn write_file(last_resort: &LastResort, request: RequestHalt) -> (HaltRecord, Durability) {
    let halt = crate::app::emergency_record(request, &last_resort.clock, &last_resort.random);
    let durability = last_resort.keep(&halt);
    (halt, durability)
}

async fn resume(desk: &Desk, request: RequestResume) -> Reply {
    match desk.resume.ask(request, RESUME_WITHIN).await {
        Ok(Ok(report)) => Reply::Resumed(Resumed::from(report)),
        Ok(Err(why)) => Reply::Error { message: why.to_string() },
        Err(error) => Reply::Error {
            message: format!(
                "RiskGuard did not answer ({error}); whether trading goes on is unknown. See: kestrel status"
            ),
        },
    }
}

async fn limits(desk: &Desk, reason: String, by: String, change: LimitsChange) -> Reply {
    if change == LimitsChange::default() {
        return limits_reply(desk.limits.ask(LimitsQuery, STATUS_WITHIN).await.map(Ok));
    }
    let request = TightenLimits { source: HaltSource::Operator, by, reason, change };
    limits_reply(desk.tighten.ask(request, RESUME_WITHIN).await)
}

fn limits_reply(answer: Result<Result<LimitsInForce, TightenError>, AskError>) -> Reply {
    match answer {
        Ok(Ok(limits)) => Reply::Limits(limits),
        Ok(Err(why)) => Reply::Error { message: why.to_string() },
        Err(error) => Reply::Error {
            message: format!(
                "RiskGuard did not answer ({error}); whether the limits changed is unknown. See: kestrel limits"
            ),
        },
    }
}

fn blank_status(venue: &str, at: chrono::DateTime<chrono::Utc>) -> Status {
    Status {
        version: env!("CARGO_PKG_VERSION").into(),
        venue: venue.into(),
        time: at.format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        trading: None,
        halts: vec![],
        symbol_halts: vec![],
        entry_blocks: vec![],
        markets: vec![],
        live_orders: vec![],
        day_pnl_pct: vec![],
        actors: vec![],
    }
}

async fn status(desk: &Desk) -> Status {
    let bare = Status {
        actors: desk.supervised.vitals().iter().map(|vitals| health(vitals)).collect(),
        ..blank_status(&desk.venue, desk.clock.now())
    };
    match desk.status.ask(StatusQuery, STATUS_WITHIN).await {
        Ok(trading) => bare.with_trading(trading),
        Err(_) => bare,
    }
}

fn health(vitals: &supervision::Vitals) -> ActorHealth {
    let health = vitals.health();
    ActorHealth {
        actor: health.actor.to_owned(),
        state: format!("{:?}", health.state).to_lowercase(),
        restarts: u64::from(health.restarts),
        waiting: health.depth as u64,
        handled: health.handled,
        last_error: health.last_error,
    }
}

#[cfg(feature = "faults")]
fn fault(desk: &Desk, actor: &str, kind: super::wire::FaultKind) -> Reply {
    use super::wire::FaultKind;
    let fault = match kind {
        FaultKind::Panic => supervision::Fault::Panic,
        FaultKind::Hang => supervision::Fault::Hang,
        FaultKind::Block => supervision::Fault::Block(Duration::from_secs(120)),
    };
    if desk.supervised.inject(actor, fault) {
        Reply::Done
    } else {
        Reply::Error { message: format!("no actor is named '{actor}'") }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// A file whose disk is full until there is room.
    #[derive(Default)]
    struct Disk {
        has_room: Mutex<bool>,
        file: Mutex<Option<HaltRecord>>,
    }

    impl EmergencyHalt for Disk {
        fn write(&self, record: &HaltRecord) -> Result<(), String> {
            if !*self.has_room.lock().unwrap() {
                return Err("no space left".into());
            }
            *self.file.lock().unwrap() = Some(record.clone());
            Ok(())
        }

        fn read(&self) -> Option<HaltRecord> {
            self.file.lock().unwrap().clone()
        }

        fn clear(&self) -> Result<(), String> {
            *self.file.lock().unwrap() = None;
            Ok(())
        }
    }

    #[test]
    fn invariant_11_a_halt_of_a_wounded_start_is_written_as_soon_as_the_disk_has_room() {
        let disk = Arc::new(Disk::default());
        let last_resort = LastResort {
            emergency: disk.clone(),
            clock: Arc::new(crate::clock::SystemClock),
            random: Arc::new(crate::random::Seeded::from_system()),
        };
        let request = RequestHalt {
            source: HaltSource::Storage,
            by: "start".into(),
            reason: "the disk is full".into(),
        };
        let (halt, durability) = write_file(&last_resort, request);
        let wound = Wound { halt: halt.clone(), durability, remedy: "make room and start again".into() };
        let ask = || {
            let request = Request::Halt { reason: "now".into(), by: "kim".into() };
            let reply = answer_wounded(&wound, request, &last_resort);
            let Reply::Halted(halted) = reply else { panic!("{reply:?}") };
            halted.durability
        };
        assert_eq!((ask(), disk.read()), (Durability::NotDurable, None));
        *disk.has_room.lock().unwrap() = true;
        assert_eq!((ask(), disk.read()), (Durability::EmergencyFile, Some(halt)));
    }
}
