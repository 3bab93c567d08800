//! The files of a bucket become its objects. What is there is merged with what a gateway lists, if one is asked.

use std::pin::Pin;
use std::time::SystemTime;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::adopting::Adopting;
use super::directory::BucketFiles;
use super::judge::{Compared, Listed, is_written_since};
use super::object::{Done, Target, Wanted, adopt, line_of};
use super::references;
use crate::blocking::{blocking, read_ahead};
use crate::error::{Result, Scope};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Level, Running};
use crate::s3::client::Revision;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::snapshot::{ListLine, PartEntry};
use crate::transfer::ordered;
use crate::tree::{Pair, TreeEntry, merge};

/// So many files are read at once where no gateway says how many requests pay.
const AT_ONCE: usize = 8;

/// Takes the files of a bucket into the snapshot.
pub(super) async fn take(
    adopting: &Adopting<'_>,
    part: &Part,
    files: BucketFiles,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<PartEntry> {
    let asked = adopting.asked(part)?;
    let stop = adopting.run.stop.clone();
    let target =
        Target { objects: adopting.writer.objects(part)?, links: adopting.links, stop: stop.clone() };
    let one = One { part, files: &files, asked, target, made: adopting.made };
    let walked = files.clone();
    let entries = read_ahead(move || Ok(walked.walk()));
    let listing: Pin<Box<dyn Stream<Item = Result<ListedObject>>>> = match asked {
        Some((client, bucket)) => Box::pin(client.list(bucket, "")),
        None => stream::empty().boxed_local(),
    };
    let work = merge(entries, listing).map_ok(|pair| one.pair(pair));
    let at_once = asked.map_or(AT_ONCE, |(client, _)| client.in_flight());
    let mut results = Box::pin(ordered(work, at_once, stop));
    let mut list = adopting.writer.list(part, 1, 1)?;
    let bucket = asked.map(|(_, bucket)| bucket.to_string());
    let mut entry = PartEntry { bucket, ..PartEntry::new(PartOutcome::Stored) };
    let mut seen = Counted::default();
    while let Some(result) = results.try_next().await? {
        seen.add(&result);
        result.findings.into_iter().for_each(|finding| findings.push(finding));
        let Some(line) = result.line else { continue };
        entry.counts.add(&line.outcome);
        let bytes = if line.outcome.is_on_disk() { line.size_bytes } else { 0 };
        entry.bytes = entry.bytes.saturating_add(bytes);
        task.advance(1, bytes);
        list.add(&line)?;
    }
    drop(results);
    entry.lists.push(list.finish()?.name);
    seen.tell(part, adopting, task, findings);
    let objects = adopting.writer.part_objects(part, &entry.lists)?;
    for (reference, lack) in blocking(move || references::held_back(&objects)).await?.iter() {
        // What the directory has not, the bucket may have.
        findings.push(Finding::held_back(part, reference, &lack.key));
    }
    Ok(entry)
}

/// What became of a file, or of an object without one.
#[derive(Default)]
struct PairResult {
    line: Option<ListLine>,
    findings: Vec<Finding>,
    is_since: bool,
    is_copied: bool,
}

impl PairResult {
    fn of(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }
}

/// What is said once and not of each object.
#[derive(Default)]
struct Counted {
    not_compared: u64,
    since: u64,
    copied: u64,
}

impl Counted {
    fn add(&mut self, result: &PairResult) {
        let is_not_compared = result.line.as_ref().is_some_and(|line| line.outcome.is_not_compared());
        self.not_compared += u64::from(is_not_compared);
        self.since += u64::from(result.is_since);
        self.copied += u64::from(result.is_copied);
    }

    fn tell(&self, part: &Part, adopting: &Adopting<'_>, task: &Running<'_>, findings: &mut Findings) {
        if self.not_compared > 0 {
            findings.push(Finding::not_compared(part, self.not_compared));
        }
        if self.since > 0 {
            let what = format!(
                "{} objects were written after the newest file of the directory: they are not in it, and the next backup takes them",
                self.since
            );
            findings.push(Finding::new(Some(part), part.name(), FindingKind::NotAdopted, what));
        }
        if adopting.links && self.copied > 0 {
            let text = format!(
                "{part}: {} files could not get a further name in the repository and were copied: it is on another file system, or \
                 they are of another user",
                self.copied
            );
            task.note(Level::Warning, "copied", &text);
        }
    }
}

/// One file or object at a time.
struct One<'a> {
    part: &'a Part,
    files: &'a BucketFiles,
    asked: Option<(&'a Client, &'a BucketName)>,
    target: Target,
    made: SystemTime,
}

