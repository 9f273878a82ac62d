//! The seam to a line that both sides speak on: a TCP connection, or two ends in this process.

use std::io;

use axum::serve::Listener;
use domain::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::NetError;

/// Bytes that may be under way in one direction in process.
const IN_PROCESS_BYTES: usize = 64 * 1024;
/// KIS's stream speaks in the clear, by KIS's own design (KIS.md 1): to this host and to this machine only.
const KIS_STREAM_HOST: &str = "ops.koreainvestment.com";

/// Reads and writes.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Opens lines to one host.
pub trait Dial: Send + Sync + 'static {
    /// Host and port.
    fn authority(&self) -> &str;

    /// A new line.
    ///
    /// # Errors
    /// [`NetError::NotSent`].
    fn dial(&self) -> BoxFuture<'_, Result<Box<dyn Duplex>, NetError>>;
}

/// Lines over TCP, in the clear.
#[derive(Clone, Debug)]
pub struct TcpDial(String);

impl TcpDial {
    /// To `authority`, host and port: KIS's own stream host, or this machine.
    ///
    /// # Errors
    /// In words, when it is neither.
    pub fn new(authority: &str) -> Result<Self, String> {
        let uri: http::Uri =
            format!("http://{authority}").parse().map_err(|error| format!("{authority}: {error}"))?;
        let host = uri.host().unwrap_or_default();
        if uri.port().is_some() && (host == KIS_STREAM_HOST || super::is_this_machine(host)) {
            return Ok(Self(authority.to_owned()));
        }
        Err(format!(
            "a stream in the clear goes to {KIS_STREAM_HOST} or to this machine only, not to {authority}"
        ))
    }
}

impl Dial for TcpDial {
    fn authority(&self) -> &str {
        &self.0
    }

    fn dial(&self) -> BoxFuture<'_, Result<Box<dyn Duplex>, NetError>> {
        Box::pin(async move {
            let stream =
                TcpStream::connect(&self.0).await.map_err(|error| NetError::NotSent(error.to_string()))?;
            stream.set_nodelay(true).map_err(|error| NetError::NotSent(error.to_string()))?;
            Ok(Box::new(stream) as Box<dyn Duplex>)
        })
    }
}

/// Lines to a server in this process, so that virtual time can pass. Made by [`in_process`].
#[derive(Clone, Debug)]
pub struct InProcessDial(mpsc::Sender<DuplexStream>);

/// The server's end of [`InProcessDial`]: for [`axum::serve()`], like a TCP listener.
#[derive(Debug)]
pub struct InProcessListener(mpsc::Receiver<DuplexStream>);

/// A dialler and the listener that it reaches.
pub fn in_process() -> (InProcessDial, InProcessListener) {
    let (dial, listener) = mpsc::channel(8);
    (InProcessDial(dial), InProcessListener(listener))
}

impl Dial for InProcessDial {
    fn authority(&self) -> &str {
        "in-process:1"
    }

    fn dial(&self) -> BoxFuture<'_, Result<Box<dyn Duplex>, NetError>> {
        Box::pin(async move {
            let (ours, theirs) = tokio::io::duplex(IN_PROCESS_BYTES);
            self.0.send(theirs).await.map_err(|_| NetError::NotSent("nobody listens".into()))?;
            Ok(Box::new(ours) as Box<dyn Duplex>)
        })
    }
}

impl Listener for InProcessListener {
    type Io = DuplexStream;
    type Addr = ();

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.0.recv().await {
            Some(stream) => (stream, ()),
            // Every dialler is gone: nobody will come any more.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_in_the_clear_goes_to_kis_or_to_this_machine_only() {
        for (authority, allowed) in [
            ("ops.koreainvestment.com:21000", true),
            ("127.0.0.1:8080", true),
            ("[::1]:8080", true),
            ("localhost:1", true),
            ("127.0.0.1", false),
            ("192.0.2.1:80", false),
            ("ops.koreainvestment.com.example.org:80", false),
            ("", false),
        ] {
            assert_eq!(TcpDial::new(authority).is_ok(), allowed, "{authority}");
        }
    }
}
