//! The asking side: one request, one reply.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::wire::{Reply, Request};
use super::{ControlError, REPLY_MAX_BYTES, socket_path};

/// Longest wait for a reply: a halt waits for ledger and Broker.
const REPLY_WITHIN: Duration = Duration::from_secs(15);

/// Asks the agent that runs on `data_dir`.
///
/// # Errors
/// [`ControlError::NotRunning`] when nobody listens, [`ControlError::Broken`] when no whole reply comes.
pub fn ask(data_dir: &Path, request: &Request) -> Result<Reply, ControlError> {
    let path = socket_path(data_dir);
    let stream = UnixStream::connect(&path).map_err(|_| ControlError::NotRunning { path })?;
    exchange(stream, request).map_err(|error| ControlError::Broken(error.to_string()))
}

fn exchange(mut stream: UnixStream, request: &Request) -> std::io::Result<Reply> {
    stream.set_read_timeout(Some(REPLY_WITHIN))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    let written = stream.write_all(&line);
    let mut reply = String::new();
    let read = BufReader::new(stream.take(REPLY_MAX_BYTES)).read_line(&mut reply);
    if reply.is_empty() {
        written?;
    }
    // A server that refuses the caller answers without reading the request.
    read?;
    Ok(serde_json::from_str(&reply)?)
}
