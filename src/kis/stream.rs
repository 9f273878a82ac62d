//! The WebSocket: streamed prices and execution notices (KIS.md 14), behind Broker's port.
//!
//! One connection per app key. It is driven by whoever waits for the next event, so nothing runs by itself; it exists
//! only while a wanted market trades, because the server lets an idle line time out all night. What is lost in a gap is
//! not asked for again: Broker looks at the order lists after each connect.

mod approval;
mod backoff;
mod cipher;
mod frame;
#[cfg(test)]
mod fuzz;
mod line;
mod notice;
mod policy;
mod price;
mod session;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use broker::{MarketStream, StreamEvent, Wanted};
use domain::{BoxFuture, Clock, Market, Random};
use tokio::sync::{Mutex, watch};
use tokio::time::Instant;

use super::call::Ports;
use super::{AccountNumber, Environment, InvalidAccount, Pace};
use crate::config::Credentials;
use crate::http::{Dial, Transport};
use approval::Approval;
use backoff::Backoff;
use line::{Heard, Line};
use session::{Effect, Ending, Identity, Session};

/// Nothing at all for this long, real time, and the line is taken for dead: the server sends a keep-alive at least once a minute.
const SILENCE_MAX: Duration = Duration::from_secs(90);
/// A connection that has delivered data and lasted this long, real time, is healthy: the next pause begins at the least again.
const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// What the stream needs to know. Printing it shows no secret.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// Where the approval key comes from: scheme, host and port, without a slash at the end.
    pub base_url: String,
    /// Selects TR ids and feeds.
    pub environment: Environment,
    /// App key, secret and account.
    pub credentials: Credentials,
    /// The login name that notices are sent to; without it there are prices only.
    pub hts_id: Option<String>,
    /// Markets whose prices come without the delay of KIS's free feed.
    pub live_feeds: BTreeSet<Market>,
}

/// What stands behind the stream.
pub struct StreamPorts {
    /// Carries the request for the approval key.
    pub reads: Arc<dyn Transport>,
    /// Opens the line.
    pub dial: Arc<dyn Dial>,
    /// Exchange time.
    pub clock: Arc<dyn Clock>,
    /// Jitter.
    pub random: Arc<dyn Random>,
    /// The rate's permission.
    pub pace: Arc<dyn Pace>,
}

/// A stream that connects once something is wanted.
///
/// # Errors
/// [`InvalidAccount`].
pub fn open(config: StreamConfig, ports: StreamPorts) -> Result<KisStream, InvalidAccount> {
    let account = AccountNumber::parse(&config.credentials.account)?;
    let StreamPorts { reads, dial, clock, random, pace } = ports;
    let approval = Approval::new(&config, Ports { reads, clock: clock.clone(), pace });
    let (number, product) = account.parts();
    let identity = Identity {
        environment: config.environment,
        hts_id: config.hts_id,
        live_feeds: config.live_feeds,
        account: format!("{number}{product}").into(),
    };
    let inner =
        Inner { approval, backoff: Backoff::default(), call: None, events: VecDeque::new(), retry_at: None };
    Ok(KisStream {
        identity,
        dial,
        clock,
        random,
        wanted: watch::Sender::default(),
        inner: Mutex::new(inner),
    })
}

/// KIS's stream. Made by [`open`].
pub struct KisStream {
    identity: Identity,
    dial: Arc<dyn Dial>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    wanted: watch::Sender<Wanted>,
    inner: Mutex<Inner>,
}

struct Inner {
    approval: Approval,
    backoff: Backoff,
    call: Option<Call>,
    events: VecDeque<StreamEvent>,
    /// Not before this, real time.
    retry_at: Option<Instant>,
}

/// A connection and what was said on it.
struct Call {
    line: Line,
    session: Session,
    begun: Instant,
    /// Texts that still have to leave.
    outbox: VecDeque<String>,
}

impl KisStream {
    async fn next_event(&self) -> StreamEvent {
        let mut inner = self.inner.lock().await;
        let mut wanted = self.wanted.subscribe();
        loop {
            if let Some(event) = inner.events.pop_front() {
                return event;
            }
            self.step(&mut inner, &mut wanted).await;
        }
    }

