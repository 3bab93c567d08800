//! A scripted gateway on loopback: it holds objects in memory, answers honestly, and does wrong what its schedule says.
//!
//! It is for what a real gateway does only when it is sick. It looks at no signature: whether
//! requests are right is tested against real gateways.

mod answer;
mod asked;
mod fault;
mod store;
mod wire;

use std::io::{self, BufReader, Read as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;

pub use answer::Answer;
pub use asked::{Asked, Operation};
use fault::Rule;
pub use fault::{Edit, Fault};
use store::Store;
pub use store::{LAST_MODIFIED, MODIFIED, etag};
use wire::{Next, Wire};

use crate::error::{Context as _, Result};

/// A running gateway; dropped, it stops.
#[derive(Debug)]
pub struct FaultyGateway {
    address: SocketAddr,
    shared: Arc<Mutex<State>>,
    listening: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    schedule: Vec<Rule>,
    asked: Vec<Asked>,
    clock_ahead_seconds: i64,
    connections: Vec<Weak<TcpStream>>,
    stopped: bool,
}

impl FaultyGateway {
    /// Starts one without buckets, on a port of its own.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("Faulty gateway")?;
        let address = listener.local_addr().context("Faulty gateway")?;
        let shared = Arc::new(Mutex::default());
        let accepting = Arc::clone(&shared);
        let listening = std::thread::spawn(move || accept(&listener, &accepting));
        Ok(Self { address, shared, listening: Some(listening) })
    }

    /// `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, bucket: &str) {
        self.state().store.make_bucket(bucket);
    }

    /// Stores an object, in a bucket that is made if need be.
    pub fn store(&self, bucket: &str, key: &str, body: &[u8]) {
        self.state().store.put(bucket, key, body.to_vec());
    }

    /// Deletes an object, if it is there.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.state().store.delete(bucket, key);
    }

    /// The bytes of an object, if it is there.
    #[must_use]
    pub fn stored(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.state().store.object(bucket, key).map(|object| object.body.clone())
    }

    /// A page of a listing has at most so many entries, also where more are asked for.
    pub fn set_page_entries(&self, most: usize) {
        self.state().store.page_entries = most;
    }

    /// Sets its clock; one that is over 15 minutes off the request's `Date` refuses the request, as a real one does.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.state().clock_ahead_seconds = seconds;
    }

    /// Adds to the schedule: of the requests for this operation (`None`: any) whose target holds `target`, those with
    /// these numbers, from 0, meet this fault. Of several rules that hold, the first one added counts.
    pub fn on(&self, operation: impl Into<Option<Operation>>, target: &str, nth: Range<usize>, fault: Fault) {
        let rule = Rule { operation: operation.into(), target: target.to_owned(), nth, fault, met: 0 };
        self.state().schedule.push(rule);
    }

    /// Every request so far, in the order of their coming.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.state().asked.clone()
    }

    /// The requests for an operation.
    #[must_use]
    pub fn asked_for(&self, operation: Operation) -> Vec<Asked> {
        self.asked().into_iter().filter(|asked| asked.operation() == operation).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.shared)
    }
}

impl Drop for FaultyGateway {
    fn drop(&mut self) {
        let mut state = self.state();
        state.stopped = true;
        for connection in state.connections.drain(..).filter_map(|connection| connection.upgrade()) {
            let _ = connection.shutdown(Shutdown::Both);
        }
        drop(state);
        // Wakes the one that accepts.
        let _ = TcpStream::connect(self.address);
        if let Some(listening) = self.listening.take() {
            let _ = listening.join();
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Mutex<State>>) {
    for stream in listener.incoming() {
        let mut state = lock(shared);
        if state.stopped {
            return;
        }
        let Ok(stream) = stream.map(Arc::new) else { continue };
        state.connections.push(Arc::downgrade(&stream));
        let shared = Arc::clone(shared);
        // A connection that breaks is the client's matter, and mostly what the schedule asks for.
        std::thread::spawn(move || drop(serve(&stream, &shared)));
    }
}

fn serve(stream: &TcpStream, shared: &Mutex<State>) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(asked) = Asked::read(&mut reader)? {
        let (number, fault) = {
            let mut state = lock(shared);
            let fault = fault::met(&mut state.schedule, &asked);
            state.asked.push(asked.clone());
            (state.asked.len() - 1, fault)
        };
        if let Some(Fault::HangsUp(after)) = fault {
            reader.take(after).read_to_end(&mut Vec::new())?;
            // What is left unread makes this a reset, as with a gateway that is killed.
            return Ok(());
        }
        let mut body = vec![0; asked.length_bytes()];
        reader.read_exact(&mut body)?;
        let mut wire = Wire { stream, is_head: asked.method == "HEAD", sent_bytes: 0 };
        let answer = answer(&mut lock(shared), &asked, body, fault.as_ref());
        let next = wire.send(answer, fault.as_ref());
        lock(shared).asked[number].answered_bytes = wire.sent_bytes;
        if next? == Next::Close {
            return Ok(());
        }
    }
    Ok(())
}

/// What it answers; the part of a fault that is no matter of the wire is done here.
fn answer(state: &mut State, asked: &Asked, body: Vec<u8>, fault: Option<&Fault>) -> Answer {
    let now = fault::moved(state.clock_ahead_seconds);
    if let Some(Fault::Instead(answer)) = fault {
        return answer.clone().or_header("Date", &httpdate::fmt_http_date(now));
    }
    let mut answer = match asked.header("date").and_then(|date| httpdate::parse_http_date(date).ok()) {
        Some(date) if fault::apart(date, now) <= fault::MOST_SKEW => state.store.answer(asked, body),
        _ => Answer::error(403, "RequestTimeTooSkewed"),
    };
    match fault {
        Some(Fault::Edited(edit)) => edit(&mut answer),
        Some(Fault::Replaced { by, .. }) => {
            if let (Some(bucket), Some(key)) = (asked.bucket(), asked.key()) {
                state.store.put(&bucket, &key, by.clone());
            }
        }
        _ => {}
    }
    answer.or_header("Date", &httpdate::fmt_http_date(now))
}
