//! Comparisons of made snapshots, which have lists and no objects: a comparison reads none.

use std::fs;
use std::io::Write as _;
use std::sync::Mutex;

use serde_json::json;

use super::*;
use crate::error::{Error, ErrorKind};
use crate::hash::Sha256;
use crate::outcome::{Outcome, PartOutcome};
use crate::snapshot::{ListLine, PartEntry, SnapshotWriter, sample};

const SENTINEL: &str = "basebackups_005/base_00000001000000000000000A_00000040_backup_stop_sentinel.json";
const TAG: &str = "registry/repositories/library/app/tag_v1";

/// A snapshot that is made: the lines of its buckets, and its files.
#[derive(Clone, Default)]
struct Made {
    lists: BTreeMap<&'static str, Vec<Vec<ListLine>>>,
    files: BTreeMap<&'static str, String>,
    others: BTreeMap<&'static str, PartOutcome>,
}

impl Made {
    fn bucket(mut self, part: &'static str, lines: &[ListLine]) -> Self {
        self.lists.insert(part, vec![lines.to_vec()]);
        self
    }

    fn file(mut self, part: &'static str, text: &str) -> Self {
        self.files.insert(part, text.to_owned());
        self
    }

    fn other(mut self, part: &'static str, outcome: PartOutcome) -> Self {
        self.others.insert(part, outcome);
        self
    }

    fn build(&self, repository: &tempfile::TempDir) -> SnapshotReader {
        let writer = sample::begin(repository.path());
        let mut manifest = sample::fill(&writer);
        let all: Vec<Part> = manifest.parts.keys().cloned().collect();
        for part in &all {
            writer.discard(part).unwrap();
        }
        manifest.parts.clear();
        for (name, lists) in &self.lists {
            let (part, entry) = bucket(&writer, name, lists);
            manifest.parts.insert(part, entry);
        }
        for (name, text) in &self.files {
            let part = Part::of_name(name, None).unwrap();
            let file_name = part.file_name().unwrap();
            let mut file = writer.file(file_name).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let bytes = file.commit(0o600, None, false).unwrap().size_bytes;
            let files = vec![file_name.to_owned()];
            manifest.parts.insert(part, PartEntry { bytes, files, ..PartEntry::new(PartOutcome::Stored) });
        }
        for (name, outcome) in &self.others {
            let entry = PartEntry { why: Some("it was so".to_owned()), ..PartEntry::new(*outcome) };
            manifest.parts.insert(Part::of_name(name, None).unwrap(), entry);
        }
        writer.commit(manifest).unwrap()
    }
}

fn bucket(writer: &SnapshotWriter, name: &str, lists: &[Vec<ListLine>]) -> (Part, PartEntry) {
    let part = Part::of_name(name, None).unwrap();
    let mut entry = PartEntry::new(PartOutcome::Stored);
    for (number, lines) in (1..).zip(lists) {
        let mut list = writer.list(&part, number, lists.len()).unwrap();
        for line in lines {
            list.add(line).unwrap();
            entry.counts.add(&line.outcome);
        }
        let sealed = list.finish().unwrap();
        entry.bytes += sealed.bytes;
        entry.lists.push(sealed.name);
    }
    (part, entry)
}

/// An object of as many bytes as its text has.
fn line(key: &str, text: &str) -> ListLine {
    let (size, etag) = (text.len() as u64, format!("etag of {text}"));
    let mut line = ListLine::new(key, size, etag, "2015-10-21T07:28:00Z".parse().unwrap());
    line.sha256 = Some(Sha256::of(text.as_bytes()));
    line
}

fn lost(key: &str, outcome: Outcome) -> ListLine {
    ListLine { outcome, sha256: None, ..line(key, "lost") }
}

fn repository() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

async fn compared(before: &SnapshotReader, after: &SnapshotReader) -> Result<DiffReport> {
    diff(before, after, &DiffOptions::default(), &Run::silent()).await
}

async fn between(before: &Made, after: &Made) -> DiffReport {
    let directory = repository();
    compared(&before.build(&directory), &after.build(&directory)).await.unwrap()
}

fn objects<'r>(report: &'r DiffReport, part: &str) -> &'r ObjectsDiff {
    report.parts[&Part::of_name(part, None).unwrap()].objects.as_ref().unwrap()
}

