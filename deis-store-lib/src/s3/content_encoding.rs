//! The `Content-Encoding` that comes with an object: its own, or that of a proxy which has compressed it on the way. Pure.

use super::op::ObjectInfo;
use crate::error::Error;

/// The `Content-Encoding` of an object, if it has one.
pub(crate) fn encoding_of(info: &ObjectInfo) -> Option<String> {
    info.headers.get("content-encoding").cloned()
}

/// Says of an object that came with other bytes that they may be compressed: the answer says that they are, and nothing says
/// whether they were stored so.
pub(crate) fn perhaps_compressed(error: Error, encoding: Option<&str>) -> Error {
    match encoding {
        Some(encoding) if std::error::Error::source(&error).is_none() => {
            error.because(format!("its Content-Encoding is {encoding}: a proxy may have compressed it"))
        }
        _ => error,
    }
}
