//! The list of multipart uploads that are under way in a bucket.

use std::ops::Bound;

use super::{Call, iso};
use crate::gateway::acl::{OWNER, owner};
use crate::gateway::answer::Answer;
use crate::gateway::failure::Failure;
use crate::gateway::xml::Xml;

const ROOT: &str = "ListMultipartUploadsResult";

/// One page. `NextKeyMarker` is there also on the last one, as radosgw has it.
pub(super) fn list(call: &Call<'_>) -> Result<Answer, Failure> {
    let parameter = |name| call.asked.parameter(name);
    let prefix = parameter("prefix");
    let most = match parameter("max-uploads") {
        "" => 1000,
        text => text.parse::<usize>().map_err(|_| Failure::InvalidArgument)?.min(1000),
    };
    let (key_marker, id_marker) = (parameter("key-marker"), parameter("upload-id-marker"));
    // Without an id, all uploads of the marker's key are behind us: `~` sorts after what ids are made of.
    let id = if id_marker.is_empty() && !key_marker.is_empty() { "~" } else { id_marker };
    let from = Bound::Excluded((key_marker.to_owned(), id.to_owned()));
    let mut xml = Xml::of(ROOT);
    xml.text("Bucket", &call.asked.bucket).text_if("Prefix", prefix);
    xml.text_if("KeyMarker", key_marker).text_if("UploadIdMarker", id_marker);
    call.store.bucket(&call.asked.bucket, |bucket| {
        let mut uploads =
            bucket.uploads.range((from, Bound::Unbounded)).filter(|((key, _), _)| key.starts_with(prefix));
        let page: Vec<_> = uploads.by_ref().take(most).collect();
        if let Some(((key, id), _)) = page.last() {
            xml.text("NextKeyMarker", key).text("NextUploadIdMarker", id);
        }
        xml.text("MaxUploads", most).text("IsTruncated", most > 0 && uploads.next().is_some());
        for ((key, id), upload) in page {
            xml.open("Upload").text("Key", key).text("UploadId", id);
            xml.open("Initiator").text("ID", OWNER).text("DisplayName", OWNER).close("Initiator");
            owner(&mut xml);
            xml.text("StorageClass", "STANDARD").text("Initiated", iso(upload.initiated)).close("Upload");
        }
        Ok(())
    })?;
    Ok(Answer::xml(xml.finish(ROOT)))
}
