//! The files below a directory, as keys in bytewise order: what a bucket's listing is compared with.
//!
//! It follows no symlink, opens no file, and holds the names of one directory for each level it is down, and the handles of
//! few. Below a directory whose key alone is longer than a key can be it does not go. Within a
//! directory, a subdirectory `a` stands where its keys `a/…` belong; the pieces of a name that was too long belong to
//! the level they begin in, among whose names their keys stand.

use std::sync::Arc;

use futures_util::Stream;

use super::partial_files::PartialFiles;
use super::sorted_names::{Names, NotOurs, names};
use crate::blocking::read_ahead;
use crate::disk::{Descent, Kind, Metadata, Root, below};
use crate::error::{ErrorKind, Result, Scope};

/// Something below the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// The key that it is, or would be.
    pub(crate) key: String,
    /// Its path.
    pub(crate) path: TreePath,
    /// Its metadata, or why it is no file of ours.
    pub(crate) found: Result<Metadata, &'static str>,
}

impl TreeEntry {
    /// Whether it is a directory that cannot be read, so that its files are unknown.
    #[must_use]
    pub(crate) fn is_closed(&self) -> bool {
        self.found.is_err() && self.key.ends_with('/')
    }
}

/// The path of something below the directory. The paths of one directory share that part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreePath {
    directory: Arc<[String]>,
    names: Vec<String>,
}

impl TreePath {
    /// Its components.
    #[must_use]
    pub(crate) fn components(&self) -> Vec<String> {
        self.directory.iter().chain(&self.names).cloned().collect()
    }
}

/// Everything below a directory but directories, in the order of the keys, which begin with `prefix`.
///
/// A name that [`encode`](crate::key_path::encode) would not make is a key as it stands, so that a tree that another program made
/// is understood. Something that has no key of its own (a symlink, a device, a second name of the same key, a directory
/// that cannot be read) is given as such.
#[must_use]
pub(crate) fn walk(root: &Root, prefix: &str) -> Walk {
    let (begin, descent) = (Some(prefix.to_owned()), Descent::new(root.clone()));
    let partial_files = PartialFiles::default();
    Walk { begin, descent, levels: Vec::new(), partial_files, skip: None, as_they_stand: false }
}

/// A walk that is read ahead by a blocking task, with the partial files that it meets.
pub(crate) fn walk_ahead(walk: Walk) -> (impl Stream<Item = Result<TreeEntry>> + Send + use<>, PartialFiles) {
    let partial_files = walk.partial_files.clone();
    (read_ahead(|| Ok(walk)), partial_files)
}

/// No key is longer.
const MOST_KEY_BYTES: usize = 1024;

/// See [`walk`].
pub(crate) struct Walk {
    begin: Option<String>,
    descent: Descent,
    levels: Vec<Level>,
    partial_files: PartialFiles,
    skip: Option<Skip>,
    as_they_stand: bool,
}

/// Says of a directory's key, which ends in `/`, whether it is not entered.
type Skip = Box<dyn Fn(&str) -> bool + Send>;

impl std::fmt::Debug for Walk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Walk").field("levels", &self.levels.len()).finish_non_exhaustive()
    }
}

impl From<Vec<String>> for TreePath {
    fn from(names: Vec<String>) -> Self {
        Self { directory: Arc::default(), names }
    }
}

/// A directory that is being walked.
#[derive(Debug)]
struct Level {
    /// The beginning of its keys.
    key: String,
    path: Arc<[String]>,
    names: Names,
}

impl Iterator for Walk {
    type Item = Result<TreeEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

impl Walk {
    /// Does not enter directories whose keys, which end in `/`, are such. One that cannot be read is given all the same.
    pub(crate) fn skip(mut self, skip: impl Fn(&str) -> bool + Send + 'static) -> Self {
        self.skip = Some(Box::new(skip));
        self
    }

    /// Takes all names for keys as they stand, also those that look like one of ours.
    pub(crate) fn with_names_as_they_stand(self) -> Self {
        Self { as_they_stand: true, ..self }
    }

