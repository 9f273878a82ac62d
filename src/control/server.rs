//! The answering side, on its own thread.

mod commands;
mod door;
mod glance;
mod questions;
mod view;
mod wounded;

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use brain::plan::BudgetPlan;
use broker::Pacer;
use domain::messages::control::{
    Durability, HaltRecord, HaltSource, RequestHalt, RequestReduce, RequestResume, StatusQuery,
};
use domain::messages::evolution::{AutoLimit, ChangeProposal, Decider};
use domain::messages::judging::JudgeQuery;
use domain::messages::ledger::OracleCallsOf;
use domain::messages::limits::{LimitsQuery, TightenLimits, WithdrawLimits};
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease};
use domain::{Clock, Market, Random};
use risk_guard::EmergencyHalt;
use supervision::{Link, Supervised};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::proposals::Folders;
use crate::store::SqliteReader;

use super::crowd::{Crowd, Turn};
use super::wire::{Halted, Milder, Reply, Request};
use super::{ControlError, REQUEST_MAX_BYTES, request, socket_path, stocks};

use self::commands::{decide, halt, limits, limits_reply, reduce, resume};
use self::glance::{budget, status};
use self::wounded::answer_wounded;

pub(super) use self::commands::write_file;
pub use self::door::Door;
pub use self::view::{Answers, Counted, Evolution, Pulse, Running, View};

/// RiskGuard commits, then asks Broker: 2 s and 3 s, and a reserve.
const HALT_WITHIN: Duration = Duration::from_secs(8);
const RESUME_WITHIN: Duration = Duration::from_secs(8);
const STATUS_WITHIN: Duration = Duration::from_secs(2);
/// A peer that connects and says nothing is hung up on.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);
/// A peer that does not read its answer is hung up on.
const TAKEN_WITHIN: Duration = Duration::from_secs(5);

/// Opens the books for reading.
pub type OpenReader = Arc<dyn Fn() -> Result<SqliteReader, String> + Send + Sync>;

/// What the answers are made of, whoever asks.
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
    /// A fresh connection that can only read, so that no question waits for the ledger, nor the ledger for one.
    pub books: OpenReader,
    /// The file of the books; none while they are in memory.
    pub database: Option<PathBuf>,
    /// Brain.
    pub judge: Link<JudgeQuery>,
    /// TradeLedger.
    pub oracle_calls: Link<OracleCallsOf>,
    /// TradeLedger: what a person decides on a proposal.
    pub decide: Link<ChangeProposal>,
    /// Markets whose strategies evolve.
    pub evolving: Vec<Market>,
    /// What is approved without a person; none: nothing.
    pub auto_approve: Option<AutoLimit>,
    /// Where the folders of proposals are; none while the books are in memory.
    pub proposals: Option<Folders>,
    /// What the language model may take in a day.
    pub budget: BudgetPlan,
    /// The language model that the settings name, or `rules`.
    pub judge_name: String,
    /// The actors' health.
    pub supervised: Supervised,
    /// Turns at the exchange.
    pub pace: Arc<Pacer>,
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
    /// How many commands were answered, so that whoever looked before the last of them looks again.
    commands: AtomicU64,
}

