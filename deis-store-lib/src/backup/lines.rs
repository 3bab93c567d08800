//! The line and the findings of an object that was copied, or could not be. Pure.

use std::time::SystemTime;

use crate::error::{At, Context as _, Result};
use crate::outcome::Outcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind};
use crate::s3::op::ObjectInfo;
use crate::snapshot::{ListLine, timestamp};
use crate::transfer::Downloaded;

pub(super) fn line(downloaded: Downloaded) -> Result<ListLine> {
    let modified = timestamp(time_of(&downloaded).unwrap_or(SystemTime::UNIX_EPOCH));
    let Downloaded { listed, outcome, stored, .. } = downloaded;
    let modified = modified.at(At::Key, &listed.key)?;
    let mut line = ListLine::new(listed.key, listed.size_bytes, listed.etag, modified);
    line.outcome = outcome;
    if let Some(stored) = stored {
        line.size_bytes = stored.size_bytes;
        line.checked = Some(stored.checked);
        line.sha256 = stored.sha256;
        line.content_type = Some(stored.info.content_type);
        line.headers = stored.info.headers;
        line.meta = stored.info.meta;
        line = line.stored_at(&stored.path);
    }
    Ok(line)
}

pub(super) fn finding_of(part: &Part, line: &ListLine, damaged: bool) -> Option<Finding> {
    let kind = match &line.outcome {
        Outcome::Stored | Outcome::Unchanged => return None,
        Outcome::Unverifiable(_) => FindingKind::Unverifiable,
        Outcome::Vanished => FindingKind::Vanished,
        Outcome::Refused(_) => FindingKind::Refused,
        Outcome::Failed(_) if damaged => FindingKind::Changed,
        Outcome::Failed(_) => FindingKind::Failed,
    };
    let what = line.outcome.why().unwrap_or("it was gone before it could be copied");
    Some(Finding::new(Some(part), &line.key, kind, what))
}

/// What of a copied object is not kept as it was. An object that was not asked for has been named when it was fetched.
pub(super) fn not_kept<'a>(
    part: &'a Part,
    line: &'a ListLine,
    info: Option<&'a ObjectInfo>,
) -> impl Iterator<Item = Finding> + 'a {
    let finding = |what: String| Finding::new(Some(part), &line.key, FindingKind::NotKept, what);
    let recoded = info.into_iter().flat_map(|info| &info.recoded).map(move |name| {
        finding(format!("its header {name} is not UTF-8: it is kept as text, as if it were ISO 8859-1"))
    });
    let no_time = (line.modified == jiff::Timestamp::UNIX_EPOCH).then(|| {
        finding("the gateway gives no readable time of it: it is kept as if it were of 1970".to_owned())
    });
    let renamed = info.into_iter().flat_map(ObjectInfo::renamed).map(move |name| {
        finding(format!(
            "its metadata {name} is kept, and a restore gives it the name {}",
            name.replace('_', "-")
        ))
    });
    recoded.chain(renamed).chain(no_time)
}

/// When an object was written: as it is listed, or else as its own header says.
fn time_of(downloaded: &Downloaded) -> Option<SystemTime> {
    let of_header = || downloaded.stored.as_ref().and_then(|stored| stored.modified);
    downloaded.listed.modified.known().or_else(of_header)
}
