//! Whether a directory may be unpacked into.

use crate::disk::{Kind, Root};
use crate::error::Result;
use crate::volume::host::UNPACKING;

/// Whether a directory holds no data. `lost+found` and an empty `logs` do not count, nor what an interrupted unpacking has
/// left.
pub(crate) fn is_empty(directory: &Root) -> Result<bool> {
    let mut is_empty = true;
    directory.each_entry(|entry| {
        let counts_not = match entry.name.to_str() {
            _ if entry.kind != Kind::Directory => false,
            Some("lost+found" | UNPACKING) => true,
            Some("logs") => directory.subdirectory("logs", false)?.is_empty()?,
            _ => false,
        };
        is_empty &= counts_not;
        Ok(())
    })?;
    Ok(is_empty)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_a_volume_has_of_itself_counts_not_and_anything_else_does() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        let root = Root::open(place.path()).unwrap();
        let empty = || is_empty(&root).unwrap();
        assert!(empty());
        for name in ["lost+found/x", "logs", ".deis-store-unpacking/logs"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        assert!(empty());
        fs::write(path("logs/.app.log"), "").unwrap();
        assert!(!empty());
        fs::remove_file(path("logs/.app.log")).unwrap();
        fs::create_dir(path("logs/logs")).unwrap();
        assert!(!empty(), "a directory is data too");
        fs::remove_dir_all(path("logs")).unwrap();
        for name in ["lost+found", ".deis-store-unpacking", "logs", "x"] {
            let _ = fs::remove_dir_all(path(name));
            std::os::unix::fs::symlink("nowhere", path(name)).unwrap();
            assert!(!empty(), "{name}");
            fs::remove_file(path(name)).unwrap();
            fs::write(path(name), "").unwrap();
            assert!(!empty(), "{name}");
            fs::remove_file(path(name)).unwrap();
        }
        assert!(empty());
    }
}