    fn step(&mut self) -> Result<Option<TreeEntry>> {
        if let Some(prefix) = self.begin.take() {
            let names = names(self.descent.here()?, &[], &self.partial_files, self.as_they_stand)?;
            self.levels.push(Level { key: prefix, path: Arc::default(), names });
        }
        while let Some(level) = self.levels.last_mut() {
            let Some(name) = level.names.next().transpose()? else {
                self.levels.pop();
                self.descent.up();
                continue;
            };
            let key = [&*level.key, &*name.adds].concat();
            let path = TreePath { directory: level.path.clone(), names: name.path };
            if let Some(why) = name.not_ours {
                return Ok(Some(TreeEntry { key, path, found: Err(why.why()) }));
            }
            let directory = match self.descent.here() {
                Ok(directory) => directory,
                // It has gone meanwhile, with what is left of it.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    self.levels.pop();
                    self.descent.up();
                    continue;
                }
                Err(error) => return Err(error),
            };
            if name.adds.ends_with('/') {
                if key.len() > MOST_KEY_BYTES {
                    return Ok(Some(TreeEntry { key, path, found: Err(NotOurs::TooDeep.why()) }));
                }
                let below = below(directory, &path.names);
                let skips = self.skip.as_ref().is_some_and(|skip| skip(&key));
                let enter = |directory| if skips { Ok(()) } else { self.enter(directory, &key, &path) };
                match below.and_then(enter) {
                    Ok(()) => {}
                    // A directory that has gone meanwhile was not there.
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    Err(error) if error.scope() == Scope::Object => {
                        return Ok(Some(TreeEntry { key, path, found: Err(NotOurs::Unreadable.why()) }));
                    }
                    Err(error) => return Err(error),
                }
                continue;
            }
            let found = match directory.metadata(&path.names) {
                Ok(Some(metadata)) if metadata.kind == Kind::File => Ok(metadata),
                Ok(Some(_)) => Err(NotOurs::NoFile.why()),
                Ok(None) => continue,
                Err(error) if error.scope() == Scope::Object => Err(NotOurs::Unknown.why()),
                Err(error) => return Err(error),
            };
            return Ok(Some(TreeEntry { key, path, found }));
        }
        Ok(None)
    }

    fn enter(&mut self, directory: Root, key: &str, path: &TreePath) -> Result<()> {
        let components = path.components();
        let names = names(&directory, &components, &self.partial_files, self.as_they_stand)?;
        self.levels.push(Level { key: key.to_owned(), path: components.into(), names });
        self.descent.down(path.names.clone(), directory);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt as _;
    use std::os::unix::fs::symlink;

    use proptest::prelude::*;

    use super::*;

    fn keys(root: &Root) -> Vec<(String, bool)> {
        walk(root, "").map(|local| local.unwrap()).map(|local| (local.key, local.found.is_ok())).collect()
    }

    fn made(keys: &[String]) -> (tempfile::TempDir, Root) {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        for key in keys {
            root.new_object(key, "").unwrap().commit(0o600, None, false).unwrap();
        }
        (place, root)
    }

    #[test]
    fn a_directory_stands_where_its_keys_belong() {
        let long = "x".repeat(250);
        let mut all: Vec<String> =
            ["a", "a!", "a/b", "a/b/c", "a0", "", "/lead", "d/", &long, "é", "100%/z", &"x".repeat(220)]
                .map(str::to_owned)
                .to_vec();
        let (_place, root) = made(&all);
        all.sort();
        assert_eq!(keys(&root), all.into_iter().map(|key| (key, true)).collect::<Vec<_>>());
    }

    #[test]
    fn a_key_of_slashes_alone_is_walked_and_removed_with_few_handles() {
        let key = "/".repeat(1024);
        let (place, root) = made(&[key.clone(), "a".to_owned()]);
        let handles = || fs::read_dir("/proc/self/fd").unwrap().count();
        let (before, mut most) = (handles(), 0);
        let mut walk = walk(&root, "").inspect(|_| most = most.max(handles()));
        assert_eq!(walk.next().unwrap().unwrap().key, key);
        assert_eq!(walk.next().unwrap().unwrap().key, "a");
        assert!(walk.next().is_none());
        // Other tests have files open at the same time.
        assert!(most < before + 200, "{before} {most}");
        root.remove_directory("%-").unwrap();
        assert!(!place.path().join("%-").exists());
    }

    #[test]
    fn below_a_directory_that_is_too_deep_for_keys_nothing_is_looked_for() {
        let (place, root) = made(&[]);
        let mut deep = place.path().to_owned();
        (0..6).for_each(|_| deep.push("x".repeat(200)));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("file"), "").unwrap();
        let found: Vec<TreeEntry> = walk(&root, "").map(|entry| entry.unwrap()).collect();
        assert!(matches!(&found[..], [one] if one.is_closed() && one.key.len() == 1206), "{found:?}");
    }

