//! The JSON files of a repository, as people and programs read them. Pure.

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};

/// A value as a file: indented, with a line feed at its end.
pub(super) fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "a value that is no JSON").because(error))?;
    text.push(b'\n');
    Ok(text)
}