/// How many, the names and the bytes.
fn told(keys: &DifferentKeys) -> (u64, Vec<&str>, u64, u64) {
    let names = keys.names.names.iter().map(String::as_str).collect();
    (keys.names.count, names, keys.bytes_before, keys.bytes_after)
}

fn whole() -> Made {
    Made::default()
        .bucket("db_wal", &[line(SENTINEL, "{}"), line("wal_005/00000001000000000000000A.lzo", "log")])
        .bucket("registry", &[line(TAG, "image"), lost("x", Outcome::Vanished)])
        .file("volume", "archive")
        .file("sql", "dump")
        .file("config", r#"{"format":1,"keys":{"/deis/router/gzip":"on"}}"#)
}

#[tokio::test]
async fn equal_snapshots_are_the_same_also_with_what_both_have_lost() {
    let directory = repository();
    let (before, after) = (whole().build(&directory), whole().build(&directory));
    let report = compared(&before, &after).await.unwrap();
    assert!(report.same, "{report:#?}");
    assert!(report.parts.values().all(|part| part.same == Some(true) && part.before == part.after));
    assert_eq!(report.parts.len(), 5);
    let registry = &report.parts[&Part::registry()].before;
    assert_eq!((registry.objects, registry.bytes, registry.lost), (1, 5, 1));
    let config = &report.parts[&Part::Config].before;
    assert_eq!((config.objects, config.bytes), (1, 46));
    // The object of the list is in another list of the other one.
    let mut in_two = whole();
    let lists = in_two.lists.get_mut("registry").unwrap();
    *lists = vec![vec![lost("x", Outcome::Vanished)], vec![line(TAG, "image")]];
    assert!(between(&whole(), &in_two).await.same);
    let ended = compared(&before, &before).await.unwrap();
    assert!(ended.same && ended.before == ended.after);
}

#[tokio::test]
async fn each_sort_of_change_is_told_with_names_and_bytes_and_the_caller_hears_of_each_key() {
    let time = |line: ListLine| ListLine { modified: "2016-10-21T07:28:00Z".parse().unwrap(), ..line };
    let before = [
        line("a", "same"),
        line("b", "old"),
        line("c", "removed"),
        time(line("d", "time")),
        lost("e", Outcome::Failed("x".to_owned())),
        line("f", "was there"),
        line("g", "was there, too"),
        lost("h", Outcome::Vanished),
    ];
    let after = [
        line("a", "same"),
        line("aa", "added"),
        line("b", "newer"),
        line("d", "time"),
        line("e", "e"),
        lost("f", Outcome::Refused("x".to_owned())),
        lost("g", Outcome::Vanished),
        line("z", ""),
    ];
    let directory = repository();
    let made = |lines: &[ListLine]| Made::default().bucket("bucket.uploads", lines).build(&directory);
    let heard = Mutex::new(Vec::new());
    let each = Each::new(|diff: KeyDiff| {
        assert_eq!(diff.part.name(), "bucket.uploads");
        heard.lock().unwrap().push((diff.key, diff.change, diff.bytes_before, diff.bytes_after));
        Ok(())
    });
    let report = diff(&made(&before), &made(&after), &DiffOptions { each }, &Run::silent()).await.unwrap();
    let part = &report.parts.values().next().unwrap();
    assert_eq!((report.same, part.same), (false, Some(false)));
    assert_eq!((part.before.objects, part.before.lost), (6, 2));
    assert_eq!((part.after.objects, part.after.lost), (6, 2));
    let diff = objects(&report, "bucket.uploads");
    assert_eq!(told(&diff.added), (2, vec!["aa", "z"], 0, 5));
    assert_eq!(told(&diff.removed), (1, vec!["c"], 7, 0));
    assert_eq!(told(&diff.changed), (1, vec!["b"], 3, 5));
    assert_eq!(told(&diff.metadata), (1, vec!["d"], 4, 4));
    assert_eq!(told(&diff.not_in_before), (1, vec!["e"], 0, 1));
    assert_eq!(told(&diff.not_in_after), (2, vec!["f", "g"], 23, 0));
    let expected = [
        ("aa", Change::Added, 0, 5),
        ("b", Change::Changed, 3, 5),
        ("c", Change::Removed, 7, 0),
        ("d", Change::Metadata, 4, 4),
        ("e", Change::NotInBefore, 0, 1),
        ("f", Change::NotInAfter, 9, 0),
        ("g", Change::NotInAfter, 14, 0),
        ("z", Change::Added, 0, 0),
    ];
    let expected = expected.map(|(key, change, before, after)| (key.to_owned(), change, before, after));
    assert_eq!(heard.into_inner().unwrap(), expected);
    assert!(part.wal.is_none() && part.settings.is_none());
}

#[tokio::test]
async fn base_backups_and_tags_that_came_went_or_moved_are_named_and_the_reach_of_the_log() {
    let before = whole();
    let sentinel = SENTINEL.replace("00A_", "00C_");
    let other_tag = format!("{TAG}.1");
    let after = Made::default()
        .bucket(
            "db_wal",
            &[
                line(&sentinel, "{}"),
                line("wal_005/00000001000000000000000A.lzo", "log"),
                line("wal_005/00000001000000000000000D.lzo", "log"),
                line("wal_005/00000002.history.lzo", "log"),
                line("wal_005/000000020000000000000001.lzo", "log"),
            ],
        )
        .bucket("registry", &[line(TAG, "other"), line(&other_tag, "image")]);
    let report = between(&before, &after).await;
    let references = |part| {
        let diff = objects(&report, part);
        [&diff.references_added, &diff.references_removed, &diff.references_changed].map(|n| n.names.clone())
    };
    let none = Vec::new;
    assert_eq!(references("db_wal"), [vec![sentinel], vec![SENTINEL.to_owned()], none()]);
    assert_eq!(references("registry"), [vec![other_tag], none(), vec![TAG.to_owned()]]);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        json["parts"]["db_wal"]["wal"],
        json!({ "segments_left_out": 0, "timelines": [
            { "prefix": "", "timeline": 1, "before": "00000001000000000000000A", "after": "00000001000000000000000D" },
            { "prefix": "", "timeline": 2, "before": null, "after": "000000020000000000000001" },
        ]})
    );
    assert!(json["parts"]["registry"].get("wal").is_none());
    assert_eq!(
        json["parts"]["registry"]["changed"],
        json!({
            "count": 1, "names": [TAG], "bytes_before": 5, "bytes_after": 5,
        })
    );
}

