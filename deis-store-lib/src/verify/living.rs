//! The verification of a living bucket: every object against its `ETag`, and to which point what it holds can be brought back.
//! Nothing is stored.
//!
//! The bucket goes on while it is looked at. So its names are judged after everything was read, and damage is believed only
//! when nothing has moved between two looks.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde::Serialize;

use super::living_object::{Fate, read};
use super::read::Read;
use crate::contents::Contents;
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::report::{Finding, FindingKind, Findings, Verdict, in_one_line};
use crate::restorable::{Judge, Judged, LARGEST_REFERENCE_BYTES, Restorability, Seen};
use crate::run::{Run, Running, TaskKind};
use crate::s3::{BucketName, Client, ObjectKey};

/// So many objects are read at once.
const AT_ONCE: usize = 4;

/// How often, and after which time, a bucket is looked at again that does not look whole. A deletion that is under way comes to
/// its end, and an upload, too.
const MOST_LOOKS: u32 = 15;
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);

/// The result of a verification of a living bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct BucketReport {
    /// The bucket's name.
    pub bucket: String,
    /// What it was taken to hold.
    pub contents: Contents,
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// The findings behind the verdict.
    #[serde(flatten)]
    pub findings: Findings,
    /// What was read.
    pub read: Read,
    /// Objects that were listed.
    pub objects: u64,
    /// Those of them that were read to their end.
    pub objects_read: u64,
    /// Bytes that were read.
    pub bytes_checked: u64,
    /// To which point what it holds can be brought back.
    pub restorable: Restorability,
}

/// Verifies a bucket as it is now: the objects that `which` chooses are read and compared with their `ETag`s, and with what
/// objects of such contents hold.
pub async fn verify_bucket(
    client: &Client,
    (bucket, contents): (&BucketName, Contents),
    which: Read,
    run: &Run,
) -> Result<BucketReport> {
    let running = run.begin(None, TaskKind::Verb, "verify");
    let report = BucketReport {
        bucket: bucket.to_string(),
        contents,
        verdict: Verdict::Good,
        findings: Findings::default(),
        read: which,
        objects: 0,
        objects_read: 0,
        bytes_checked: 0,
        restorable: Restorability::default(),
    };
    let mut living = Living { client, bucket, contents, running: &running, report };
    run.stop.cancels(living.verify(run.seed)).await?;
    let mut report = living.report;
    report.verdict = report.findings.verdict();
    running.done(report.verdict.task_result());
    Ok(report)
}

struct Living<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    contents: Contents,
    running: &'a Running<'a>,
    report: BucketReport,
}

/// One look at the names and the small objects.
struct Look {
    judged: Judged,
    /// A sum over the keys and `ETag`s of all objects.
    sum: u64,
    /// The small objects that the gateway does not give, and why.
    not_given: Vec<(String, Error)>,
}