impl One<'_> {
    async fn pair(&self, pair: Pair<TreeEntry, ListedObject>) -> Result<PairResult> {
        match pair {
            Pair::Left(entry) => {
                let compared = if self.asked.is_some() { Compared::NotListed } else { Compared::NotAsked };
                self.file(entry, compared).await
            }
            Pair::Both(entry, object) => {
                let listed = Box::new(Listed { object, info: None });
                self.file(entry, Compared::Listed(listed)).await
            }
            Pair::Right(object) => Ok(self.without_file(object)),
        }
    }

    /// An object of which the directory has no file.
    fn without_file(&self, object: ListedObject) -> PairResult {
        if is_written_since(&object, self.made) {
            return PairResult { is_since: true, ..PairResult::default() };
        }
        let why = "it is in the bucket, and the directory has no file of it";
        self.lost(&Listed { object, info: None }, Outcome::Failed(why.to_owned()), FindingKind::Failed)
    }

    fn lost(&self, listed: &Listed, outcome: Outcome, kind: FindingKind) -> PairResult {
        let what = outcome.why().unwrap_or_default();
        let findings = vec![self.finding(&listed.object.key, kind, what)];
        PairResult { line: Some(line_of(listed, outcome)), findings, ..PairResult::default() }
    }

    async fn file(&self, entry: TreeEntry, mut compared: Compared) -> Result<PairResult> {
        let size_bytes = match (&entry.found, &compared) {
            (Err(why), Compared::Listed(listed)) => {
                let outcome = Outcome::Refused(format!("in its place is {why}"));
                return Ok(self.lost(listed, outcome, FindingKind::Refused));
            }
            (Err(why), _) => {
                let what = format!("it is not adopted: {why}");
                return Ok(PairResult::of(self.finding(&entry.key, FindingKind::Refused, &what)));
            }
            (Ok(found), _) => found.size_bytes,
        };
        if let (false, Some(finding)) =
            (matches!(compared, Compared::Listed(_)), self.is_no_object(&entry.key))
        {
            return Ok(PairResult::of(finding));
        }
        let mut findings = Vec::new();
        if let (Compared::Listed(listed), Some((client, bucket))) = (&mut compared, self.asked)
            && listed.object.size_bytes == size_bytes
        {
            match info(client, bucket, &listed.object).await? {
                Ok(info) => listed.info = Some(info),
                Err(why) => findings.push(self.finding(&entry.key, FindingKind::NotKept, &why)),
            }
        }
        let (from, path) = (self.files.root.clone(), entry.path.components());
        let (wanted, target) = (Wanted { from, path, key: entry.key, compared }, self.target.clone());
        let done = blocking(move || adopt(&wanted, &target)).await?;
        findings.extend(self.finding_of(&done));
        Ok(PairResult { line: Some(done.line), findings, is_since: false, is_copied: done.is_copied })
    }

    /// Why a file that no gateway lists is not taken.
    fn is_no_object(&self, key: &str) -> Option<Finding> {
        if is_left_by_s3cmd(key) {
            let what = "an interrupted s3cmd has left it: run its sync once more, if the store is there";
            // Whether that was done the listing tells.
            let kind = if self.asked.is_some() { FindingKind::NotAdopted } else { FindingKind::Refused };
            return Some(self.finding(key, kind, what));
        }
        let error = ObjectKey::new(key).err()?;
        let what = format!("it is not adopted: {}", error.what());
        Some(self.finding(key, FindingKind::Refused, &what))
    }

    fn finding_of(&self, done: &Done) -> Option<Finding> {
        let (key, outcome) = (done.line.key.as_str(), &done.line.outcome);
        let kind = match outcome {
            Outcome::Unverifiable(_) if outcome.is_doubtful() => {
                return Some(Finding::doubtful(self.part, key, outcome));
            }
            Outcome::Unverifiable(_) if !outcome.is_not_compared() => FindingKind::Unverifiable,
            Outcome::Failed(_) if done.is_damaged => FindingKind::Changed,
            Outcome::Failed(_) => FindingKind::Failed,
            Outcome::Refused(_) => FindingKind::Refused,
            _ => return None,
        };
        Some(self.finding(key, kind, outcome.why().unwrap_or_default()))
    }

    fn finding(&self, name: &str, kind: FindingKind, what: &str) -> Finding {
        Finding::new(Some(self.part), name, kind, what)
    }
}

/// What is stored with an object beside its bytes; or why that is not known.
async fn info(
    client: &Client,
    bucket: &BucketName,
    object: &ListedObject,
) -> Result<Result<ObjectInfo, String>> {
    let unknown = |why: &str| format!("what is stored with it beside its bytes is not known: {why}");
    match client.head(bucket, &object.key).await {
        Ok(info) if Revision::from(&info) == Revision::from(object) => Ok(Ok(info)),
        Ok(_) => Ok(Err(unknown("it was written anew meanwhile"))),
        Err(error) if error.scope() == Scope::Object => Ok(Err(unknown(&error.what()))),
        Err(error) => Err(error),
    }
}

/// Whether a name is that of a file which s3cmd downloads, and renames when all of it has come.
fn is_left_by_s3cmd(key: &str) -> bool {
    let name = key.rsplit('/').next().unwrap_or_default();
    name.strip_prefix(".s3cmd.").is_some_and(|rest| rest.strip_suffix(".tmp").is_some())
}
