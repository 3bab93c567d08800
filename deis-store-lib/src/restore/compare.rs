//! A snapshot's list and a bucket's listing side by side: two sorted streams, neither held.

use std::cmp::Ordering;
use std::pin::pin;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, future, stream};
use tokio::sync::mpsc;

use crate::error::Result;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, Part, Snapshot};

/// A key, and where it is.
pub(super) enum Compared {
    /// In the snapshot alone.
    Here(Box<ListLine>),
    /// In the bucket alone.
    There(ListedObject),
    /// In both.
    Both(Box<ListLine>, ListedObject),
}

/// Calls `each` for every key that is on disk in the snapshot or is in the bucket. No bucket is an empty one.
pub(super) async fn compare(
    client: &Client,
    bucket: Option<&BucketName>,
    snapshot: &Snapshot,
    part: Part,
    mut each: impl FnMut(Compared) -> Result<()>,
) -> Result<()> {
    let mut here = pin!(lines(snapshot, part).try_filter(|line| future::ready(line.outcome.is_on_disk())));
    let listing = match bucket {
        Some(bucket) => client.list(bucket, "").left_stream(),
        None => stream::empty().right_stream(),
    };
    let mut there = pin!(listing);
    let (mut line, mut object) = (here.try_next().await?, there.try_next().await?);
    loop {
        let order = match (&line, &object) {
            (None, None) => return Ok(()),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(line), Some(object)) => line.key.as_bytes().cmp(object.key.as_bytes()),
        };
        let left = if order == Ordering::Greater { None } else { line.take().map(Box::new) };
        let right = if order == Ordering::Less { None } else { object.take() };
        if left.is_some() {
            line = here.try_next().await?;
        }
        if right.is_some() {
            object = there.try_next().await?;
        }
        match (left, right) {
            (Some(left), Some(right)) => each(Compared::Both(left, right))?,
            (Some(left), None) => each(Compared::Here(left))?,
            (None, Some(right)) => each(Compared::There(right))?,
            (None, None) => {}
        }
    }
}

/// The lines of a part, read ahead by a blocking task.
pub(super) fn lines(snapshot: &Snapshot, part: Part) -> impl Stream<Item = Result<ListLine>> + use<> {
    let (sender, receiver) = mpsc::channel(256);
    let snapshot = snapshot.clone();
    tokio::task::spawn_blocking(move || match snapshot.lines(part) {
        Ok(mut lines) => {
            // A receiver that has gone away wants no more.
            let _all_sent = lines.all(|line| sender.blocking_send(line).is_ok());
        }
        Err(error) => drop(sender.blocking_send(Err(error))),
    });
    stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|line| (line, receiver)) })
}