#[tokio::test]
async fn a_part_that_one_has_not_is_not_compared_and_nothing_of_it_is_added_or_removed() {
    for outcome in [PartOutcome::Skipped, PartOutcome::Failed, PartOutcome::Absent] {
        for name in ["db_wal", "registry", "volume", "sql", "config"] {
            let mut without = whole();
            without.lists.remove(name);
            without.files.remove(name);
            let without = without.other(name, outcome);
            for (before, after) in [(&whole(), &without), (&without, &whole())] {
                let report = between(before, after).await;
                let part = &report.parts[&Part::of_name(name, None).unwrap()];
                assert_eq!((report.same, part.same), (false, None), "{name}");
                assert!(part.objects.is_none() && part.settings.is_none(), "{name}: {part:?}");
                let there = usize::from(part.before.outcome == PartOutcome::Stored);
                let sides = [&part.after, &part.before];
                assert!(sides[there].bytes > 0 && sides[there].objects > 0, "{name}: {part:?}");
                assert_eq!(sides[1 - there].outcome, outcome, "{name}");
                assert_eq!(sides[1 - there].why.as_deref(), Some("it was so"), "{name}");
                // The log of the one that has it reaches somewhere all the same.
                assert_eq!(part.wal.is_some(), name == "db_wal");
                let others = report.parts.values().filter(|part| part.same == Some(true)).count();
                assert_eq!(others, 4);
            }
        }
    }
    // A part that a manifest does not name is one that nobody asked for.
    let mut without = whole();
    without.files.remove("sql");
    let report = between(&whole(), &without).await;
    assert_eq!(report.parts[&Part::Sql].after.outcome, PartOutcome::Skipped);
    // What neither has says nothing, and nothing at all is not "the same".
    let half = |outcome| whole().other("sql", outcome);
    assert!(between(&half(PartOutcome::Failed), &half(PartOutcome::Skipped)).await.same);
    let nothing = Made::default().other("sql", PartOutcome::Failed);
    assert!(!between(&nothing, &nothing).await.same);
}

