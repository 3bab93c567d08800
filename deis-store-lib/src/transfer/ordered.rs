//! Transfers that run beside each other and whose results leave in the order of the listing.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::stream::{Fuse, FuturesUnordered};
use futures_util::{FutureExt as _, Stream, StreamExt as _};

use crate::error::{Error, Result};
use crate::run::Stop;

/// Results that may wait for an earlier, slower one. At about 1 KiB each this bounds memory, and a large object holds
/// up the small ones behind it only when so many are waiting.
const WINDOW: usize = 4096;

/// Runs so many futures at once, and gives their outputs in the order of the futures. The first error, and a stop, ends
/// what still runs, and comes after the outputs that are there already: what they tell of has happened.
pub(crate) fn ordered<T, F: Future<Output = Result<T>>>(
    futures: impl Stream<Item = Result<F>>,
    at_once: usize,
    stop: Stop,
) -> impl Stream<Item = Result<T>> {
    let (running, window) = (FuturesUnordered::new(), VecDeque::new());
    let (futures, at_once) = (Box::pin(futures.fuse()), at_once.max(1));
    Ordered { futures, running, at_once, window, given: 0, end: None, stop }
}

struct Ordered<S, F, T> {
    futures: Pin<Box<Fuse<S>>>,
    running: FuturesUnordered<Numbered<F>>,
    at_once: usize,
    /// The outputs from the one whose turn it is; `None` for those that have not come.
    window: VecDeque<Option<T>>,
    /// How many outputs have left the window.
    given: usize,
    /// The last item, which is given when the window is empty.
    end: Option<Result<(), Error>>,
    stop: Stop,
}

impl<T, F: Future<Output = Result<T>>, S: Stream<Item = Result<F>>> Ordered<S, F, T> {
    /// Begins one more. Most have nothing to wait for, and do not come among those that are woken.
    fn begin(&mut self, future: F, context: &mut Context<'_>) {
        let mut future = Box::pin(future);
        let output = match future.poll_unpin(context) {
            Poll::Ready(Ok(output)) => Some(output),
            Poll::Ready(Err(error)) => return self.fail(error),
            Poll::Pending => {
                self.running.push(Numbered { number: self.given + self.window.len(), future });
                None
            }
        };
        self.window.push_back(output);
    }

    fn fail(&mut self, error: Error) {
        self.running.clear();
        self.window.retain(Option::is_some);
        self.end = Some(Err(error));
    }
}

impl<T, F, S> Unpin for Ordered<S, F, T> {}

impl<T, F: Future<Output = Result<T>>, S: Stream<Item = Result<F>>> Stream for Ordered<S, F, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.end.is_none()
            && let Err(error) = self.stop.check()
        {
            self.fail(error);
        }
        loop {
            if let Some(output) = self.window.front_mut().and_then(Option::take) {
                self.window.pop_front();
                self.given += 1;
                return Poll::Ready(Some(Ok(output)));
            }
            if let Some(end) = &mut self.end {
                return Poll::Ready(std::mem::replace(end, Ok(())).err().map(Err));
            }
            if self.running.len() < self.at_once && self.window.len() < WINDOW {
                match self.futures.poll_next_unpin(context) {
                    Poll::Ready(Some(Ok(future))) => {
                        self.begin(future, context);
                        continue;
                    }
                    Poll::Ready(Some(Err(error))) => {
                        self.fail(error);
                        continue;
                    }
                    Poll::Ready(None) | Poll::Pending => {}
                }
            }
            match ready!(self.running.poll_next_unpin(context)) {
                Some((number, Ok(output))) => {
                    let turn = number - self.given;
                    self.window[turn] = Some(output);
                }
                Some((_, Err(error))) => self.fail(error),
                None if self.futures.is_done() => self.end = Some(Ok(())),
                None => return Poll::Pending,
            }
        }
    }
}

/// A future, and the number of its turn.
struct Numbered<F> {
    number: usize,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Numbered<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let output = ready!(self.future.poll_unpin(context));
        Poll::Ready((self.number, output))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::{TryStreamExt as _, future, stream};

    use super::*;
    use crate::error::ErrorKind;

    async fn after(number: u64, delay_ms: u64) -> Result<u64> {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        Ok(number)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_one_holds_up_neither_the_work_nor_the_order() {
        let began = tokio::time::Instant::now();
        let delay = |number: u64| if number == 0 { 500 } else { 1 + number % 7 };
        let futures = stream::iter((0..3000).map(|number| Ok(after(number, delay(number)))));
        let outputs: Vec<u64> = ordered(futures, 32, Stop::default()).try_collect().await.unwrap();
        assert!(outputs.is_sorted() && outputs.len() == 3000);
        assert!(began.elapsed() < Duration::from_millis(600), "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_slow_one_is_bounded() {
        let begun = std::cell::Cell::new(0);
        let futures = stream::iter((0..3 * WINDOW as u64).map(|number| {
            begun.set(begun.get() + 1);
            Ok(after(number, if number == 0 { 1_000_000 } else { 1 }))
        }));
        let mut outputs = Box::pin(ordered(futures, 32, Stop::default()));
        let first = tokio::time::timeout(Duration::from_mins(15), outputs.try_next()).await;
        assert!(first.is_err() && begun.get() <= WINDOW + 1, "{}", begun.get());
        assert_eq!(outputs.try_collect::<Vec<_>>().await.unwrap().len(), 3 * WINDOW);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_all_and_what_was_done_is_told_of() {
        let stop = Stop::default();
        let futures =
            stream::iter((0..99).map(|number| Ok(after(number, if number == 0 { 1000 } else { 1 }))));
        let outputs = tokio::spawn(ordered(futures, 4, stop.clone()).collect::<Vec<_>>());
        tokio::time::sleep(Duration::from_millis(5)).await;
        stop.stop();
        let outputs = outputs.await.unwrap();
        let given: Vec<u64> = outputs.iter().flatten().copied().collect();
        assert!(given.len() > 3 && given.len() < 30 && given[0] == 1 && given.is_sorted(), "{given:?}");
        assert_eq!(outputs[given.len()].as_ref().unwrap_err().kind(), ErrorKind::Interrupted);
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_ends_all_and_comes_after_what_was_there_before_it() {
        let error = || Error::new(ErrorKind::Internal, "no");
        let work = |number: u64| async move {
            match number {
                // It is never given: the error does not wait for it.
                1 => after(number, 1000).await,
                5 => after(number, 10).await.and(Err(error())),
                _ => after(number, 1).await,
            }
        };
        let futures = stream::iter((0..9).map(|number| Ok(work(number))));
        let outputs: Vec<_> = ordered(futures, 6, Stop::default()).collect().await;
        let given: Vec<u64> = outputs.iter().flatten().copied().collect();
        assert_eq!(given, [0, 2, 3, 4, 6, 7, 8]);
        assert!(outputs.len() == 8 && outputs[7].is_err(), "{outputs:?}");

        let futures = stream::iter([Ok(future::ready(Ok(1))), Err(error()), Ok(future::ready(Ok(3)))]);
        let outputs: Vec<_> = ordered(futures, 1, Stop::default()).collect().await;
        assert!(matches!(outputs[..], [Ok(1), Err(_)]), "{outputs:?}");
    }
}
