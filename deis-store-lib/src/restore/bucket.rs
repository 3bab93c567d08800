//! The step that fills a bucket: what refers is written only when all that it refers to is there, and what was written is
//! listed back and compared.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashSet};
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use futures_util::{Stream, TryStreamExt as _, future, stream};

use super::diff::{Compared, compare};
use super::lost;
use super::report::RestoredPart;
use super::upload_form::{keeps_etag, upload_file};
use crate::blocking::blocking;
use crate::contents::Contents;
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::platform::{listed, named};
use crate::report::{Finding, FindingKind, Findings};
use crate::restorable::{HeldBack, Judge, Lack};
use crate::run::Running;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client, etag};
use crate::snapshot::{ListLine, SnapshotReader};
use crate::transfer::{UploadResult, Uploader};

/// Between two references whose order counts: WAL-E takes the one written last for `LATEST`, and old gateways list whole
/// seconds.
const BETWEEN_REFERENCES: Duration = Duration::from_millis(1100);

/// What can be done about a reference that is held back.
const INSTEAD: &str =
    "take that from another snapshot, or run it again despite the damage, to write it all the same";

const NOT_LISTED: &str = "it was uploaded and is not listed";
const LISTED_OTHERWISE: &str = "it was uploaded and is listed with another size or ETag";

/// Fills one bucket.
pub(super) struct Filling<'a> {
    pub(super) client: &'a Client,
    pub(super) bucket: &'a BucketName,
    pub(super) snapshot: &'a SnapshotReader,
    pub(super) part: &'a Part,
    pub(super) contents: Contents,
    /// Whether an object may be there already.
    pub(super) look_first: bool,
    /// Whether to write what refers also where something it refers to is lost.
    pub(super) despite_damage: bool,
    pub(super) task: &'a Running<'a>,
    pub(super) findings: Findings,
    pub(super) done: RestoredPart,
    /// The references of the bucket, with what is lost so far.
    pub(super) judge: Judge,
    /// The objects that were not uploaded, as hashes of their keys: there may be many.
    pub(super) failed: HashSet<u64>,
    /// The references that are not written.
    pub(super) held: HeldBack,
    /// The references that were in the bucket before any was written.
    pub(super) there: BTreeSet<String>,
}

