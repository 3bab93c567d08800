//! Directories in keys. Pure.

/// The part of a key before a directory, which is empty or ends in a slash, and the part behind the directory.
pub(super) fn split_at_directory<'k>(key: &'k str, directory: &str) -> Option<(&'k str, &'k str)> {
    let mut found = key.match_indices(directory);
    let (at, _) = found.find(|(at, _)| *at == 0 || key.as_bytes()[at - 1] == b'/')?;
    Some((&key[..at], &key[at + directory.len()..]))
}
