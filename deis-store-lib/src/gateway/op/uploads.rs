//! The list of multipart uploads that are under way in a bucket.

use std::ops::Bound;

use percent_encoding::utf8_percent_encode;

use super::call::{Call, iso};
use super::list::ESCAPED_IN_PREFIXES;
use crate::gateway::acl::{OWNER, owner};
use crate::gateway::failure::Failure;
use crate::gateway::response::Response;
use crate::gateway::xml::Xml;

const ROOT: &str = "ListMultipartUploadsResult";

/// One page. `NextKeyMarker` is there also on the last one, and that keys are encoded is not said, as radosgw has it.
pub(super) fn list(call: &Call<'_>) -> Result<Response, Failure> {
    let parameter = |name| call.request.parameter(name);
    let prefix = parameter("prefix");
    let most = match parameter("max-uploads") {
        "" => 1000,
        text => text.parse::<usize>().map_err(|_| Failure::InvalidArgument)?.min(1000),
    };
    let (key_marker, id_marker) = (parameter("key-marker"), parameter("upload-id-marker"));
    // Without an id, the uploads of the marker's key come again.
    let from = Bound::Excluded((key_marker.to_owned(), id_marker.to_owned()));
    let mut xml = Xml::of(ROOT);
    xml.text("Bucket", &call.request.bucket).text_if("Prefix", prefix);
    xml.text_if("KeyMarker", key_marker).text_if("UploadIdMarker", id_marker);
    call.store.bucket(&call.request.bucket, |bucket| {
        let mut uploads =
            bucket.uploads.range((from, Bound::Unbounded)).filter(|((key, _), _)| key.starts_with(prefix));
        let page: Vec<_> = uploads.by_ref().take(most).collect();
        if let Some(((key, id), _)) = page.last() {
            xml.text("NextKeyMarker", key).text("NextUploadIdMarker", id);
        }
        xml.text("MaxUploads", most).text("IsTruncated", uploads.next().is_some());
        for ((key, id), upload) in page {
            xml.open("Upload");
            if parameter("encoding-type") == "url" {
                xml.text("Key", utf8_percent_encode(key, ESCAPED_IN_PREFIXES));
            } else {
                xml.text("Key", key);
            }
            xml.text("UploadId", id);
            xml.open("Initiator").text("ID", OWNER).text("DisplayName", OWNER).close("Initiator");
            owner(&mut xml);
            xml.text("StorageClass", "STANDARD").text("Initiated", iso(upload.initiated)).close("Upload");
        }
        Ok(())
    })?;
    Ok(Response::xml(xml.finish(ROOT)))
}
