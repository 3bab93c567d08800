//! The conditions of a GET, HEAD or PUT, as radosgw weighs them. Pure.

use super::date;
use super::failure::Failure;
use super::parsed_request::ParsedRequest;
use super::store::Object;

/// Whether an object may be read. `If-Range` is ignored, and `*` and lists match no `ETag`.
pub(super) fn check_read(request: &ParsedRequest, object: &Object) -> Result<(), Failure> {
    let (matches, none) = (request.header("if-match"), request.header("if-none-match"));
    let date = |name| match request.header(name) {
        None => Ok(None),
        Some(text) => match date::parse(text).and_then(|time| jiff::Timestamp::try_from(time).ok()) {
            Some(time) => Ok(Some(time.as_second())),
            None => Err(Failure::InvalidArgument),
        },
    };
    let modified = object.modified.as_second();
    if date("if-modified-since")?.is_some_and(|since| modified <= since) && none.is_none() {
        return Err(Failure::NotModified);
    }
    if date("if-unmodified-since")?.is_some_and(|since| modified > since) && matches.is_none() {
        return Err(Failure::PreconditionFailed);
    }
    if matches.is_some_and(|etag| unquoted(etag) != object.etag) {
        return Err(Failure::PreconditionFailed);
    }
    if none.is_some_and(|etag| unquoted(etag) == object.etag) {
        return Err(Failure::NotModified);
    }
    Ok(())
}

/// The condition of a write.
#[derive(Debug)]
pub(super) struct WriteCondition {
    matches: Option<String>,
    none: Option<String>,
}

impl WriteCondition {
    pub(super) fn of(request: &ParsedRequest) -> Self {
        let header = |name| request.header(name).map(str::to_owned);
        Self { matches: header("if-match"), none: header("if-none-match") }
    }

    /// Whether an object may be written where there is this one, or none.
    pub(super) fn check(&self, present: Option<&Object>) -> Result<(), Failure> {
        let exists = present.is_some();
        let is = |etag: &str| present.is_some_and(|object| object.etag == unquoted(etag));
        let refused = match (self.matches.as_deref(), self.none.as_deref()) {
            (Some("*"), _) => !exists,
            (Some(etag), _) => !is(etag),
            (None, Some("*")) => exists,
            (None, Some(etag)) => is(etag),
            (None, None) => false,
        };
        if refused { Err(Failure::PreconditionFailed) } else { Ok(()) }
    }
}

fn unquoted(etag: &str) -> &str {
    etag.trim().trim_matches('"')
}
