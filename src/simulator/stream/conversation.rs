//! One connection, from the handshake until either side ends it.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use serde_json::json;
use tokio::time::Instant;

use super::desk::{Answer, Desk};
use crate::simulator::{Exchange, wire};

/// Between two keep-alives, real time (KIS.md 21: 10 to 60 s).
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(20);
/// A line on which so many keep-alives in a row were not sent back is dead. Our choice; KIS does not say.
const UNANSWERED_MAX: u32 = 3;
/// The exchange's books are looked at this often in exchange time, and never more often than the second in real time.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const LOOK_EVERY_REAL: Duration = Duration::from_millis(50);

/// Holds a conversation.
pub(super) async fn hold(exchange: Arc<Exchange>, socket: WebSocket) {
    let (connection, cuts) = {
        let mut state = exchange.advanced();
        (state.streams.connect(), state.streams.cuts.subscribe())
    };
    let _released = Hold { exchange: exchange.clone(), connection };
    let desk = Desk::new(connection, exchange.environment);
    // The client learns nothing more of a line that broke.
    let _ended = converse(&exchange, socket, desk, cuts).await;
}

/// Gives the app key back, however the conversation ends.
struct Hold {
    exchange: Arc<Exchange>,
    connection: u64,
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.exchange.advanced().streams.release(self.connection);
    }
}

/// What happens next on a line.
enum Turn {
    Cut,
    Heard(Option<Message>),
    KeepAlive,
    Look,
}

async fn converse(
    exchange: &Exchange,
    mut socket: WebSocket,
    mut desk: Desk,
    mut cuts: tokio::sync::watch::Receiver<u64>,
) -> Result<(), axum::Error> {
    let every = exchange.clock.real(LOOK_EVERY).max(LOOK_EVERY_REAL);
    let (mut keep_alive, mut look, mut unanswered) =
        (Instant::now() + KEEP_ALIVE_EVERY, Instant::now() + every, 0);
    loop {
        let turn = tokio::select! {
            biased;
            _cut = cuts.changed() => Turn::Cut,
            () = tokio::time::sleep_until(keep_alive) => Turn::KeepAlive,
            () = tokio::time::sleep_until(look), if !desk.is_idle() => Turn::Look,
            heard = socket.recv() => Turn::Heard(heard.transpose()?),
        };
        match turn {
            Turn::Cut | Turn::Heard(None | Some(Message::Close(_) | Message::Binary(_))) => return Ok(()),
            Turn::Heard(Some(Message::Ping(_) | Message::Pong(_))) => {}
            Turn::KeepAlive => {
                keep_alive = Instant::now() + KEEP_ALIVE_EVERY;
                unanswered += 1;
                if unanswered > UNANSWERED_MAX {
                    return Ok(());
                }
                socket.send(Message::text(keep_alive_text(exchange))).await?;
            }
            Turn::Look => {
                look = Instant::now() + every;
                let frames = desk.news(&mut exchange.advanced());
                for frame in frames {
                    socket.send(Message::text(frame)).await?;
                }
            }
            Turn::Heard(Some(Message::Text(text))) => {
                let answer = desk.take(text.as_str(), &mut exchange.advanced());
                match answer {
                    Answer::Alive => unanswered = 0,
                    Answer::Say(text) => socket.send(Message::text(text)).await?,
                    Answer::Part(text) => {
                        socket.send(Message::text(text)).await?;
                        return Ok(());
                    }
                }
            }
        }
    }
}

fn keep_alive_text(exchange: &Exchange) -> String {
    let now = exchange.clock.now();
    let datetime = format!("{}{}", wire::korean_date(now), wire::korean_time(now));
    json!({"header": {"tr_id": "PINGPONG", "datetime": datetime}}).to_string()
}
