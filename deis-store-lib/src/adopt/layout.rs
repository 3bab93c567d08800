//! Which names in a directory are whose, in the two layouts of the manual's page. Pure.
//!
//! Synced into one directory, the keys of both buckets lie beside each other: `basebackups_005/…`, `wal_005/…`, `registry/…`.
//! Synced into one directory each, they lie below `db_wal/` and `registry/`. So `registry/` may be the beginning of keys or the
//! bucket; what is in it tells.

use std::collections::{BTreeMap, BTreeSet};

use crate::disk::{Entry, Kind};
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::{BucketPart, Part};

/// The directory of the bucket of base backups and log, where that has one of its own.
const DB_WAL: &str = "db_wal";
/// The directory of the bucket of images, or the beginning of all its keys.
pub(super) const REGISTRY: &str = "registry";
/// The dump as the page writes it.
const PLAIN_DUMP: &str = "dump_all.sql";

/// The names in a directory.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) entries: Vec<Entry>,
    /// The names in `registry/`, if it is there.
    pub(super) in_registry: Vec<Entry>,
}

/// The parts that a directory has, and where each of them is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) buckets: BTreeMap<Part, Place>,
    /// The names of the files of the other parts.
    pub(super) files: BTreeMap<Part, String>,
    /// What belongs to none.
    pub(super) others: Vec<String>,
}

/// Where the objects of a bucket are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Below a directory, whose name is in no key.
    Below(String),
    /// In the directory itself: the keys begin with these names.
    Beside(BTreeSet<String>),
}

impl Place {
    fn names(&self) -> Vec<String> {
        match self {
            Self::Below(name) => vec![name.clone()],
            Self::Beside(names) => names.iter().cloned().collect(),
        }
    }
}

/// Tells the layout, or that it is neither or both.
pub(super) fn layout(seen: &Seen, added: &[BucketPart]) -> Result<Layout> {
    let names: BTreeMap<String, Kind> =
        seen.entries.iter().map(|entry| (entry.name.to_string_lossy().into_owned(), entry.kind)).collect();
    let mut buckets = of_deis(&names, &seen.in_registry)?;
    for bucket in added {
        let name = bucket.added().map(ToString::to_string).unwrap_or_default();
        if !names.contains_key(&name) {
            let error = Error::new(ErrorKind::Usage, "the directory has none of this bucket");
            return Err(error
                .at(At::Bucket, &name)
                .todo("what was synced from it belongs into a directory of its name"));
        }
        buckets.insert(Part::Bucket(bucket.clone()), Place::Below(name));
    }
    let mut files = BTreeMap::new();
    for part in [Part::Volume, Part::Sql] {
        let name = part.file_name().unwrap_or_default();
        if names.contains_key(name) {
            files.insert(part, name.to_owned());
        }
    }
    if names.contains_key(PLAIN_DUMP) && files.insert(Part::Sql, PLAIN_DUMP.to_owned()).is_some() {
        let what = format!("the directory has two dumps: {PLAIN_DUMP}, and the same compressed");
        return Err(ambiguous(what, "move the one away that is not meant"));
    }
    let mut claimed = BTreeSet::new();
    let of_buckets = buckets.values().flat_map(Place::names).map(|name| (name, Kind::Directory));
    for (name, kind) in of_buckets.chain(files.values().map(|name| (name.clone(), Kind::File))) {
        if names.get(&name) != Some(&kind) {
            return Err(not_that(&name, kind));
        }
        if !claimed.insert(name.clone()) {
            let what = format!("two buckets would be adopted from {name}/");
            return Err(ambiguous(what, "leave one of them out"));
        }
    }
    if claimed.is_empty() {
        let what = "the directory has nothing of what the manual's page puts into it";
        return Err(Error::new(ErrorKind::Usage, what).todo(
            "give the directory in which `s3cmd sync` was run: basebackups_005, wal_005 and registry are in it, or db_wal and registry",
        ));
    }
    let others = names.into_keys().filter(|name| !claimed.contains(name)).collect();
    Ok(Layout { buckets, files, others })
}