    /// One thing at a time: wait for a wish, connect, send, or hear.
    async fn step(&self, inner: &mut Inner, wanted: &mut watch::Receiver<Wanted>) {
        let wish = wanted.borrow_and_update().clone();
        if wish.awake.is_empty() {
            // Not told: it is our own doing, and the market's.
            inner.call = None;
            // The sender lives as long as this.
            let _changed = wanted.changed().await;
            return;
        }
        match inner.call.take() {
            None => self.connect(inner, wanted).await,
            Some(mut call) => {
                call.outbox.extend(call.session.register(&wish, call.begun.elapsed()));
                inner.call = Some(call);
                self.converse(inner, wanted).await;
            }
        }
    }

    async fn connect(&self, inner: &mut Inner, wanted: &mut watch::Receiver<Wanted>) {
        if let Some(at) = inner.retry_at {
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(at) => inner.retry_at = None,
                // Perhaps nothing is wanted any more.
                _changed = wanted.changed() => return,
            }
        }
        // Set before the attempt: one that is given up halfway counts.
        let wait = inner.backoff.after_attempt(Instant::now(), self.random.next_u64());
        inner.retry_at = Some(Instant::now() + wait);
        match self.call(inner).await {
            Ok(call) => {
                inner.call = Some(call);
                inner.events.push_back(StreamEvent::Up);
            }
            Err(why) => inner.events.push_back(StreamEvent::Down(why)),
        }
    }

    async fn call(&self, inner: &mut Inner) -> Result<Call, String> {
        let approval_key = inner.approval.key().await.map_err(|error| error.to_string())?;
        let line = Line::open(&*self.dial).await?;
        let session = Session::new(self.identity.clone(), approval_key);
        Ok(Call { line, session, begun: Instant::now(), outbox: VecDeque::new() })
    }

    /// Sends what waits, then hears one text. Nothing is lost when this is dropped in the middle.
    async fn converse(&self, inner: &mut Inner, wanted: &mut watch::Receiver<Wanted>) {
        let Some(call) = inner.call.as_mut() else { return };
        while let Some(text) = call.outbox.front() {
            if let Err(why) = call.line.say(text).await {
                return self.hang_up(inner, Ending::Lost(why));
            }
            call.outbox.pop_front();
        }
        let heard = tokio::select! {
            biased;
            _changed = wanted.changed() => return,
            heard = tokio::time::timeout(SILENCE_MAX, call.line.hear()) => heard,
        };
        match heard {
            Err(_elapsed) => self.hang_up(inner, Ending::Lost("nothing was heard for 90 s".into())),
            Ok(Heard::Ended(why)) => self.hang_up(inner, Ending::Lost(why)),
            Ok(Heard::Nothing) => {}
            Ok(Heard::Text(text)) => self.take(inner, &text),
        }
    }

    fn take(&self, inner: &mut Inner, text: &str) {
        let Some(call) = inner.call.as_mut() else { return };
        let age = call.begun.elapsed();
        for effect in call.session.take(text, self.clock.now(), age) {
            match effect {
                Effect::Say(text) => call.outbox.push_back(text),
                Effect::Tell(event) => inner.events.push_back(event),
                Effect::End(ending) => return self.hang_up(inner, ending),
            }
        }
        if call.session.has_delivered() && age >= HEALTHY_AFTER {
            inner.backoff.reset();
        }
    }

    fn hang_up(&self, inner: &mut Inner, ending: Ending) {
        inner.call = None;
        let now = Instant::now();
        let (wait, event) = match ending {
            Ending::Lost(why) => {
                (inner.backoff.after_loss(now, self.random.next_u64()), StreamEvent::Down(why))
            }
            Ending::BadApproval(why) => {
                inner.approval.discard();
                (inner.backoff.after_loss(now, self.random.next_u64()), StreamEvent::Down(why))
            }
            Ending::InUse(why) => (inner.backoff.longest(), StreamEvent::NeedsAPerson(why)),
        };
        inner.retry_at = Some(now + wait);
        inner.events.push_back(event);
    }
}

impl MarketStream for KisStream {
    fn want(&self, wanted: Wanted) {
        self.wanted.send_if_modified(|held| {
            let differs = *held != wanted;
            *held = wanted;
            differs
        });
    }

    fn next(&self) -> BoxFuture<'_, StreamEvent> {
        Box::pin(self.next_event())
    }
}

impl fmt::Debug for KisStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KisStream").field("environment", &self.identity.environment).finish_non_exhaustive()
    }
}
