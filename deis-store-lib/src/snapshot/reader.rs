//! A finished snapshot, open for reading. It is untrusted input: paths are derived anew, names must be the format's.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::list_line::ListLine;
use super::manifest::Manifest;
use super::merge::Lines;
use super::name::{LISTS, MANIFEST, MANIFEST_DIGEST, RUN, SnapshotName, UNFINISHED, list_name};
use super::object_list::ListReader;
use super::repository::{REPOSITORY, Repository, SnapshotState};
use crate::disk::{Lock, Root};
use crate::error::{At, Context, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;
use crate::part::Part;

/// A manifest names a handful of files and gateways.
const LARGEST_MANIFEST_BYTES: u64 = 16 << 20;

/// A finished snapshot. While a clone of it lives, nobody prunes it.
#[derive(Clone, Debug)]
pub struct Snapshot(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    root: Root,
    manifest: Manifest,
    _lock: Lock,
}

impl Snapshot {
    /// Opens a snapshot's directory.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let root = Root::open(path)?;
        if root.kind(&[REPOSITORY])?.is_some() {
            return Err(repository_instead(&Repository::open(root.path())?));
        }
        Self::of(root)
    }

    pub(super) fn of(root: Root) -> Result<Self> {
        let file = root.open_file(&[MANIFEST]).map_err(|error| match error.kind() {
            ErrorKind::NotFound => no_manifest(&root),
            _ => error,
        })?;
        let text = read(&root, MANIFEST, &file)?;
        let lock = Lock::shared(file).at(At::Path, root.path().display())?;
        let digest = match root.open_file(&[MANIFEST_DIGEST]) {
            Ok(file) => read(&root, MANIFEST_DIGEST, &file)?,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        if digest != format!("{}  {MANIFEST}\n", Sha256::of(&text)).as_bytes() {
            return Err(damaged(&root, "the manifest is not the one that was sealed"));
        }
        let manifest = Manifest::parse(&text).at(At::Path, root.path().display())?;
        Ok(Self(Arc::new(Inner { root, manifest, _lock: lock })))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.root.path()
    }

    /// Its manifest.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.0.manifest
    }

    /// What was listed of a part, in order of the keys. A part without lists has no lines.
    pub fn lines(&self, part: Part) -> Result<Lines> {
        let names = self.0.manifest.parts.get(&part).map_or(&[][..], |entry| &entry.lists);
        let expected: Vec<_> = (1..=names.len()).map(|number| list_name(part, number, names.len())).collect();
        let mut given = names.to_vec();
        given.sort_unstable();
        if !expected.iter().all(|name| given.binary_search(name).is_ok()) {
            return Err(damaged(&self.0.root, &format!("the manifest does not name all lists of {part}")));
        }
        let lists = expected.iter().map(|name| {
            let path = format!("{LISTS}/{name}");
            let digest = self.0.manifest.file(&path).cloned().ok_or_else(|| {
                damaged(&self.0.root, "the manifest has no digest of an object list").at(At::List, &path)
            })?;
            Ok(ListReader::new(self.0.root.open_file(&[LISTS, name.as_str()]).at(At::List, &path)?, digest))
        });
        Ok(Lines::new(lists.collect::<Result<Vec<_>>>()?))
    }

    /// Opens the file of an object.
    pub fn open_object(&self, part: Part, line: &ListLine) -> Result<File> {
        let mut path = line.path()?;
        path.insert(0, part.name().to_owned());
        self.0.root.open_file(&path)
    }

    /// Opens a file that no list covers, by its path in the manifest.
    pub fn open_file(&self, path: &str) -> Result<File> {
        if self.0.manifest.file(path).is_none() {
            let error = Error::new(ErrorKind::NotFound, "the snapshot has no such file");
            return Err(error.at(At::File, path).at(At::Snapshot, self.path().display()));
        }
        let components: Vec<&str> = path.split('/').collect();
        self.0.root.open_file(&components)
    }

    pub(crate) fn root(&self) -> &Root {
        &self.0.root
    }
}

fn read(root: &Root, name: &str, file: &File) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    file.take(LARGEST_MANIFEST_BYTES + 1)
        .read_to_end(&mut text)
        .map_err(|error| disk_error("read", root.path().join(name).display(), error))?;
    if text.len() as u64 > LARGEST_MANIFEST_BYTES {
        return Err(damaged(root, "the manifest is far too large"));
    }
    Ok(text)
}

