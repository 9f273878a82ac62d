//! One WebSocket connection: opened, spoken to, heard. Frames are bounded; nothing here knows what they mean.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::http::{Dial, Duplex};

/// The path of every registration (KIS.md 1: both forms are accepted, this is the samples' one).
const PATH: &str = "/tryitout";
/// Longest wait for the connection and its handshake, real time.
const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// Longest wait until a text has left.
const SAY_WITHIN: Duration = Duration::from_secs(5);
/// The longest text taken: 999 records of the widest feed would not be much more than half of it.
pub(super) const TEXT_BYTES_MAX: usize = 512 * 1024;

/// An open connection.
pub(super) struct Line(WebSocketStream<Box<dyn Duplex>>);

/// What came.
pub(super) enum Heard {
    /// A text.
    Text(String),
    /// A ping, which is answered by itself.
    Nothing,
    /// The other side is gone, in words.
    Ended(String),
}

impl Line {
    /// Connects.
    ///
    /// # Errors
    /// In words; without an address.
    pub(super) async fn open(dial: &dyn Dial) -> Result<Self, String> {
        let opening = async {
            let wire = dial.dial().await.map_err(|error| error.to_string())?;
            let url = format!("ws://{}{PATH}", dial.authority());
            let limits = WebSocketConfig::default()
                .max_message_size(Some(TEXT_BYTES_MAX))
                .max_frame_size(Some(TEXT_BYTES_MAX));
            let opened = tokio_tungstenite::client_async_with_config(url, wire, Some(limits)).await;
            opened.map(|(socket, _response)| Self(socket)).map_err(|error| format!("no WebSocket: {error}"))
        };
        match tokio::time::timeout(OPEN_WITHIN, opening).await {
            Ok(opened) => opened,
            Err(_elapsed) => Err("no WebSocket within 10 s".into()),
        }
    }

    /// Sends a text.
    ///
    /// # Errors
    /// In words; the connection is of no use then.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), String> {
        match tokio::time::timeout(SAY_WITHIN, self.0.send(Message::text(text))).await {
            Ok(said) => said.map_err(|error| error.to_string()),
            Err(_elapsed) => Err("nothing can be sent".into()),
        }
    }

    /// The next text. Dropping the future loses nothing.
    pub(super) async fn hear(&mut self) -> Heard {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Heard::Text(text.as_str().to_owned()),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Heard::Nothing,
            Some(Ok(Message::Binary(_))) => Heard::Ended("a binary frame came, which KIS never sends".into()),
            Some(Ok(Message::Close(_))) | None => Heard::Ended("the exchange closed the line".into()),
            Some(Err(error)) => Heard::Ended(error.to_string()),
        }
    }
}
