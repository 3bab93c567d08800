//! A part's objects into a bucket: what refers is written only when all that it refers to is there, and what was
//! written is listed back and compared.

use std::time::Duration;

use futures_util::{Stream, TryStreamExt as _, future, stream};

use super::RestoredPart;
use super::diff::{Compared, compare, lines};
use crate::contents::registry::REPOSITORIES;
use crate::contents::wal_e::{BASE_BACKUPS, is_sentinel, latest};
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::{Run, Running};
use crate::s3::etag::ETag;
use crate::s3::op::{PutObject, ServerTime};
use crate::s3::{BucketName, Checked, Client, PartLayout};
use crate::snapshot::{ListLine, Snapshot};
use crate::transfer::{Pushed, ToPush, push};

/// Between two sentinels: WAL-E takes the one written last for `LATEST`, and old gateways list whole seconds.
const BETWEEN_SENTINELS: Duration = Duration::from_millis(1100);

/// Where a part goes.
pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    pub(super) bucket: &'a BucketName,
    /// Whether some of it may be there already.
    pub(super) look_first: bool,
    /// Whether to write what refers also where something it refers to is lost.
    pub(super) despite_damage: bool,
}

pub(super) async fn restore(
    target: &Target<'_>,
    snapshot: &Snapshot,
    part: Part,
    run: &Run,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<(RestoredPart, Verdict)> {
    target.client.create_bucket(target.bucket).await?;
    let mut restoring = Restoring {
        target,
        snapshot,
        part,
        run,
        task,
        findings,
        done: RestoredPart::default(),
        damaged: false,
        look_first: target.look_first,
    };
    let refers = |line: &ListLine| match part {
        Part::DbWal => is_sentinel(&line.key),
        _ => line.key.starts_with(REPOSITORIES),
    };
    restoring.push(lines(snapshot, part).try_filter(|line| future::ready(!refers(line)))).await?;
    if restoring.done.failed == 0 || target.despite_damage {
        let last = lines(snapshot, part).try_filter(|line| future::ready(refers(line)));
        if part == Part::DbWal {
            restoring.sentinels(last).await?;
        } else {
            restoring.push(last).await?;
        }
        restoring.check().await?;
    } else {
        let what = if part == Part::DbWal { "sentinels" } else { "tags" };
        restoring.finding(
            part.name(),
            FindingKind::Failed,
            &format!(
                "the {what} were not written, since objects are missing that they stand for: take these from another \
                 snapshot, or run it again despite the damage, to write the {what} all the same"
            ),
        );
    }
    let verdict = match (restoring.damaged, restoring.done.failed) {
        (true, _) => Verdict::Damaged,
        (false, 0) => Verdict::Good,
        (false, _) => Verdict::Incomplete,
    };
    Ok((restoring.done, verdict))
}

struct Restoring<'a> {
    target: &'a Target<'a>,
    snapshot: &'a Snapshot,
    part: Part,
    run: &'a Run,
    task: &'a Running<'a>,
    findings: &'a mut Findings,
    done: RestoredPart,
    damaged: bool,
    /// Whether an object may be there already.
    look_first: bool,
}

