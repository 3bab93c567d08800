//! Compares a downloaded directory with the original: every byte of every file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use deis_store_tests::error::{Context as _, Error, Result};

/// The files below a directory: path below it → full path.
pub(crate) fn files(directory: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    collect(directory, "", &mut found).context(directory.display())?;
    Ok(found)
}

/// Checks that two directories hold the same files with the same bytes.
pub(crate) fn same(original: &Path, copy: &Path) -> Result<()> {
    let (original, copy) = (files(original)?, files(copy)?);
    if !original.keys().eq(copy.keys()) {
        return Err(Error::new(format!("{} files became {}, or other names", original.len(), copy.len())));
    }
    for (name, path) in &original {
        let other = &copy[name];
        let read = |path: &Path| fs::read(path).context(path.display());
        if read(path)? != read(other)? {
            return Err(Error::new(format!("{} is not what was sent", other.display())));
        }
    }
    Ok(())
}

fn collect(directory: &Path, prefix: &str, found: &mut BTreeMap<String, PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), found)?;
        } else {
            found.insert(name, entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_byte_another_name_and_a_missing_file_are_seen() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        for copy in ["a", "same", "byte", "name", "missing"] {
            fs::create_dir_all(at(copy).join("d")).unwrap();
            fs::write(at(copy).join("d/f"), "bytes").unwrap();
        }
        fs::write(at("byte/d/f"), "bytez").unwrap();
        fs::rename(at("name/d/f"), at("name/d/g")).unwrap();
        fs::remove_file(at("missing/d/f")).unwrap();
        same(&at("a"), &at("same")).unwrap();
        for other in ["byte", "name", "missing"] {
            assert!(same(&at("a"), &at(other)).is_err(), "{other}");
        }
    }
}
