//! Transfers of more than one request: downloads in ranges, uploads in parts, and their continuation.

use bytes::Bytes;
use deis_store::http::Body;
use deis_store::s3::client::{Part, Revision, UploadOptions, cut_into_parts};
use deis_store::s3::op::{InitiateUpload, PutObject};
use deis_store::s3::{Checked, ObjectKey, PartLayout};
use deis_store::{Error, ErrorKind, Result};
use futures_util::{Stream, stream};

use super::{Site, key, made, md5, pairs, refused, rules};

rules! {
    a_big_object_comes_in_ranges_and_is_checked,
    an_object_of_parts_is_checked_by_its_parts,
    an_object_that_was_replaced_since_it_was_listed_is_not_taken_for_it,
    a_stream_of_unknown_length_is_stored_in_parts,
    an_upload_that_fails_leaves_nothing,
    an_upload_goes_on_with_the_parts_that_are_there,
    parts_that_are_cut_otherwise_are_not_continued,
    a_continued_upload_has_the_metadata_of_the_run_that_ended_it,
    an_object_that_shall_only_be_created_does_not_replace_another,
}

const PART_BYTES: usize = 5 << 20;

fn begin<'a>(site: &'a Site, key: &'a ObjectKey) -> InitiateUpload<'a> {
    InitiateUpload::new(&site.bucket, key, Some("image/x"), &pairs(&[]), &pairs(&[("note", site.note())]))
        .unwrap()
}

fn parts(bytes: &[u8]) -> impl Stream<Item = Result<Part>> {
    let parts: Vec<_> = bytes
        .chunks(PART_BYTES)
        .map(|part| Ok(Part { body: Body::Bytes(Bytes::copy_from_slice(part)), md5: md5(part) }))
        .collect();
    stream::iter(parts)
}

async fn a_big_object_comes_in_ranges_and_is_checked(site: &Site) {
    let bytes = made((33 << 20) + 7);
    site.put("k", &bytes).await.unwrap();
    let key = key("k");
    let mut got = Vec::new();
    let (info, checked) = site.client.get_to(&site.bucket, &key, &mut got).await.unwrap();
    assert!(got == bytes);
    assert_eq!((info.total_bytes, checked), (bytes.len() as u64, Checked::Md5));

    let mut download = site.client.get_known(&site.bucket, &key, &Revision::from(&info)).await.unwrap();
    let mut pieces = 0;
    while let Some(piece) = download.try_next().await.unwrap() {
        pieces += piece.len();
    }
    assert_eq!(pieces, bytes.len());
}

async fn an_object_of_parts_is_checked_by_its_parts(site: &Site) {
    for size in [1, PART_BYTES + 1, 2 * PART_BYTES] {
        let (bytes, key) = (made(size), key("k"));
        let begin = begin(site, &key);
        let uploaded = site.client.upload(&begin, parts(&bytes), &UploadOptions::default()).await.unwrap();
        assert_eq!((uploaded.size_bytes, uploaded.kept_parts), (size as u64, 0));
        let mut got = Vec::new();
        let (info, checked) = site.client.get_to(&site.bucket, &key, &mut got).await.unwrap();
        assert!(got == bytes);
        assert_eq!((&info.etag, info.content_type.as_str()), (&uploaded.etag, "image/x"));
        assert_eq!(
            (info.meta, checked),
            (pairs(&[("note", site.note())]), Checked::Parts(PART_BYTES.min(size) as u64))
        );
    }
}

async fn an_object_that_was_replaced_since_it_was_listed_is_not_taken_for_it(site: &Site) {
    let key = key("k");
    for size in [3, 33 << 20] {
        site.put("k", &made(size)).await.unwrap();
        let listed = site.head("k").await.unwrap();
        let mut other = made(size);
        other[0] ^= 1;
        site.put("k", &other).await.unwrap();
        let known = site.client.get_known(&site.bucket, &key, &Revision::from(&listed)).await;
        assert_eq!(known.unwrap_err().kind(), ErrorKind::Changed);
    }
}

async fn a_stream_of_unknown_length_is_stored_in_parts(site: &Site) {
    for size in [0, 3, PART_BYTES, 2 * PART_BYTES + 1] {
        let (bytes, key) = (made(size), key("k"));
        let begin = begin(site, &key);
        let cut = cut_into_parts(bytes.as_slice(), PART_BYTES);
        let uploaded = site.client.upload(&begin, cut, &UploadOptions::default()).await.unwrap();
        let parts = size.div_ceil(PART_BYTES).max(1);
        assert!(uploaded.etag.ends_with(&format!("-{parts}")), "{uploaded:?}");
        assert!(site.get("k").await.unwrap().1 == bytes);
    }
}