    #[test]
    fn what_is_no_file_of_ours_is_named_and_not_followed() {
        let (place, root) = made(&["a/x".to_owned()]);
        symlink("a", place.path().join("link")).unwrap();
        fs::write(place.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        fs::write(place.path().join(crate::disk::partial_name("k", "")), "").unwrap();
        let expected = [("a/x", true), ("link", false), ("\u{fffd}", false)];
        assert_eq!(keys(&root), expected.map(|(key, ours)| (key.to_owned(), ours)));
    }

    #[test]
    fn a_name_that_is_no_path_of_a_key_is_a_key_as_it_stands_unless_the_key_has_a_file() {
        let (place, root) = made(&["50%".to_owned()]);
        fs::write(place.path().join("50%"), "").unwrap();
        fs::write(place.path().join("70%"), "").unwrap();
        let all: Vec<TreeEntry> = walk(&root, "p/").map(|local| local.unwrap()).collect();
        let seen: Vec<_> =
            all.iter().map(|local| (local.key.as_str(), local.path.names[0].as_str())).collect();
        assert_eq!(seen, [("p/50%", "50%25"), ("p/50%", "50%"), ("p/70%", "70%")]);
        assert_eq!(all[1].found, Err(NotOurs::SecondName.why()));
    }

    #[test]
    fn as_they_stand_all_names_are_keys_in_their_order() {
        let (place, root) = made(&[]);
        let mut names = ["50%25", "50%", "a%+", "a/x", "a!", &crate::disk::partial_name("k", ""), "%2E"]
            .map(str::to_owned);
        std::fs::create_dir(place.path().join("a")).unwrap();
        for name in &names {
            std::fs::write(place.path().join(name), "").unwrap();
        }
        fs::write(place.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "").unwrap();
        names.sort();
        let found: Vec<TreeEntry> =
            walk(&root, "").with_names_as_they_stand().map(|entry| entry.unwrap()).collect();
        let (keys, other) = found.split_at(names.len());
        assert_eq!(keys.iter().map(|entry| entry.key.as_str()).collect::<Vec<_>>(), names);
        assert!(
            keys.iter().all(|entry| entry.found.is_ok() && entry.path.components().join("/") == entry.key)
        );
        assert!(matches!(other, [one] if one.found == Err(NotOurs::NotUtf8.why())));
    }

    #[test]
    fn of_two_directories_of_one_key_only_one_is_walked() {
        let (place, root) = made(&["a".to_owned(), "a/x".to_owned()]);
        fs::remove_file(place.path().join("a")).unwrap();
        fs::create_dir(place.path().join("a")).unwrap();
        fs::write(place.path().join("a/y"), "").unwrap();
        assert_eq!(keys(&root), [("a/".to_owned(), false), ("a/x".to_owned(), true)]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_key_comes_back_in_bytewise_order(
            keys_in in prop::collection::btree_set(
                prop::collection::vec(
                    prop_oneof![
                        6 => prop::sample::select(vec!["/", ".", "..", "%", "a", "A", "!", "é", "0"]).prop_map(str::to_owned),
                        1 => (prop::sample::select(vec!["x", "€"]), 60..260_usize).prop_map(|(c, n)| c.repeat(n)),
                    ],
                    0..7,
                ),
                1..12,
            )
        ) {
            let expected: std::collections::BTreeSet<String> =
                keys_in.iter().map(|tokens| tokens.concat()).filter(|key| key.len() < 1024).collect();
            let (_place, root) = made(&expected.iter().cloned().collect::<Vec<_>>());
            let found: Vec<String> = keys(&root).into_iter().map(|(key, _)| key).collect();
            prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
        }
    }
}