impl Living<'_> {
    async fn verify(&mut self, seed: u64) -> Result<()> {
        let judge = self.read(seed).await?;
        let mut look = self.look(judge.clone()).await?;
        let mut looks = 1;
        let mut moves = false;
        while !is_whole(&look.judged) {
            self.client.sleep(BETWEEN_LOOKS).await?;
            let before = look.sum;
            look = self.look(judge.clone()).await?;
            looks += 1;
            moves = look.sum != before;
            if !moves || looks == MOST_LOOKS {
                break;
            }
        }
        let findings = &mut self.report.findings;
        for (key, error) in look.not_given {
            findings.push(Finding::new(None, key, FindingKind::Failed, in_one_line(&error)));
        }
        let Judged { held_back, restorability, harm } = look.judged;
        self.report.restorable = restorability;
        if moves && looks == MOST_LOOKS {
            let what = "it does not look whole, and changes faster than it can be looked at: verify it when no base backup is made and \
                        nothing is deleted";
            findings.push(Finding::new(None, self.bucket.as_str(), FindingKind::Failed, what));
            return Ok(());
        }
        for (reference, lack) in held_back.iter() {
            let what = format!("it needs `{}`, which is not there or is damaged", lack.key);
            let kind = if lack.in_source { FindingKind::Broken } else { FindingKind::HeldBack };
            findings.push(Finding::new(None, reference, kind, what));
        }
        for harm in harm {
            findings.push(Finding::new(None, harm.name, harm.kind, harm.what));
        }
        Ok(())
    }

    /// Reads the objects that are to be read.
    async fn read(&mut self, seed: u64) -> Result<Judge> {
        let Self { client, bucket, contents, running, ref mut report } = *self;
        let which = report.read;
        let mut judge = Judge::of(contents);
        let listing = client.list(bucket, "");
        let mut fates = listing
            .map_ok(|listed| async move {
                if which.reads(&listed.key, seed) {
                    read(client, (bucket, contents), listed).await
                } else {
                    Ok((listed, Fate::Listed))
                }
            })
            .try_buffer_unordered(AT_ONCE)
            .boxed_local();
        while let Some((listed, fate)) = fates.try_next().await? {
            report.objects += 1;
            let key = String::from(listed.key);
            let size_bytes = if matches!(fate, Fate::Read(_)) { listed.size_bytes } else { 0 };
            report.objects_read += u64::from(matches!(fate, Fate::Read(_)));
            report.bytes_checked = report.bytes_checked.saturating_add(size_bytes);
            running.advance(1, size_bytes);
            match fate {
                Fate::Listed | Fate::Gone | Fate::Read(None) => {}
                Fate::Read(Some(Ok(held))) => judge.learn(&key, held),
                Fate::Read(Some(Err(why))) => judge.learn_broken(&key, why),
                Fate::Damaged(what) => {
                    judge.lose(&key);
                    report.findings.push(Finding::new(None, key, FindingKind::Changed, what));
                }
                Fate::NotGiven(why) => {
                    judge.lose(&key);
                    report.findings.push(Finding::new(None, key, FindingKind::Failed, why));
                }
            }
        }
        Ok(judge)
    }

    async fn look(&self, mut judge: Judge) -> Result<Look> {
        let (mut sum, mut not_given, mut first) = (0_u64, Vec::new(), true);
        while !judge.is_idle() {
            let mut listing = self.client.list(self.bucket, "");
            while let Some(object) = listing.try_next().await? {
                if first {
                    let mut hasher = DefaultHasher::new();
                    (&*object.key, &object.etag).hash(&mut hasher);
                    sum = sum.wrapping_add(hasher.finish());
                }
                let modified = object.modified.known().and_then(|time| time.try_into().ok());
                if !judge.see(Seen { key: &object.key, modified, sha256: None }) {
                    continue;
                }
                match self.small(&object.key).await {
                    Ok(bytes) => judge.show(&object.key, Some(&bytes)),
                    Err(error) if error.scope() == Scope::Run => return Err(error),
                    Err(error) => {
                        judge.show(&object.key, None);
                        // It is gone: so the next look is another one.
                        if error.kind() == ErrorKind::NotFound {
                            sum = sum.wrapping_add(1);
                        } else if first {
                            not_given.push((object.key.to_string(), error));
                        }
                    }
                }
            }
            first = false;
            if !judge.next_round() {
                break;
            }
        }
        Ok(Look { judged: judge.judged(), sum, not_given })
    }

    async fn small(&self, key: &ObjectKey) -> Result<bytes::Bytes> {
        let read = self.client.get_bytes(self.bucket, key).at_most(LARGEST_REFERENCE_BYTES).await;
        read.map(|(bytes, _)| bytes)
    }
}

/// Whether nothing is missed: what is unfinished or worth a look may be there at any time.
fn is_whole(judged: &Judged) -> bool {
    let harmless = |kind: FindingKind| kind.verdict() == Verdict::Good;
    judged.held_back.is_empty()
        && judged.restorability.falls_short.is_empty()
        && judged.harm.iter().all(|harm| harmless(harm.kind))
}
