//! Waits that are told of: somebody's silence is said to be theirs after 5 s, and then less and less often. And how slowly an
//! answer may come.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::run::{Event, Level, Run};

/// A wait of this is told of. Anything that is well answers in less.
const FIRST: Duration = Duration::from_secs(5);

/// An answer that comes more slowly than this is none: of a line that is as slow, nobody could use a gateway.
const LEAST_BYTES_PER_SECOND: u64 = 100;

/// So many pieces show how slow it is: one that comes after a long pause does not.
const PIECES: u32 = 4;

/// Tells a run's monitor of waits, of all that wait for the same thing one at a time.
pub(crate) struct Teller {
    run: Run,
    said: Mutex<Option<Instant>>,
}

impl Teller {
    pub(crate) fn new(run: &Run) -> Self {
        Self { run: run.clone(), said: Mutex::default() }
    }

    /// The result of the work. While nothing moves, `text` says of what nothing was heard, and is given for how long.
    #[cfg(any(feature = "backup", test))]
    pub(crate) async fn watch<T>(
        &self,
        moved: &Moved,
        text: impl Fn(Duration) -> String,
        work: impl Future<Output = T>,
    ) -> T {
        self.watch_from(FIRST, moved, text, work).await
    }

    /// The same from another silence on, for what is slow by itself.
    pub(crate) async fn watch_from<T>(
        &self,
        first: Duration,
        moved: &Moved,
        text: impl Fn(Duration) -> String,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = std::pin::pin!(work);
        let mut times = 0;
        loop {
            let after = told_after(times).max(first);
            tokio::select! {
                biased;
                result = &mut work => return result,
                () = sleep_until(moved.last() + after) => {}
            }
            let silent = moved.last().elapsed();
            if silent < after {
                times = 0;
                continue;
            }
            times += 1;
            self.say("waiting", || text(silent));
        }
    }

    /// Tells of a wait, unless another one was just told of.
    pub(crate) fn say(&self, code: &'static str, text: impl FnOnce() -> String) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.is_none_or(|said| said.elapsed() >= FIRST) {
            *said = Some(Instant::now());
            self.run.note(Level::Warning, code, &text());
        }
    }

    /// Tells of a request, to those who follow each.
    pub(crate) fn request(&self, text: impl FnOnce() -> String) {
        if self.run.monitor.follows_requests() {
            self.run.note(Level::Info, "request", &text());
        }
    }

    /// Tells that bytes of bodies have moved.
    pub(crate) fn moved(&self, sent_bytes: u64, received_bytes: u64) {
        self.run.monitor.event(&Event::Moved { sent_bytes, received_bytes });
    }

    /// Tells what a person should know.
    pub(crate) fn warn(&self, code: &'static str, text: &str) {
        self.run.note(Level::Warning, code, text);
    }
}

/// After which silence it is told of for the first time, the second, …
pub(crate) fn told_after(times: u64) -> Duration {
    match times {
        0 => FIRST,
        1 => Duration::from_secs(30),
        more => Duration::from_secs(60 * (more - 1)),
    }
}

impl fmt::Debug for Teller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Teller").finish_non_exhaustive()
    }
}

/// When something last moved.
#[derive(Clone, Debug)]
pub(crate) struct Moved(Arc<Mutex<Instant>>);

impl Moved {
    pub(crate) fn now() -> Self {
        Self(Arc::new(Mutex::new(Instant::now())))
    }

    pub(crate) fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of a wait; nothing, if so long after the last move there is none.
    pub(super) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        loop {
            match timeout_at(self.last() + limit, &mut work).await {
                Ok(result) => return Some(result),
                Err(_) if self.last() + limit > Instant::now() => {}
                Err(_) => return None,
            }
        }
    }
}

/// How slowly a body comes, by the time that was waited for it.
#[derive(Debug)]
pub(crate) struct Slowness {
    /// After so long it is judged.
    patience: Duration,
    waited: Duration,
    bytes: u64,
    pieces: u32,
}

impl Slowness {
    pub(crate) fn new(patience: Duration) -> Self {
        Self { patience, waited: Duration::ZERO, bytes: 0, pieces: 0 }
    }

    /// A piece came after a wait: an error if the body comes too slowly.
    pub(crate) fn piece(&mut self, waited: Duration, bytes: &Bytes) -> io::Result<()> {
        self.waited += waited;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        self.pieces = self.pieces.saturating_add(1);
        if self.waited < self.patience || self.pieces < PIECES {
            return Ok(());
        }
        if self.bytes < self.waited.as_secs().saturating_mul(LEAST_BYTES_PER_SECOND) {
            let text = format!("only {} bytes have come within {} s", self.bytes, self.waited.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow(text)));
        }
        // From now on: a fast beginning does not excuse what follows.
        *self = Self::new(self.patience);
        Ok(())
    }
}

/// That a body comes too slowly.
#[derive(Debug)]
pub(crate) struct TooSlow(String);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooSlow {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::heard::Heard;

    #[tokio::test(start_paused = true)]
    async fn a_silence_is_told_of_after_5_seconds_and_then_less_and_less_often() {
        let (run, heard) = Heard::run();
        let teller = Teller::new(&run);
        let text = |silent: Duration| format!("silent for {} s", silent.as_secs());
        let work = async |seconds| tokio::time::sleep(Duration::from_secs(seconds)).await;
        teller.watch(&Moved::now(), text, work(4)).await;
        assert!(heard.notes().is_empty());
        teller.watch(&Moved::now(), text, work(130)).await;
        let expected = [5, 30, 60, 120].map(|seconds| format!("silent for {seconds} s"));
        assert_eq!(heard.notes(), expected);
    }

    #[tokio::test(start_paused = true)]
    async fn what_moves_is_not_silent_and_of_many_that_wait_one_is_told() {
        let (run, heard) = Heard::run();
        let teller = Teller::new(&run);
        let moved = Moved::now();
        let work = async {
            for _ in 0..20 {
                tokio::time::sleep(Duration::from_secs(4)).await;
                moved.again();
            }
        };
        teller.watch(&moved, |_| "silent".to_owned(), work).await;
        assert!(heard.notes().is_empty());
        let wait = async || {
            let work = tokio::time::sleep(Duration::from_secs(20));
            teller.watch(&Moved::now(), |_| "silent".to_owned(), work).await;
        };
        futures_util::future::join_all((0..64).map(|_| wait())).await;
        assert_eq!(heard.notes().len(), 1);
    }

    #[test]
    fn a_body_that_drips_is_too_slow_and_one_after_a_pause_is_not() {
        let second = Duration::from_secs(1);
        let mut drips = Slowness::new(20 * second);
        let ends = (0..99).find(|_| drips.piece(5 * second, &Bytes::from_static(b"x")).is_err());
        assert_eq!(ends, Some(3), "after 20 s");
        let mut paused = Slowness::new(20 * second);
        paused.piece(600 * second, &Bytes::from_static(b"x")).unwrap();
        let mut slow = Slowness::new(20 * second);
        (0..99).for_each(|_| slow.piece(second, &Bytes::from_static(&[0; 200])).unwrap());
    }
}