fn damaged(root: &Root, what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
        .at(At::Snapshot, root.path().display())
        .todo("use another snapshot, and look for the cause in the disk's health")
}

fn no_manifest(root: &Root) -> Error {
    // The path may be `.`; the name is asked of the file system.
    let path = std::fs::canonicalize(root.path()).unwrap_or_else(|_| root.path().to_owned());
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.ends_with(UNFINISHED) {
        return Error::new(ErrorKind::Damaged, "the run that was making this snapshot did not finish")
            .at(At::Snapshot, path.display())
            .todo("use a finished snapshot, or run the backup again");
    }
    if name.parse::<SnapshotName>().is_ok() || matches!(root.kind(&[RUN]), Ok(Some(_))) {
        return damaged(root, "the snapshot has no manifest");
    }
    Error::new(ErrorKind::NotFound, "the directory is not a snapshot")
        .at(At::Path, path.display())
        .todo("give the directory of a snapshot in the repository")
}

fn repository_instead(repository: &Repository) -> Error {
    let usable = |entry: &super::SnapshotEntry| entry.state == SnapshotState::Finished;
    let todo = match repository.snapshots() {
        Err(error) => return error,
        Ok(entries) => match entries.iter().rev().find(|entry| usable(entry)) {
            None => "it has no finished snapshot: run the backup first".to_owned(),
            Some(newest) => {
                let others = match entries.iter().filter(|entry| usable(entry)).count() - 1 {
                    0 => "the only one".to_owned(),
                    count => format!("the newest; there are {count} more"),
                };
                format!(
                    "give one of its snapshots: {} ({others})",
                    repository.path().join(newest.name.as_str()).display()
                )
            }
        },
    };
    Error::new(ErrorKind::Usage, "that is a repository, not a snapshot")
        .at(At::Path, repository.path().display())
        .todo(todo)
}

#[cfg(test)]
mod tests {
    use std::io::{Write, read_to_string};

    use super::*;
    use crate::outcome::Outcome;
    use crate::snapshot::PartOutcome;
    use crate::snapshot::sample::{self, KEYS};

