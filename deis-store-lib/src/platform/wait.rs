//! Waits for facts, with a limit, and tells of it meanwhile.

use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};
use crate::run::{Level, Run};

/// How often is looked.
const EVERY: Duration = Duration::from_millis(500);
/// A wait of this is told of, and again after twice the time.
const TOLD_AFTER: Duration = Duration::from_secs(20);

/// What a look has shown.
pub(super) enum Seen<T> {
    /// It is so.
    Ready(T),
    /// It is not so yet, for this reason.
    NotYet(String),
    /// It will not be so.
    Never(Error),
}

/// Looks until it is so: at most so long.
pub(super) async fn until<T, F: Future<Output = Result<Seen<T>>>>(
    (what, limit): (&str, Duration),
    run: &Run,
    mut look: impl FnMut() -> F,
) -> Result<T> {
    let mut waiting = Waiting::new(what, limit, run);
    loop {
        if let Some(value) = waiting.after(look().await).await? {
            return Ok(value);
        }
    }
}

/// A wait for something, with a limit, for looks that remember what was seen before.
pub(super) struct Waiting<'a> {
    what: &'a str,
    limit: Duration,
    run: &'a Run,
    begun: Instant,
    told_after: Duration,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(what: &'a str, limit: Duration, run: &'a Run) -> Self {
        Self { what, limit, run, begun: Instant::now(), told_after: TOLD_AFTER }
    }

    /// What was waited for; nothing, after a pause, if another look is due. An error of a look is one of its moment: a server
    /// that restarts is asked again.
    pub(super) async fn after<T>(&mut self, looked: Result<Seen<T>>) -> Result<Option<T>> {
        self.run.stop.check()?;
        let (why, cause) = match looked {
            Ok(Seen::Ready(value)) => return Ok(Some(value)),
            Ok(Seen::NotYet(why)) => (why, None),
            Err(error) if is_of_its_moment(&error) => (error.to_string(), Some(error)),
            Ok(Seen::Never(error)) | Err(error) => return Err(error),
        };
        let (what, waited) = (self.what, self.begun.elapsed());
        if waited >= self.limit {
            let text = format!("{what} is not ready after {} s: {why}", waited.as_secs());
            let error = Error::new(ErrorKind::NotReady, text);
            return Err(match cause.as_ref().and_then(Error::advice) {
                Some(todo) => error.todo(todo),
                None => error,
            });
        }
        if waited >= self.told_after {
            self.told_after = 2 * waited;
            let text = format!("waiting for {what} for {} s: {why}", waited.as_secs());
            self.run.note(Level::Warning, "waiting", &text);
        }
        tokio::time::sleep(EVERY.min(self.limit.saturating_sub(waited))).await;
        Ok(None)
    }
}

fn is_of_its_moment(error: &Error) -> bool {
    use ErrorKind::{Busy, Denied, NotFound, NotReady, Protocol, Timeout, Unreachable};
    matches!(error.kind(), Unreachable | Timeout | Busy | NotReady | NotFound | Protocol | Denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_not_so_in_time_is_an_error_that_says_why() {
        let run = Run::silent();
        let mut waiting = Waiting::new("the store", Duration::from_mins(1), &run);
        let error = loop {
            match waiting.after(Ok(Seen::<()>::NotYet("no key".to_owned()))).await {
                Ok(seen) => assert!(seen.is_none()),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::NotReady);
        assert_eq!(error.to_string(), "the store is not ready after 60 s: no key");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_for_a_moment_is_asked_again_and_a_refusal_is_final() {
        let run = Run::silent();
        let mut waiting = Waiting::new("x", Duration::from_mins(1), &run);
        let away = Err(Error::new(ErrorKind::Unreachable, "away"));
        assert_eq!(waiting.after::<u8>(away).await.unwrap(), None);
        assert_eq!(waiting.after(Ok(Seen::Ready(7))).await.unwrap(), Some(7));
        let never = waiting.after(Ok(Seen::<()>::Never(Error::new(ErrorKind::Guard, "no")))).await;
        assert_eq!(never.unwrap_err().kind(), ErrorKind::Guard);
        let disk = waiting.after::<()>(Err(Error::new(ErrorKind::Disk, "full"))).await;
        assert_eq!(disk.unwrap_err().kind(), ErrorKind::Disk);
    }
}
