//! A gateway that is published and does not work: it greets, but refuses each signed request, or does not listen at all.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::{Context, Result};

const ANONYMOUS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListAllMyBucketsResult \
    xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Owner><ID>anonymous</ID><DisplayName></DisplayName></Owner>\
    <Buckets></Buckets></ListAllMyBucketsResult>";

/// The gateway. Dropped, it stops.
#[derive(Debug)]
pub(super) struct Broken {
    host: String,
    port: u16,
    status: Option<u16>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Broken {
    /// Starts one that answers this status to signed requests. Without a status, nothing listens.
    pub(super) fn start(host: &str, port: u16, status: Option<u16>) -> Result<Self> {
        let end = Arc::new(AtomicBool::new(false));
        let thread = match status {
            None => None,
            Some(status) => {
                let listener = TcpListener::bind((host, port)).context("Broken gateway")?;
                let end = Arc::clone(&end);
                Some(std::thread::spawn(move || serve(&listener, status, &end)))
            }
        };
        Ok(Self { host: host.to_owned(), port, status, end, thread })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn status(&self) -> Option<u16> {
        self.status
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        // The listener waits for one more connection.
        let _ = TcpStream::connect((self.host.as_str(), self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(listener: &TcpListener, status: u16, end: &AtomicBool) {
    for stream in listener.incoming() {
        if end.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        std::thread::spawn(move || answer(stream, status));
    }
}

/// Answers one request, and closes the connection.
fn answer(mut stream: TcpStream, status: u16) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let (mut head, mut piece) = (Vec::new(), [0; 4096]);
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => head.extend_from_slice(&piece[..count]),
            _ => return,
        }
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let signed = head.contains("authorization:") || head.contains("signature=");
    let code = if status == 403 { "AccessDenied" } else { "InternalError" };
    let (status, body) = if signed {
        (status, format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code></Error>"))
    } else {
        (200, ANONYMOUS.to_owned())
    };
    let _ = write!(
        stream,
        "HTTP/1.1 {status} Answer\r\nContent-Type: application/xml\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
}