/// The platform's own buckets.
fn of_deis(names: &BTreeMap<String, Kind>, in_registry: &[Entry]) -> Result<BTreeMap<Part, Place>> {
    let within = |name: &str| in_registry.iter().any(|entry| entry.name == name);
    let log: BTreeSet<String> = names.keys().filter(|name| is_of_wal_e(name)).cloned().collect();
    let (has_bucket, has_registry) = (names.contains_key(DB_WAL), names.contains_key(REGISTRY));
    let mut beside: Vec<String> = log.iter().map(|name| format!("{name}/")).collect();
    let mut apart: Vec<String> = has_bucket.then(|| format!("{DB_WAL}/")).into_iter().collect();
    beside.extend(["images", "repositories"].into_iter().filter(|name| within(name)).map(in_registry_dir));
    apart.extend([REGISTRY, "docker"].into_iter().filter(|name| within(name)).map(in_registry_dir));
    let registry = match (apart.first(), beside.first()) {
        (Some(apart), Some(beside)) => {
            let what = format!(
                "the directory has {apart}, as if each bucket had a directory of its own, and {beside}, as if both were in one"
            );
            return Err(ambiguous(
                what,
                "move what belongs together into a directory of its own, and adopt that",
            ));
        }
        (None, None) if has_registry => {
            let what = format!(
                "whether {REGISTRY}/ is the bucket, or the beginning of the keys in it, is not to be seen: it has neither \
                 {REGISTRY}/ nor images/ and repositories/ in it"
            );
            return Err(ambiguous(what, "give the directory in which `s3cmd sync` was run"));
        }
        (Some(_), None) => Place::Below(REGISTRY.to_owned()),
        (None, _) => Place::Beside([REGISTRY.to_owned()].into()),
    };
    let mut buckets = BTreeMap::new();
    if has_bucket {
        buckets.insert(Part::db_wal(), Place::Below(DB_WAL.to_owned()));
    } else if !log.is_empty() {
        buckets.insert(Part::db_wal(), Place::Beside(log));
    }
    if has_registry {
        buckets.insert(Part::registry(), registry);
    }
    Ok(buckets)
}

fn in_registry_dir(name: &str) -> String {
    format!("{REGISTRY}/{name}/")
}

/// Whether a name is the first one of WAL-E's keys, in whatever version of its layout.
fn is_of_wal_e(name: &str) -> bool {
    let version = name.strip_prefix("basebackups_").or(name.strip_prefix("wal_"));
    version.is_some_and(|version| version.len() == 3 && version.bytes().all(|byte| byte.is_ascii_digit()))
}

fn ambiguous(what: String, todo: &str) -> Error {
    Error::new(ErrorKind::Usage, what).todo(todo)
}

