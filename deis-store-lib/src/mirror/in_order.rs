//! Transfers that run beside each other and whose results leave in the order of the listing.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use tokio::sync::Semaphore;

use crate::error::Result;

/// Results that may wait for an earlier, slower one. At about 1 KiB each this bounds memory, and a large object holds
/// up the small ones behind it only when so many are waiting.
const WINDOW: usize = 4096;

/// Runs so many futures at once, and gives their outputs in the order of the futures. It ends after the first error.
pub(super) fn in_order<T, F: Future<Output = Result<T>>>(
    futures: impl Stream<Item = Result<F>>,
    at_once: usize,
) -> impl Stream<Item = Result<T>> {
    let places = Arc::new(Semaphore::new(WINDOW));
    let numbered = futures.enumerate().then(move |(number, future)| {
        let places = places.clone();
        async move {
            // It is never closed, and given back when the output leaves: the first one that is missing has a place.
            let place = places.acquire_owned().await.ok();
            future.map(|future| async move { Ok((number, (future.await?, place))) })
        }
    });
    let mut waiting = BTreeMap::new();
    let mut turn = 0_usize;
    let batches = numbered.try_buffer_unordered(at_once.max(1)).map_ok(move |(number, output)| {
        waiting.insert(number, output);
        let mut ready = Vec::new();
        while let Some((output, _place)) = waiting.remove(&turn) {
            ready.push(Ok(output));
            turn += 1;
        }
        stream::iter(ready)
    });
    let mut failed = false;
    batches
        .try_flatten()
        .take_while(move |output| future::ready(!std::mem::replace(&mut failed, output.is_err())))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::error::{Error, ErrorKind};

    async fn after(number: u64, delay_ms: u64) -> Result<u64> {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        Ok(number)
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_one_holds_up_neither_the_work_nor_the_order() {
        let began = tokio::time::Instant::now();
        let delay = |number: u64| if number == 0 { 500 } else { 1 + number % 7 };
        let futures = stream::iter((0..3000).map(|number| Ok(after(number, delay(number)))));
        let outputs: Vec<u64> = in_order(futures, 32).try_collect().await.unwrap();
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
        let mut outputs = Box::pin(in_order(futures, 32));
        let first = tokio::time::timeout(Duration::from_mins(15), outputs.try_next()).await;
        assert!(first.is_err() && begun.get() <= WINDOW + 1, "{}", begun.get());
        assert_eq!(outputs.try_collect::<Vec<_>>().await.unwrap().len(), 3 * WINDOW);
    }

    #[tokio::test]
    async fn nothing_comes_after_an_error() {
        let error = || Error::new(ErrorKind::Internal, "no");
        let futures = stream::iter([Ok(future::ready(Ok(1))), Err(error()), Ok(future::ready(Ok(3)))]);
        let outputs: Vec<_> = in_order(futures, 1).collect().await;
        assert!(outputs.last().unwrap().is_err(), "{outputs:?}");
    }
}