async fn an_upload_that_fails_leaves_nothing(site: &Site) {
    let key = key("k");
    let bytes = made(PART_BYTES);
    let good = Part { body: Body::Bytes(bytes.clone().into()), md5: md5(&bytes) };
    let failing = || Error::new(ErrorKind::Disk, "the disk has gone");
    let broken = Part { md5: md5(b"other"), ..good.clone() };
    for last in [Err(failing()), Ok(broken)] {
        let parts = stream::iter([Ok(good.clone()), last]);
        let result = site.client.upload(&begin(site, &key), parts, &UploadOptions::default()).await;
        result.unwrap_err();
        assert_eq!(site.client.uploads(&site.bucket, "").await.unwrap(), []);
    }
    let none = site.client.upload(&begin(site, &key), stream::iter([]), &UploadOptions::default()).await;
    assert_eq!(none.unwrap_err().kind(), ErrorKind::Usage);
    assert_eq!(site.client.uploads(&site.bucket, "").await.unwrap(), []);
    refused(site.get("k").await, ErrorKind::NotFound, "404 NoSuchKey");
}

/// Options that continue an upload of this many bytes, in parts of `PART_BYTES`.
fn continuing(size: usize) -> UploadOptions {
    let mut options = UploadOptions::default();
    // One at a time, so that all sent parts are there when the run is interrupted.
    options.at_once = 1;
    options.continues = Some(PartLayout::new(size as u64, Some(PART_BYTES as u64)).unwrap());
    options
}

/// A run that is interrupted after these bytes.
async fn interrupted(site: &Site, key: &ObjectKey, bytes: &[u8], options: &UploadOptions) {
    use futures_util::StreamExt as _;
    let lost = stream::iter([Err(Error::new(ErrorKind::Interrupted, "stopped"))]);
    let result = site.client.upload(&begin(site, key), parts(bytes).chain(lost), options).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Interrupted);
}

async fn an_upload_goes_on_with_the_parts_that_are_there(site: &Site) {
    let (bytes, key) = (made(3 * PART_BYTES + 1), key("odd é\n/../key"));
    let options = continuing(bytes.len());
    interrupted(site, &key, &bytes[..2 * PART_BYTES], &options).await;
    let left = site.client.uploads(&site.bucket, "").await.unwrap();
    let there = site.client.parts(&site.bucket, &key, &left[0].upload_id).await.unwrap();
    assert_eq!(there.iter().map(|part| part.number).collect::<Vec<_>>(), [1, 2]);

    // The first part has other bytes by now.
    let mut changed = bytes.clone();
    changed[0] ^= 1;
    let uploaded = site.client.upload(&begin(site, &key), parts(&changed), &options).await.unwrap();
    assert_eq!((uploaded.size_bytes, uploaded.kept_parts), (changed.len() as u64, 1));
    assert!(site.get(key.as_str()).await.unwrap().1 == changed);
    assert_eq!(site.client.uploads(&site.bucket, "").await.unwrap(), []);
}

async fn a_continued_upload_has_the_metadata_of_the_run_that_ended_it(site: &Site) {
    let (bytes, key) = (made(PART_BYTES + 1), key("odd é\n/../key"));
    for (content_type, meta) in [(Some("text/new"), pairs(&[("note", "new")])), (None, pairs(&[]))] {
        interrupted(site, &key, &bytes, &continuing(bytes.len())).await;
        let begin = InitiateUpload::new(&site.bucket, &key, content_type, &pairs(&[]), &meta).unwrap();
        let uploaded = site.client.upload(&begin, parts(&bytes), &continuing(bytes.len())).await.unwrap();
        // Parts are kept only with the metadata with which their upload began.
        assert_eq!(uploaded.kept_parts, 0);
        let (info, got) = site.get(key.as_str()).await.unwrap();
        assert!(got == bytes);
        let none = if site.is_swift() { "application/octet-stream" } else { "binary/octet-stream" };
        let content_type = content_type.unwrap_or(none);
        assert_eq!((info.content_type.as_str(), info.meta), (content_type, meta));
        assert_eq!(info.etag, uploaded.etag);
    }
}

async fn parts_that_are_cut_otherwise_are_not_continued(site: &Site) {
    let (bytes, key) = (made(2 * PART_BYTES), key("k"));
    interrupted(site, &key, &bytes, &continuing(bytes.len())).await;
    let options = continuing(PART_BYTES + 1);
    let begin = begin(site, &key);
    let uploaded = site.client.upload(&begin, parts(&bytes[..=PART_BYTES]), &options).await.unwrap();
    assert_eq!((uploaded.size_bytes, uploaded.kept_parts), (PART_BYTES as u64 + 1, 0));
    // The old upload may belong to another object, so it stays until somebody ends it.
    let left = site.client.uploads(&site.bucket, "").await.unwrap();
    assert_eq!(left.len(), 1);
    site.client.abort_upload(&site.bucket, &key, &left[0].upload_id).await.unwrap();
}

async fn an_object_that_shall_only_be_created_does_not_replace_another(site: &Site) {
    let key = key("k");
    let put = async |bytes: &'static [u8]| {
        let operation =
            PutObject::new(&site.bucket, &key, bytes.len() as u64, md5(bytes)).unwrap().create_only();
        site.client.put(&operation, &Body::Bytes(Bytes::from_static(bytes))).await
    };
    if site.is_swift() {
        assert_eq!(put(b"first").await.unwrap_err().kind(), ErrorKind::Unsupported);
        return;
    }
    put(b"first").await.unwrap();
    assert_eq!(put(b"other").await.unwrap_err().kind(), ErrorKind::Occupied);
    assert_eq!(site.get("k").await.unwrap().1, b"first");
}