#[tokio::test]
async fn files_are_compared_by_their_digests_and_settings_by_their_keys() {
    let after = whole()
        .file("volume", "ARCHIVE")
        .file("config", r#"{"format":1,"keys":{"/deis/router/gzip":"SECRET","/deis/x":"SECRET"}}"#);
    let report = between(&whole(), &after).await;
    let same = |part| report.parts[&part].same;
    assert_eq!(
        (same(Part::Volume), same(Part::Sql), same(Part::Config)),
        (Some(false), Some(true), Some(false))
    );
    let settings = report.parts[&Part::Config].settings.as_ref().unwrap();
    assert_eq!(
        (&settings.changed.names[..], &settings.added.names[..]),
        (&["/deis/router/gzip".to_owned()][..], &["/deis/x".to_owned()][..])
    );
    assert!(!format!("{report:?} {}", serde_json::to_string(&report).unwrap()).contains("SECRET"));
}

#[tokio::test]
async fn names_are_bounded_and_numbers_and_the_caller_are_not() {
    let lines: Vec<_> = (0..1500).map(|number| line(&format!("k{number:04}"), "x")).collect();
    let directory = repository();
    let (before, after) = (
        Made::default().bucket("registry", &[]).build(&directory),
        Made::default().bucket("registry", &lines).build(&directory),
    );
    let heard = Mutex::new(0);
    let each = Each::new(|_| {
        *heard.lock().unwrap() += 1;
        Ok(())
    });
    let report = diff(&before, &after, &DiffOptions { each }, &Run::silent()).await.unwrap();
    let added = &objects(&report, "registry").added;
    assert_eq!((added.names.count, added.names.names.len(), added.bytes_after), (1500, 1000, 1500));
    assert_eq!(heard.into_inner().unwrap(), 1500);
    // The caller's error ends it, as does a stop.
    let each = Each::new(|_| Err(Error::new(ErrorKind::Guard, "enough")));
    let error = diff(&before, &after, &DiffOptions { each }, &Run::silent()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Guard);
    let run = Run::silent();
    run.stop.stop();
    let error = diff(&before, &after, &DiffOptions::default(), &run).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
}

/// A way to damage a file.
type Damage = fn(&std::path::Path);

#[tokio::test]
async fn a_list_or_configuration_that_is_damaged_is_damage_with_its_name_and_its_snapshot() {
    let damages: [Damage; 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, &fs::read(path).unwrap()[1..]).unwrap(),
        |path| {
            let mut bytes = fs::read(path).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(path, bytes).unwrap();
        },
        |path| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
    ];
    for file in ["lists/db_wal.1-of-1.jsonl.gz", "lists/registry.1-of-1.jsonl.gz", "config.json"] {
        for (number, damage) in damages.iter().enumerate() {
            let directory = repository();
            let snapshots = [whole().build(&directory), whole().build(&directory)];
            // First the second one alone is damaged; then the first one, too, which is read first.
            for nth in [1, 0] {
                damage(&snapshots[nth].path().join(file));
                let error = compared(&snapshots[0], &snapshots[1]).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Damaged, "{file} {number}: {error:?}");
                let at = if file == "config.json" { At::File } else { At::List };
                assert_eq!(error.place().get(at), Some(file), "{number}: {error:?}");
                let shown = snapshots[nth].path().display().to_string();
                assert_eq!(error.place().get(At::Snapshot), Some(shown.as_str()), "{error:?}");
                assert!(error.advice().is_some(), "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn lists_that_contradict_the_manifest_are_damage() {
    let directory = repository();
    let good = whole().build(&directory);
    let writer = sample::begin(directory.path());
    let mut manifest = sample::fill(&writer);
    let registry = manifest.parts.get_mut(&Part::registry()).unwrap();
    (registry.counts.stored, registry.counts.vanished) = (4, 2);
    let odd = writer.commit(manifest).unwrap();
    for (before, after) in [(&good, &odd), (&odd, &good)] {
        let error = compared(before, after).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("the manifest says"), "{error}");
        let shown = odd.path().display().to_string();
        assert_eq!(error.place().get(At::Snapshot), Some(shown.as_str()));
    }
}

#[tokio::test]
async fn repositories_need_not_be_the_same() {
    let directories = (repository(), repository());
    let report = compared(&whole().build(&directories.0), &whole().build(&directories.1)).await.unwrap();
    assert!(report.same && report.before.snapshot != report.after.snapshot);
}