fn not_that(name: &str, kind: Kind) -> Error {
    let what = if kind == Kind::Directory { "directory" } else { "file" };
    Error::new(ErrorKind::Occupied, format!("{name} should be a {what}, and is a symlink or something else"))
        .todo("put the real one in its place, or move it away")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names, with a slash at the end of directories and an `@` at the end of symlinks.
    fn entries(names: &[&str]) -> Vec<Entry> {
        let entry = |name: &&str| {
            let (name, kind) = match (name.strip_suffix('/'), name.strip_suffix('@')) {
                (Some(name), _) => (name, Kind::Directory),
                (_, Some(name)) => (name, Kind::Symlink),
                _ => (*name, Kind::File),
            };
            Entry { name: name.into(), kind }
        };
        names.iter().map(entry).collect()
    }

    fn found(names: &[&str], in_registry: &[&str], added: &[&str]) -> Result<Layout> {
        let added: Vec<BucketPart> = added.iter().map(|text| text.parse().unwrap()).collect();
        layout(&Seen { entries: entries(names), in_registry: entries(in_registry) }, &added)
    }

    fn beside(names: &[&str]) -> Place {
        Place::Beside(names.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn in_one_directory_the_keys_of_both_buckets_are_beside_each_other() {
        let names = [
            "basebackups_005/",
            "wal_005/",
            "registry/",
            "store_file_backup.tar.gz",
            "dump_all.sql",
            "notes.txt",
            "link@",
        ];
        let found = found(&names, &["images/", "repositories/"], &[]).unwrap();
        let expected = [
            (Part::db_wal(), beside(&["basebackups_005", "wal_005"])),
            (Part::registry(), beside(&["registry"])),
        ];
        assert_eq!(found.buckets, expected.into());
        assert_eq!(found.files[&Part::Sql], "dump_all.sql");
        assert_eq!(found.files[&Part::Volume], "store_file_backup.tar.gz");
        assert_eq!(found.others, ["link", "notes.txt"]);
    }

    #[test]
    fn in_a_directory_each_the_directory_is_the_bucket() {
        let found = found(&["db_wal/", "registry/", "dump_all.sql.gz"], &["registry/"], &[]).unwrap();
        let expected = [
            (Part::db_wal(), Place::Below("db_wal".to_owned())),
            (Part::registry(), Place::Below("registry".to_owned())),
        ];
        assert_eq!(found.buckets, expected.into());
        assert_eq!(found.files[&Part::Sql], "dump_all.sql.gz");
    }

    #[test]
    fn one_bucket_or_file_alone_is_enough_and_what_is_in_registry_tells_what_it_is() {
        let registry = |within: &[&str]| {
            found(&["registry/"], within, &[]).map(|found| found.buckets[&Part::registry()].clone())
        };
        assert_eq!(registry(&["images/"]).unwrap(), beside(&["registry"]));
        assert_eq!(registry(&["registry/"]).unwrap(), Place::Below("registry".to_owned()));
        assert_eq!(registry(&["docker/"]).unwrap(), Place::Below("registry".to_owned()));
        for unclear in [&[][..], &["other/"], &["images/", "registry/"]] {
            assert_eq!(registry(unclear).unwrap_err().kind(), ErrorKind::Usage, "{unclear:?}");
        }
        // The other bucket tells it as well.
        let of = |names: &[&str]| found(names, &["odd/"], &[]).unwrap().buckets[&Part::registry()].clone();
        assert_eq!(of(&["db_wal/", "registry/"]), Place::Below("registry".to_owned()));
        assert_eq!(of(&["wal_005/", "registry/"]), beside(&["registry"]));
        assert!(found(&["store_file_backup.tar.gz"], &[], &[]).unwrap().buckets.is_empty());
    }

    #[test]
    fn what_could_be_both_or_is_neither_is_refused() {
        for (names, within) in [
            (&["db_wal/", "wal_005/"][..], &[][..]),
            (&["db_wal/", "registry/"], &["images/"]),
            (&["wal_005/", "registry/"], &["registry/"]),
            (&["dump_all.sql", "dump_all.sql.gz"], &[]),
            (&["notes.txt", "wal_5/", "wal_00x/"], &[]),
            (&[], &[]),
        ] {
            let error = found(names, within, &[]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{names:?}");
            assert!(error.advice().is_some(), "{names:?}");
        }
        for wrong in ["db_wal@", "wal_005", "registry@", "dump_all.sql/", "store_file_backup.tar.gz@"] {
            let error = found(&[wrong, "basebackups_005/"], &[], &[]).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Occupied | ErrorKind::Usage), "{wrong}");
        }
    }

    #[test]
    fn an_added_bucket_is_a_directory_of_its_name_and_of_no_other_part() {
        let uploads = found(&["uploads/", "x/"], &[], &["uploads"]).unwrap();
        let part = Part::Bucket("uploads".parse().unwrap());
        assert_eq!(uploads.buckets[&part], Place::Below("uploads".to_owned()));
        assert_eq!(uploads.others, ["x"]);
        for (names, added) in
            [(&["x/"][..], "uploads"), (&["db_wal/"], "db_wal:wal-e"), (&["wal_005/"], "wal_005")]
        {
            assert_eq!(found(names, &[], &[added]).unwrap_err().kind(), ErrorKind::Usage, "{added}");
        }
        assert_eq!(found(&["uploads@"], &[], &["uploads"]).unwrap_err().kind(), ErrorKind::Occupied);
    }
}