impl Restoring<'_> {
    async fn push(&mut self, lines: impl Stream<Item = Result<ListLine>>) -> Result<()> {
        let Target { client, bucket, .. } = *self.target;
        let (snapshot, part, look_first) = (self.snapshot.clone(), self.part, self.look_first);
        let files = lines
            .try_filter(|line| future::ready(line.outcome.is_on_disk()))
            .map_ok(move |line| to_push(&snapshot, part, line));
        let (run, task) = (self.run, self.task);
        push(client, bucket, files, look_first, run, task, |pushed| {
            self.count(&pushed);
            Ok(())
        })
        .await
    }

    fn count(&mut self, pushed: &Pushed) {
        match &pushed.result {
            Ok(_) if pushed.unchanged => self.done.unchanged += 1,
            Ok(_) => {
                self.done.restored += 1;
                self.done.bytes += pushed.size_bytes;
            }
            Err(error) => {
                self.done.failed += 1;
                let damaged = matches!(
                    error.kind(),
                    ErrorKind::Damaged | ErrorKind::SourceChanged | ErrorKind::NotFound
                );
                self.damaged |= damaged;
                let kind = if damaged { FindingKind::Changed } else { FindingKind::Failed };
                self.finding(&pushed.key, kind, &error.what());
            }
        }
    }

    /// Writes the sentinels one by one in the order in which they were written first, so that `LATEST` stays what it
    /// was.
    async fn sentinels(&mut self, lines: impl Stream<Item = Result<ListLine>>) -> Result<()> {
        let mut sentinels: Vec<ListLine> =
            lines.try_filter(|line| future::ready(line.outcome.is_on_disk())).try_collect().await?;
        sentinels.sort_by(|a, b| (a.modified, &a.key).cmp(&(b.modified, &b.key)));
        let intended = sentinels.last().map(|line| line.key.clone());
        for (index, line) in sentinels.into_iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(BETWEEN_SENTINELS).await;
            }
            let before = self.done.restored;
            self.push(stream::iter([Ok(line)])).await?;
            // Once one is written anew, those after it must be newer still.
            self.look_first &= self.done.restored == before;
        }
        let listed = self.target.client.list(self.target.bucket, BASE_BACKUPS);
        let there: Vec<(String, ServerTime)> = listed
            .try_filter(|object| future::ready(is_sentinel(&object.key)))
            .map_ok(|object| (object.key.into(), object.modified))
            .try_collect()
            .await?;
        let found = latest(there);
        if self.done.failed == 0 && found != intended {
            let text = format!("WAL-E would take {found:?} for LATEST, and the snapshot means {intended:?}");
            return Err(Error::new(ErrorKind::Changed, text)
                .at(At::Bucket, self.target.bucket)
                .todo("empty the bucket and restore again; do not start the database before"));
        }
        self.done.latest = found;
        Ok(())
    }

    /// Lists the bucket and compares it with the snapshot.
    async fn check(&mut self) -> Result<()> {
        let Target { client, bucket, .. } = *self.target;
        let (snapshot, part) = (self.snapshot, self.part);
        compare(client, Some(bucket), snapshot, part, |compared| {
            let (key, text) = match compared {
                Compared::Left(line) => (line.key, "it was uploaded and is not listed"),
                Compared::Right(object) => {
                    (object.key.into(), "it is in the bucket and not in the snapshot: somebody writes")
                }
                Compared::Both(line, object)
                    if line.size_bytes != object.size_bytes
                        || (keeps_etag(&line) && line.etag != object.etag) =>
                {
                    (line.key, "it was uploaded and is listed with another size or ETag")
                }
                Compared::Both(..) => return Ok(()),
            };
            self.done.failed += 1;
            self.finding(&key, FindingKind::Failed, text);
            Ok(())
        })
        .await
    }

    fn finding(&mut self, name: &str, kind: FindingKind, what: &str) {
        let finding = Finding { part: Some(self.part), name: name.to_owned(), kind, what: what.to_owned() };
        self.findings.push(finding);
    }
}

/// Whether an object comes back with the `ETag` that it had. One of parts of unknown size does not; its bytes were
/// checked when they were uploaded.
fn keeps_etag(line: &ListLine) -> bool {
    in_one(line) || part_size_bytes(line).is_some()
}

/// Whether it was uploaded in one request, such as WAL-E's base backups of any size.
fn in_one(line: &ListLine) -> bool {
    matches!(ETag::parse(&line.etag), ETag::Md5(_)) && line.size_bytes <= PutObject::MOST_BYTES
}

/// The size of the parts that it was uploaded in.
fn part_size_bytes(line: &ListLine) -> Option<u64> {
    let Some(Checked::Parts(bytes)) = line.checked else { return None };
    PartLayout::new(line.size_bytes, Some(bytes))
        .ok()
        .map(|cut| cut.part_size_bytes())
        .filter(|size| *size == bytes)
}

fn to_push(snapshot: &Snapshot, part: Part, line: ListLine) -> ToPush {
    let (snapshot, opened) = (snapshot.clone(), line.clone());
    ToPush {
        part_size_bytes: part_size_bytes(&line),
        in_one: in_one(&line),
        key: line.key,
        open: Box::new(move || snapshot.open_object(part, &opened)),
        size_bytes: line.size_bytes,
        sha256: line.sha256,
        content_type: line.content_type,
        headers: line.headers,
        meta: line.meta,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_uploaded_so_that_it_has_the_etag_that_it_had() {
        const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
        let line = |size: u64, etag: &str, checked: &str| -> ListLine {
            serde_json::from_value(serde_json::json!({
                "key": "k", "size": size, "etag": etag, "modified": "2026-11-23T22:00:00.000Z",
                "outcome": "stored", "checked": checked,
            }))
            .unwrap()
        };
        let how = |line: &ListLine| (in_one(line), part_size_bytes(line), keeps_etag(line));
        // WAL-E stores each tar partition of a base backup, of up to 1.5 GiB, in one request.
        assert_eq!(how(&line(3 << 29, MD5, "md5")), (true, None, true));
        assert_eq!(how(&line(5 << 30, MD5, "md5")), (true, None, true));
        assert_eq!(how(&line((5 << 30) + 1, MD5, "md5")), (false, None, false));
        let in_parts = line(20 << 20, &format!("{MD5}-2"), "parts:15728640");
        assert_eq!(how(&in_parts), (false, Some(15 << 20), true));
        assert_eq!(how(&line(20 << 20, &format!("{MD5}-2"), "none")), (false, None, false));
    }
}
