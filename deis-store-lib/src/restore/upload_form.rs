//! In which form an object is uploaded, so that it has the `ETag` that it had.

use crate::part::Part;
use crate::s3::PartLayout;
use crate::s3::etag::ETag;
use crate::s3::op::PutObject;
use crate::snapshot::{ListLine, SnapshotReader};
use crate::transfer::UploadFile;

/// Whether an object comes back with the `ETag` that it had. One of parts of unknown size does not; its bytes were
/// checked when they were uploaded.
pub(super) fn keeps_etag(line: &ListLine) -> bool {
    in_one(line) || part_size_bytes(line).is_some()
}

/// Whether it was uploaded in one request, such as WAL-E's base backups of any size.
fn in_one(line: &ListLine) -> bool {
    matches!(ETag::parse(&line.etag), ETag::Md5(_)) && line.size_bytes <= PutObject::MOST_BYTES
}

/// The size of the parts that it was uploaded in, if parts of this size give its `ETag` again.
fn part_size_bytes(line: &ListLine) -> Option<u64> {
    PartLayout::of_checked(line.checked?, line.size_bytes, &line.etag).map(|cut| cut.part_size_bytes())
}

pub(super) fn upload_file(snapshot: &SnapshotReader, part: &Part, line: ListLine) -> UploadFile {
    let (snapshot, part, opened) = (snapshot.clone(), part.clone(), line.clone());
    UploadFile {
        part_size_bytes: part_size_bytes(&line),
        in_one: in_one(&line),
        key: line.key,
        open: Box::new(move || snapshot.open_object(&part, &opened)),
        size_bytes: line.size_bytes,
        sha256: line.sha256,
        content_type: line.content_type,
        headers: line.headers,
        meta: line.meta,
        acl: None,
        creates_only: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_uploaded_so_that_it_has_the_etag_that_it_had() {
        const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
        let line = |size: u64, etag: &str, checked: &str| -> ListLine {
            serde_json::from_value(serde_json::json!({
                "key": "k", "size": size, "etag": etag, "modified": "2026-11-23T22:00:00.000Z",
                "outcome": "stored", "checked": checked,
            }))
            .unwrap()
        };
        let how = |line: &ListLine| (in_one(line), part_size_bytes(line), keeps_etag(line));
        // WAL-E stores each tar partition of a base backup, of up to 1.5 GiB, in one request.
        assert_eq!(how(&line(3 << 29, MD5, "md5")), (true, None, true));
        assert_eq!(how(&line(5 << 30, MD5, "md5")), (true, None, true));
        assert_eq!(how(&line((5 << 30) + 1, MD5, "md5")), (false, None, false));
        let in_parts = line(20 << 20, &format!("{MD5}-2"), "parts:15728640");
        assert_eq!(how(&in_parts), (false, Some(15 << 20), true));
        assert_eq!(how(&line(20 << 20, &format!("{MD5}-2"), "none")), (false, None, false));
        // Docker's distribution puts a small rest into the last part, which we do not.
        let with_rest = line(22 << 20, &format!("{MD5}-2"), "parts:10485760");
        assert_eq!(how(&with_rest), (false, None, false));
    }
}
