//! The answering side, on its own thread.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use domain::messages::control::{
    Durability, HaltRecord, HaltSource, RequestHalt, RequestResume, StatusQuery,
};
use domain::messages::symbols::{RequestResolution, RequestSymbolRelease};
use domain::{Clock, HaltId, Random};
use risk_guard::EmergencyHalt;
use supervision::{Link, Supervised};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::wire::{ActorHealth, Halted, Reply, Request, Resumed, Status};
use super::{ControlError, LINE_MAX_BYTES, socket_path, stocks};

/// RiskGuard commits, then asks Broker: 2 s and 3 s, and a reserve.
const HALT_WITHIN: Duration = Duration::from_secs(8);
const RESUME_WITHIN: Duration = Duration::from_secs(8);
const STATUS_WITHIN: Duration = Duration::from_secs(2);
/// A peer that connects and says nothing is hung up on.
const REQUEST_WITHIN: Duration = Duration::from_secs(5);

/// What the socket's answers are made of.
pub struct Desk {
    /// RiskGuard's urgent lane.
    pub halt: Link<RequestHalt>,
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
    /// The last resort when RiskGuard does not answer.
    pub emergency: Arc<dyn EmergencyHalt>,
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// Ids of emergency halts.
    pub random: Arc<dyn Random>,
    /// Where orders go, in words.
    pub venue: String,
}

/// A listening socket. Its thread ends with the process; the socket file goes when this is dropped.
pub struct Server {
    path: PathBuf,
    desk: Arc<OnceLock<Desk>>,
}

impl Server {
    /// Gives the server what it answers from. Until then it says that the agent is starting.
    pub fn open(&self, desk: Desk) {
        // A second desk would be a second set of actors, which the composition root never builds.
        let _ = self.desk.set(desk);
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
pub fn serve(data_dir: &Path) -> Result<Server, ControlError> {
    let path = socket_path(data_dir);
    if path.as_os_str().len() > 107 {
        return Err(ControlError::PathTooLong { path });
    }
    let listener = bind(&path)?;
    let desk = Arc::new(OnceLock::new());
    let answers = desk.clone();
    let started = std::thread::Builder::new().name("control".into()).spawn(move || run(listener, answers));
    started.map_err(|source| ControlError::CannotCreate { path: path.clone(), source })?;
    Ok(Server { path, desk })
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

fn run(listener: std::os::unix::net::UnixListener, desk: Arc<OnceLock<Desk>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return tracing::error!(%error, "the control socket has no runtime"),
    };
    runtime.block_on(async move {
        let listener = match UnixListener::from_std(listener) {
            Ok(listener) => listener,
            Err(error) => return tracing::error!(%error, "the control socket cannot listen"),
        };
        let me = own_uid();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(converse(stream, desk.clone(), me))),
                // Out of file descriptors, most likely: wait for some to close.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
}

/// The user this process runs as: the owner of its own entry in /proc.
fn own_uid() -> Option<u32> {
    std::fs::metadata("/proc/self").ok().map(|entry| entry.uid())
}

async fn converse(stream: UnixStream, desk: Arc<OnceLock<Desk>>, me: Option<u32>) {
    let peer = stream.peer_cred().ok().map(|peer| peer.uid());
    let (reader, mut writer) = stream.into_split();
    let reply = if peer.is_some() && peer == me {
        match tokio::time::timeout(REQUEST_WITHIN, read_request(reader)).await {
            Ok(Ok(request)) => answer(request, desk.get()).await,
            Ok(Err(why)) => Reply::Error { message: why },
            Err(_) => return,
        }
    } else {
        tracing::warn!(?peer, "a foreign user tried the control socket");
        Reply::Error { message: "only the user who runs the agent may control it".into() }
    };
    if let Ok(mut line) = serde_json::to_vec(&reply) {
        line.push(b'\n');
        let _ = writer.write_all(&line).await;
    }
}

async fn read_request(reader: tokio::net::unix::OwnedReadHalf) -> Result<Request, String> {
    let mut line = String::new();
    let mut limited = BufReader::new(reader.take(LINE_MAX_BYTES));
    limited.read_line(&mut line).await.map_err(|error| error.to_string())?;
    serde_json::from_str(&line).map_err(|error| format!("not a request: {error}"))
}

async fn answer(request: Request, desk: Option<&Desk>) -> Reply {
    let Some(desk) = desk else {
        return Reply::Error { message: "the agent is starting; ask again in a moment".into() };
    };
    match request {
        Request::Halt { reason, by } => halt(desk, reason, by).await,
        Request::Resume { halt, by } => resume(desk, halt, by).await,
        Request::Release { instrument, by, reason } => {
            stocks::release(desk, RequestSymbolRelease { instrument, by, reason }).await
        }
        Request::Resolve { intent, resolution, by, reason } => {
            stocks::resolve(desk, RequestResolution { intent, resolution, by, reason }).await
        }
        Request::Status => Reply::Status(status(desk).await),
        #[cfg(feature = "faults")]
        Request::Fault { actor, kind } => fault(desk, &actor, kind),
    }
}

async fn halt(desk: &Desk, reason: String, by: String) -> Reply {
    let request = RequestHalt { source: HaltSource::Operator, by, reason };
    match desk.halt.ask(request.clone(), HALT_WITHIN).await {
        Ok(report) => Reply::Halted(report.into()),
        Err(error) => {
            tracing::error!(%error, "RiskGuard did not confirm a halt; writing the emergency file");
            emergency(desk, request)
        }
    }
}

/// RiskGuard is silent: without it nothing is approved, and the file keeps it so after a restart.
fn emergency(desk: &Desk, request: RequestHalt) -> Reply {
    let at = desk.clock.now();
    let id = HaltId::new(at.timestamp_millis(), desk.random.next_u64()).to_string();
    let RequestHalt { source, by, reason } = request;
    let halt = HaltRecord { id, at, source, by, reason };
    let durability = match desk.emergency.write(&halt) {
        Ok(()) => Durability::EmergencyFile,
        Err(error) => {
            tracing::error!(error, "the emergency file cannot be written");
            Durability::NotDurable
        }
    };
    Reply::Halted(Halted { halt, durability, broker_confirmed: false, open: vec![], unknown: vec![] })
}

async fn resume(desk: &Desk, halt: Option<String>, by: String) -> Reply {
    let request = RequestResume { by, halt: halt.map(HaltId::from_stored) };
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

async fn status(desk: &Desk) -> Status {
    let bare = Status {
        version: env!("CARGO_PKG_VERSION").into(),
        venue: desk.venue.clone(),
        time: desk.clock.now().format("%Y-%m-%d %H:%M:%S UTC").to_string(),
        trading: None,
        halts: vec![],
        symbol_halts: vec![],
        entry_blocks: vec![],
        live_orders: vec![],
        day_pnl_pct: vec![],
        actors: desk.supervised.vitals().iter().map(|vitals| health(vitals)).collect(),
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
