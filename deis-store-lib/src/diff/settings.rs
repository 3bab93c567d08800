//! The configurations of two snapshots: names of keys, and never a value. Blocking.

use std::collections::BTreeSet;
use std::io::Read as _;

use zeroize::Zeroizing;

use super::report::{PartDiff, PartSide, SettingsDiff};
use super::side::Side;
use crate::cluster::Configuration;
use crate::error::{At, Result, disk_error};
use crate::hash::Sha256;

/// A configuration is small; anything longer is not one.
const MOST_BYTES: u64 = 64 << 20;

pub(super) fn compare(before: &Side, after: &Side) -> Result<PartDiff> {
    let configurations = (read(before)?, read(after)?);
    let side = |side: &Side, configuration: &Option<Configuration>| {
        let keys = configuration.as_ref().map_or(0, |configuration| configuration.values().len() as u64);
        PartSide::of(&side.entry, keys, side.entry.bytes)
    };
    let mut diff = PartDiff::new(side(before, &configurations.0), side(after, &configurations.1));
    if let (Some(old), Some(new)) = configurations {
        let settings = between((&old, &not_taken(before)), (&new, &not_taken(after)));
        diff.compared(settings.is_empty());
        diff.settings = Some(settings);
    }
    Ok(diff)
}

/// The keys that a backup could not take, and all else that its manifest says is not in it. What became of such a key is not known.
fn not_taken(side: &Side) -> BTreeSet<&str> {
    side.snapshot.manifest().not_included.iter().map(|missing| missing.what.as_str()).collect()
}

/// Compares two configurations, each with the keys that could not be taken.
fn between(
    (before, not_before): (&Configuration, &BTreeSet<&str>),
    (after, not_after): (&Configuration, &BTreeSet<&str>),
) -> SettingsDiff {
    let mut diff = SettingsDiff::default();
    for (key, _) in after.values().filter(|(key, _)| before.text(key).is_none()) {
        let names = if not_before.contains(key) { &mut diff.not_in_before } else { &mut diff.added };
        names.add(key);
    }
    for (key, value) in before.values() {
        match after.text(key) {
            None if not_after.contains(key) => diff.not_in_after.add(key),
            None => diff.removed.add(key),
            Some(text) if text != value.expose() => diff.changed.add(key),
            Some(_) => {}
        }
    }
    diff
}

/// The configuration of a snapshot that has one, if it is what the manifest says.
fn read(side: &Side) -> Result<Option<Configuration>> {
    let Some(expected) = side.file()? else { return Ok(None) };
    let name = &expected.path;
    let file = side.snapshot.open_file(name).map_err(|error| side.own(error.at(At::File, name)))?;
    let damaged = |what: &str| side.damaged(what).at(At::File, name);
    if expected.size_bytes > MOST_BYTES {
        return Err(damaged("the configuration is far too large"));
    }
    // Of a length that it never outgrows: a vector that grows leaves its old bytes behind.
    let most = usize::try_from(expected.size_bytes).unwrap_or_default() + 1;
    let mut json = Zeroizing::new(Vec::with_capacity(most));
    file.take(most as u64)
        .read_to_end(&mut json)
        .map_err(|error| side.own(disk_error("read", name, error)))?;
    if json.len() as u64 != expected.size_bytes || Sha256::of(&json) != expected.sha256 {
        return Err(damaged("the file is not what it was when it was backed up"));
    }
    Configuration::parse_any(&json).map(Some).map_err(|error| side.own(error.at(At::File, name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::names::Names;

    #[test]
    fn keys_that_came_went_or_changed_are_named_without_their_values() {
        let read = |keys: &str| {
            let json = format!(r#"{{"format":1,"keys":{{{keys}}}}}"#);
            Configuration::parse_any(json.as_bytes()).unwrap()
        };
        let before = read(r#""/deis/a":"1","/deis/b":"SECRET","/deis/c":"2","/deis/store/fsid":"f""#);
        let after = read(r#""/deis/a":"1","/deis/b":"HUSH","/deis/d":"SECRET","/deis/store/fsid":"f""#);
        let none = BTreeSet::new();
        let diff = between((&before, &none), (&after, &none));
        assert_eq!(
            (diff.added.names.as_slice(), diff.removed.names.as_slice(), diff.changed.names.as_slice()),
            (&["/deis/d".to_owned()][..], &["/deis/c".to_owned()][..], &["/deis/b".to_owned()][..])
        );
        let shown = format!("{diff:?} {}", serde_json::to_string(&diff).unwrap());
        assert!(!shown.contains("SECRET") && !shown.contains("HUSH"), "{shown}");
        assert!(between((&before, &none), (&before, &none)).is_empty() && !diff.is_empty());
    }

    #[test]
    fn a_key_that_could_not_be_taken_neither_came_nor_went() {
        let read = |keys: &str| {
            let json = format!(r#"{{"format":1,"keys":{{{keys}}}}}"#);
            Configuration::parse_any(json.as_bytes()).unwrap()
        };
        let before = read(r#""/deis/a":"1","/deis/b":"1""#);
        let after = read(r#""/deis/c":"1","/deis/d":"1""#);
        let diff = between(
            (&before, &BTreeSet::from(["/deis/c", "logs"])),
            (&after, &BTreeSet::from(["/deis/a", "logs"])),
        );
        let told = [&diff.added, &diff.removed, &diff.not_in_before, &diff.not_in_after];
        assert_eq!(told.map(|names| names.names.join(" ")), ["/deis/d", "/deis/b", "/deis/c", "/deis/a"]);
        assert!(!SettingsDiff { added: Names::default(), removed: Names::default(), ..diff }.is_empty());
    }
}