impl Filling<'_> {
    /// The act, and the check after.
    pub(super) async fn fill(mut self) -> Result<(RestoredPart, Findings)> {
        self.act().await?;
        self.check_latest().await?;
        self.check().await?;
        Ok((self.done, self.findings))
    }

    /// Writes the objects, and then what refers to them, but for that which needs something lost.
    async fn act(&mut self) -> Result<()> {
        self.client.create_bucket(self.bucket).await?;
        self.look().await?;
        let contents = self.contents;
        let objects = self.lines().try_filter(move |line| future::ready(!contents.is_reference(&line.key)));
        self.upload(objects).await?;
        self.look_back().await?;
        self.hold_back().await?;
        let references = self.references();
        if contents.has_latest() { self.one_by_one(references).await } else { self.upload(references).await }
    }

    /// Learns from the lists what the backup has lost.
    async fn look(&mut self) -> Result<()> {
        let (objects, part) = (self.snapshot.objects(self.part)?, self.part.clone());
        let stop = self.task.run().stop.clone();
        let entry = self.snapshot.entry(self.part);
        let lost = blocking(move || lost::look(&objects, (&part, &entry), false, &stop)).await?;
        (self.judge, self.done.lost) = (lost.judge, lost.by_backup);
        self.findings.append(lost.findings);
        Ok(())
    }

    /// Lists the bucket before references are written: an object that is not in it is lost, whatever was said when it was
    /// uploaded.
    async fn look_back(&mut self) -> Result<()> {
        let contents = self.contents;
        if self.judge.is_idle() {
            return Ok(());
        }
        let (client, bucket, snapshot, part) = (self.client, self.bucket, self.snapshot, self.part);
        compare(client, Some(bucket), snapshot, part, |compared| {
            if let Compared::Both(line, _) = &compared
                && contents.is_reference(&line.key)
            {
                self.there.insert(line.key.clone());
            }
            let wrong = match &compared {
                Compared::Left(line) => Some((&line.key, NOT_LISTED)),
                Compared::Both(line, object) => {
                    is_other(line, object).then_some((&line.key, LISTED_OTHERWISE))
                }
                Compared::Right(_) => None,
            };
            let wrong = wrong.filter(|(key, _)| !contents.is_reference(key) && !self.is_left_out(key));
            if let Some((key, text)) = wrong {
                let uploaded =
                    if self.done.restored > 0 { &mut self.done.restored } else { &mut self.done.unchanged };
                *uploaded = uploaded.saturating_sub(1);
                self.done.failed += 1;
                self.judge.lose(key);
                self.failed.insert(hash(key));
                self.finding(key, FindingKind::Failed, text);
            }
            Ok(())
        })
        .await
    }

    /// Finds the references that need what is lost, and names them.
    async fn hold_back(&mut self) -> Result<()> {
        let judge = std::mem::replace(&mut self.judge, Judge::of(self.contents));
        if judge.is_idle() {
            return Ok(());
        }
        let objects = self.snapshot.objects(self.part)?;
        let held = blocking(move || objects.held_back(judge)).await?;
        for (reference, Lack { key: needed, .. }) in held.iter() {
            // A tag of distribution is a directory.
            let mut there = self.there.range(reference.to_owned()..);
            let is_there = there.next().is_some_and(|there| {
                there == reference || (reference.ends_with('/') && there.starts_with(reference))
            });
            let what = if self.despite_damage {
                format!("written despite the damage: it needs `{needed}`, which is lost")
            } else if is_there {
                format!(
                    "it is in the bucket already, and needs `{needed}`, which is lost: delete it there; {INSTEAD}"
                )
            } else {
                format!("not written, since it needs `{needed}`, which is lost: {INSTEAD}")
            };
            self.findings.push(Finding::new(Some(self.part), reference, FindingKind::HeldBack, what));
        }
        if !self.despite_damage {
            self.done.held_back = held.count();
            self.held = held;
        }
        Ok(())
    }

    /// The lines of what is on disk.
    fn lines(&self) -> impl Stream<Item = Result<ListLine>> + use<> {
        self.snapshot.lines_ahead(self.part).try_filter(|line| future::ready(line.outcome.is_on_disk()))
    }

    /// The lines of the references that are written.
    fn references(&self) -> impl Stream<Item = Result<ListLine>> + use<> {
        let (contents, held) = (self.contents, self.held.clone());
        self.lines().try_filter(move |line| {
            future::ready(contents.is_reference(&line.key) && held.lost(&line.key).is_none())
        })
    }

    async fn upload(&mut self, lines: impl Stream<Item = Result<ListLine>>) -> Result<()> {
        let (client, bucket, look_first) = (self.client, self.bucket, self.look_first);
        let (snapshot, part) = (self.snapshot.clone(), self.part.clone());
        let files = lines.map_ok(move |line| upload_file(&snapshot, &part, line));
        let (uploader, task) = (Uploader { client, bucket, look_first }, self.task);
        uploader
            .upload_all(files, task, |uploaded| {
                self.count(&uploaded);
                Ok(())
            })
            .await
    }

    fn count(&mut self, uploaded: &UploadResult) {
        match &uploaded.result {
            Ok(file) if file.unchanged => self.done.unchanged += 1,
            Ok(_) => {
                self.done.restored += 1;
                self.done.bytes = self.done.bytes.saturating_add(uploaded.size_bytes);
            }
            Err(error) => {
                self.done.failed += 1;
                self.judge.lose(&uploaded.key);
                self.failed.insert(hash(&uploaded.key));
                let damaged = matches!(
                    error.kind(),
                    ErrorKind::Damaged | ErrorKind::SourceChanged | ErrorKind::NotFound | ErrorKind::Occupied
                );
                let kind = if damaged { FindingKind::Changed } else { FindingKind::Failed };
                self.finding(&uploaded.key, kind, &error.what());
            }
        }
    }

    /// Writes references one by one in the order in which they were written first, so that the latest stays what it was.
    async fn one_by_one(&mut self, lines: impl Stream<Item = Result<ListLine>>) -> Result<()> {
        let mut references: Vec<ListLine> = lines.try_collect().await?;
        references.sort_by(|a, b| (a.modified, &a.key).cmp(&(b.modified, &b.key)));
        for (index, line) in references.into_iter().enumerate() {
            if index > 0 {
                tokio::time::sleep(BETWEEN_REFERENCES).await;
            }
            let before = self.done.restored;
            self.upload(stream::iter([Ok(line)])).await?;
            // Once one is written anew, those after it must be newer still.
            self.look_first &= self.done.restored == before;
        }
        Ok(())
    }

    /// Lists the bucket as WAL-E would, which must find the `LATEST` that the snapshot means.
    async fn check_latest(&mut self) -> Result<()> {
        let contents = self.contents;
        if !contents.has_latest() {
            return Ok(());
        }
        let own: Vec<_> = self
            .lines()
            .try_filter(move |line| future::ready(contents.is_reference(&line.key)))
            .map_ok(|line| (line.key, line.modified))
            .try_collect()
            .await?;
        let written = own.iter().filter(|(key, _)| !self.is_left_out(key)).cloned();
        let meant = contents.latest(written);
        let found = listed(self.client, self.bucket, contents).await?;
        for (prefix, latest) in contents.latest(own) {
            if meant.get(&prefix) != Some(&latest) {
                let what =
                    format!("it was LATEST; WAL-E will take {} now", named(meant.get(&prefix).into_iter()));
                self.findings.push(Finding::new(Some(self.part), latest, FindingKind::HeldBack, what));
            }
        }
        if found != meant {
            let text = format!(
                "WAL-E would take {} for LATEST, and the snapshot means {}",
                named(found.values()),
                named(meant.values())
            );
            return Err(Error::new(ErrorKind::Changed, text)
                .at(At::Bucket, self.bucket)
                .todo("empty the bucket and restore again; do not start the database before"));
        }
        self.done.latest = (!found.is_empty()).then(|| named(found.values()));
        Ok(())
    }

    /// Lists the bucket and compares it with the snapshot.
    async fn check(&mut self) -> Result<()> {
        let (client, bucket, snapshot, part) = (self.client, self.bucket, self.snapshot, self.part);
        compare(client, Some(bucket), snapshot, part, |compared| {
            let (key, text) = match compared {
                Compared::Left(line) if self.is_left_out(&line.key) => return Ok(()),
                Compared::Left(line) => (line.key, NOT_LISTED),
                Compared::Right(object) => {
                    (object.key.into(), "it is in the bucket and not in the snapshot: somebody writes")
                }
                Compared::Both(line, _) if self.is_left_out(&line.key) => return Ok(()),
                Compared::Both(line, object) if is_other(&line, &object) => (line.key, LISTED_OTHERWISE),
                Compared::Both(..) => return Ok(()),
            };
            self.done.failed += 1;
            self.finding(&key, FindingKind::Failed, text);
            Ok(())
        })
        .await
    }

    /// Whether an object was named already as one that is not written.
    fn is_left_out(&self, key: &str) -> bool {
        self.held.lost(key).is_some() || self.failed.contains(&hash(key))
    }

    fn finding(&mut self, name: &str, kind: FindingKind, what: &str) {
        self.findings.push(Finding::new(Some(self.part), name, kind, what));
    }
}

/// Whether what is listed is not what was uploaded.
fn is_other(line: &ListLine, listed: &ListedObject) -> bool {
    line.size_bytes != listed.size_bytes || (keeps_etag(line) && !etag::is_same(&line.etag, &listed.etag))
}

fn hash(key: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    hasher.finish()
}