/// A listening socket. Its thread ends with the process; the socket file goes when this is dropped.
pub struct Server {
    path: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Starts listening; until `answers` are opened it says that the agent is starting. The caller holds the data directory's lock, so an old socket file is a dead one.
///
/// # Errors
/// When folder or socket cannot be made; the message says what to do.
pub fn serve(data_dir: &Path, answers: Answers) -> Result<Server, ControlError> {
    let path = socket_path(data_dir);
    if path.as_os_str().len() > 107 {
        return Err(ControlError::PathTooLong { path });
    }
    let listener = bind(&path)?;
    let reception = answers.reception();
    let started = std::thread::Builder::new().name("control".into()).spawn(move || run(listener, reception));
    started.map_err(|source| ControlError::CannotCreate { path: path.clone(), source })?;
    Ok(Server { path })
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
            Ok(request) => answer(request, &reception, Door::Socket).await,
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

async fn answer(request: Request, reception: &Reception, door: Door) -> Reply {
    let is_command = request.is_command();
    let reply = answer_from(request, reception, door).await;
    if is_command {
        // Before anybody reads the answer.
        reception.commands.fetch_add(1, Ordering::SeqCst);
    }
    reply
}

async fn answer_from(request: Request, reception: &Reception, door: Door) -> Reply {
    match reception.office.get() {
        Some(Office::Open(desk)) => serve_at(desk, request, &reception.last_resort, door).await,
        Some(Office::Wounded(wound)) => answer_wounded(wound, request, &reception.last_resort, door.source()),
        None => answer_early(request, reception, door.source()).await,
    }
}

async fn serve_at(desk: &Desk, request: Request, last_resort: &LastResort, door: Door) -> Reply {
    match request {
        Request::Halt { reason, by, cancel_open } => {
            halt(desk, last_resort, RequestHalt { source: door.source(), by, reason, cancel_open }).await
        }
        Request::Reduce { reason, by, flatten, cancel_open } => {
            let source = door.source();
            reduce(desk, last_resort, RequestReduce { source, by, reason, flatten, cancel_open }).await
        }
        Request::Resume { halt, by, reason, reducing } => match door.warrant(halt) {
            Ok(warrant) => {
                let request = RequestResume { by, reason, warrant, into_reducing: reducing };
                resume(desk, last_resort, request).await
            }
            Err(message) => Reply::Error { message },
        },
        Request::Release { instrument, by, reason } => {
            stocks::release(desk, RequestSymbolRelease { instrument, by, reason }).await
        }
        Request::Resolve { intent, resolution, by, reason } => {
            stocks::resolve(desk, RequestResolution { intent, resolution, by, reason }).await
        }
        Request::Limits { reason, by, change } => limits(desk, reason, by, change).await,
        Request::WithdrawLimits { reason, by } => {
            let request = WithdrawLimits { source: HaltSource::Operator, by, reason };
            limits_reply(desk, desk.withdraw.ask(request, RESUME_WITHIN).await)
        }
        Request::Status => Reply::Status(Box::new(status(desk).await)),
        Request::Ask(question) => questions::answer(desk, question).await,
        Request::Budget => budget(desk).await,
        Request::Decide { number, decision, by, reason } => {
            let (step, by) = (decision.into(), Decider::Person(by));
            decide(desk, ChangeProposal { number, step, by, reason }).await
        }
        #[cfg(feature = "faults")]
        Request::Fault { actor, kind } => commands::fault(desk, &actor, kind),
    }
}

/// Before there is a RiskGuard: a halt goes into the file, which is read before the first order.
async fn answer_early(request: Request, reception: &Reception, source: HaltSource) -> Reply {
    let (reason, by, cancel_open, milder) = match request {
        Request::Halt { reason, by, cancel_open } => (reason, by, cancel_open, None),
        Request::Reduce { reason, by, cancel_open, flatten } => {
            (reason, by, false, Some(Milder::of(flatten, cancel_open)))
        }
        Request::Resume { .. }
        | Request::Release { .. }
        | Request::Resolve { .. }
        | Request::Limits { .. }
        | Request::WithdrawLimits { .. }
        | Request::Decide { .. }
        | Request::Status
        | Request::Budget => return starting(),
        Request::Ask(_) => return Reply::ReadAlone { why: "the agent is only starting".into() },
        #[cfg(feature = "faults")]
        Request::Fault { .. } => return starting(),
    };
    let request = RequestHalt { source, by, reason, cancel_open };
    let (halt_record, durability) = write_file(&reception.last_resort, request.clone());
    // The agent may have started meanwhile, and have looked for the file a moment too early.
    if let Some(Office::Open(desk)) = reception.office.get() {
        let mut reply = halt(desk, &reception.last_resort, request).await;
        if let Reply::Halted(halted) = reply {
            reply = Reply::Halted(halted.in_place_of(milder));
        }
        return reply;
    }
    let note = "The agent is only starting: nothing was sent, and it begins halted.";
    let halted = Halted::bare(halt_record, durability, true, Some(note.into()));
    Reply::Halted(halted.in_place_of(milder))
}

fn starting() -> Reply {
    Reply::Error { message: "the agent is starting; ask again in a moment".into() }
}