    #[test]
    fn what_was_put_in_comes_out() {
        let directory = tempfile::tempdir().unwrap();
        let name = sample::build(directory.path()).manifest().snapshot.clone();
        let snapshot = Snapshot::open(directory.path().join(name)).unwrap();
        let lines: Vec<_> = snapshot.lines(Part::Registry).unwrap().collect::<Result<_>>().unwrap();
        let (stored, gone): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.outcome == Outcome::Stored);
        assert_eq!(stored.iter().map(|line| line.key.as_str()).collect::<Vec<_>>(), KEYS);
        assert_eq!(gone.len(), 1);
        for line in stored {
            let text = read_to_string(snapshot.open_object(Part::Registry, line).unwrap()).unwrap();
            assert_eq!(text, format!("bytes of {}", line.key));
        }
        assert_eq!(read_to_string(snapshot.open_file("config.json").unwrap()).unwrap(), "config.json");
        assert_eq!(snapshot.manifest().parts[&Part::Sql].outcome, PartOutcome::Skipped);
        assert_eq!(snapshot.lines(Part::Sql).unwrap().count(), 0);
    }

    #[test]
    fn files_that_the_manifest_does_not_name_are_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        for path in ["manifest.json", "../deis-store.json", "/etc/passwd", "dump_all.sql.gz"] {
            assert_eq!(snapshot.open_file(path).unwrap_err().kind(), ErrorKind::NotFound);
        }
    }

    #[test]
    fn sha256sum_can_check_the_manifest() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        let mut check = std::process::Command::new("sha256sum");
        check.args(["--check", "--status", "--strict", "manifest.json.sha256"]).current_dir(snapshot.path());
        assert!(check.status().unwrap().success());
    }

    #[test]
    fn a_run_that_did_not_finish_is_said_to_be_one() {
        let directory = tempfile::tempdir().unwrap();
        let unfinished = sample::begin(directory.path());
        let path = directory.path().join(format!("{}.unfinished", unfinished.name()));
        let error = Snapshot::open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("did not finish"), "{error}");
        let repository = Snapshot::open(directory.path()).unwrap_err();
        assert_eq!(repository.advice(), Some("it has no finished snapshot: run the backup first"));
    }

    #[test]
    fn a_repository_in_place_of_a_snapshot_names_the_newest() {
        let directory = tempfile::tempdir().unwrap();
        sample::build(directory.path());
        let newest = sample::build(directory.path());
        let error = Snapshot::open(directory.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let advice = error.advice().unwrap();
        assert!(advice.contains(&newest.manifest().snapshot) && advice.contains("1 more"), "{advice}");
    }

    #[test]
    fn a_directory_of_something_else_is_not_found() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Snapshot::open(directory.path()).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(Snapshot::open(directory.path().join("x")).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_snapshot_of_a_newer_version_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = sample::build(directory.path()).path().to_owned();
        let text = std::fs::read_to_string(path.join(MANIFEST)).unwrap();
        for (old, new, name) in [
            ("\"requires\": []", "\"requires\": [\"shards\"]", "shards"),
            ("\"format\": 1", "\"format\": 2", "format 2"),
        ] {
            let newer = text.replace(old, new);
            let digest = format!("{}  {MANIFEST}\n", Sha256::of(newer.as_bytes()));
            std::fs::write(path.join(MANIFEST), newer).unwrap();
            std::fs::write(path.join(MANIFEST_DIGEST), digest).unwrap();
            let error = Snapshot::open(&path).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Format);
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn a_key_in_two_lists_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let unfinished = sample::begin(directory.path());
        let mut manifest = sample::fill(&unfinished);
        let first =
            directory.path().join(format!("{}.unfinished/lists/registry.1-of-2.jsonl.gz", unfinished.name()));
        // Sealed again as the second list, so that digests agree and only the keys are there twice.
        let mut file = unfinished.list(Part::Registry, 2, 2).unwrap();
        let digest = |bytes: &[u8]| crate::snapshot::FileDigest {
            path: "l".to_owned(),
            size_bytes: bytes.len() as u64,
            sha256: Sha256::of(bytes),
        };
        let bytes = std::fs::read(first).unwrap();
        for line in ListReader::new(&bytes[..], digest(&bytes)) {
            file.add(&line.unwrap()).unwrap();
        }
        file.finish().unwrap();
        manifest.parts.remove(&Part::DbWal);
        let snapshot = unfinished.commit(manifest).unwrap();
        let lines: Result<Vec<_>> = snapshot.lines(Part::Registry).unwrap().collect();
        let error = lines.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("the same key"), "{error}");
    }

    #[test]
    fn it_is_committed_with_the_modes_of_the_format_and_nothing_else_in_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        let mode = |path: &str| snapshot.path().join(path).metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode("registry"), mode("registry/%-")), (0o700, 0o700, 0o700));
        assert_eq!(
            (mode("registry/a"), mode("manifest.json"), mode("lists/db_wal.1-of-1.jsonl.gz")),
            (0o400, 0o600, 0o600)
        );
        let names: Vec<_> = snapshot.root().list().unwrap().into_iter().map(|entry| entry.name).collect();
        let expected = [
            "config.json",
            "db_wal",
            "lists",
            "manifest.json",
            "manifest.json.sha256",
            "registry",
            "run.json",
            "store_file_backup.tar.gz",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn only_the_names_of_the_format_are_written_and_only_whole_parts_sealed() {
        let directory = tempfile::tempdir().unwrap();
        let unfinished = sample::begin(directory.path());
        for name in ["manifest.json", "../x", "run.json", "notes"] {
            assert_eq!(unfinished.file(name).unwrap_err().kind(), ErrorKind::Internal);
        }
        assert!(unfinished.list(Part::Sql, 1, 1).is_err() && unfinished.list(Part::Registry, 3, 2).is_err());
        assert!(unfinished.objects(Part::Volume).is_err());
        unfinished.file("store_file_backup.index.jsonl.gz").unwrap().write_all(b"dropped").unwrap();
        let mut manifest = sample::fill(&unfinished);
        manifest.parts.get_mut(&Part::Sql).unwrap().files.push("dump_all.sql.gz".to_owned());
        assert_eq!(unfinished.commit(manifest).unwrap_err().kind(), ErrorKind::Internal);
    }
}
