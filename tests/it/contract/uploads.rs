//! Multipart uploads.

use bytes::Bytes;
use deis_store::http::Body;
use deis_store::s3::ObjectKey;
use deis_store::s3::etag::{ETag, PartsCheck};
use deis_store::s3::op::{ByteRange, CompleteUpload, GetObject, InitiateUpload, UploadPart};
use deis_store::{ErrorKind, Result};

use super::{Pieces, Site, hex, key, made, md5, pairs, refused, rules};

rules! {
    parts_become_one_object_with_what_was_said_at_the_beginning,
    an_upload_of_one_small_part_has_the_etag_of_an_upload,
    an_upload_is_not_seen_until_it_is_completed,
    a_part_that_is_uploaded_again_replaces_the_first,
    a_part_with_another_md5_is_refused,
    all_parts_but_the_last_have_five_mebibytes,
    an_upload_is_completed_with_its_own_parts_and_all_of_them,
    an_upload_can_be_completed_again,
    an_unknown_upload_takes_no_parts_and_cannot_be_completed,
    odd_keys_are_uploaded_in_parts_too,
}

const PART_BYTES: usize = 5 << 20;

/// An upload under way.
struct Upload<'a> {
    site: &'a Site,
    key: ObjectKey,
    id: String,
}

impl<'a> Upload<'a> {
    async fn begin(site: &'a Site, name: &str) -> Self {
        let key = key(name);
        let meta = pairs(&[("note", site.note()), ("empty", "")]);
        let kept = pairs(&[("content-encoding", "gzip")]);
        let operation = InitiateUpload::new(&site.bucket, &key, Some("image/x"), &kept, &meta).unwrap();
        let id = site.client.execute(&operation).await.unwrap();
        Self { site, key, id }
    }

    async fn part(&self, number: u16, bytes: &[u8]) -> Result<[u8; 16]> {
        let operation = UploadPart::new(&self.site.bucket, &self.key, &self.id, number, md5(bytes))?;
        self.site.client.upload_part(&operation, &Body::Bytes(Bytes::copy_from_slice(bytes))).await?;
        Ok(md5(bytes))
    }

    async fn complete(&self, parts: &[[u8; 16]]) -> Result<()> {
        let (bucket, upload_id) = (&self.site.bucket, self.id.as_str());
        self.site.client.execute(&CompleteUpload { bucket, key: &self.key, upload_id, parts }).await
    }
}

async fn parts_become_one_object_with_what_was_said_at_the_beginning(site: &Site) {
    let bytes = made(2 * PART_BYTES + 3);
    let upload = Upload::begin(site, "k").await;
    let mut parts = Vec::new();
    for (number, part) in (1..).zip(bytes.chunks(PART_BYTES)) {
        let operation = UploadPart::new(&site.bucket, &upload.key, &upload.id, number, md5(part)).unwrap();
        site.client.upload_part(&operation, &Body::Source(Pieces::new(part.to_vec()))).await.unwrap();
        parts.push(md5(part));
    }
    upload.complete(&parts).await.unwrap();
    let (info, got) = site.get("k").await.unwrap();
    assert!(got == bytes);
    assert_eq!(info.etag, format!("{}-3", hex(&md5(&parts.concat()))));
    assert_eq!(
        (info.content_type.as_str(), &info.headers),
        ("image/x", &pairs(&[("content-encoding", "gzip")]))
    );
    assert_eq!(info.meta, pairs(&[("note", site.note()), ("empty", "")]));
    let mut check = PartsCheck::new(&ETag::parse(&info.etag), info.size_bytes).unwrap();
    check.update(&got);
    assert_eq!(check.finish(), Some(PART_BYTES as u64));

    // The rest of the object, across its parts.
    let mut rest = GetObject::new(&site.bucket, &upload.key);
    rest.range = Some(ByteRange { first: PART_BYTES as u64 - 1, last: None });
    let (head, body) = site.send(rest.request()).await;
    assert_eq!(head.status.as_u16(), 206);
    assert!(body == bytes[PART_BYTES - 1..]);
}

async fn an_upload_of_one_small_part_has_the_etag_of_an_upload(site: &Site) {
    for bytes in [&b""[..], b"tiny"] {
        let upload = Upload::begin(site, "k").await;
        let part = upload.part(1, bytes).await.unwrap();
        upload.complete(&[part]).await.unwrap();
        let (info, got) = site.get("k").await.unwrap();
        assert_eq!((got.as_slice(), info.etag), (bytes, format!("{}-1", hex(&md5(&part)))));
    }
}

async fn an_upload_is_not_seen_until_it_is_completed(site: &Site) {
    site.put("k", b"before").await.unwrap();
    let upload = Upload::begin(site, "k").await;
    let part = upload.part(1, b"after").await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"before");
    let other = Upload::begin(site, "other").await;
    other.part(1, b"x").await.unwrap();
    refused(site.get("other").await, ErrorKind::NotFound, "404 NoSuchKey");
    upload.complete(&[part]).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"after");
    site.client.delete(&site.bucket, &key("k")).await.unwrap();
    assert!(site.client.is_empty(&site.bucket).await.unwrap());
}

async fn a_part_that_is_uploaded_again_replaces_the_first(site: &Site) {
    let upload = Upload::begin(site, "k").await;
    let stale = upload.part(1, b"first").await.unwrap();
    let part = upload.part(1, b"second").await.unwrap();
    refused(upload.complete(&[stale]).await, ErrorKind::Protocol, "400 InvalidPart");
    upload.complete(&[part]).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"second");
}

async fn a_part_with_another_md5_is_refused(site: &Site) {
    let upload = Upload::begin(site, "k").await;
    let good = upload.part(1, b"good").await.unwrap();
    let operation = UploadPart::new(&site.bucket, &upload.key, &upload.id, 1, md5(b"other")).unwrap();
    let result = site.client.upload_part(&operation, &Body::Bytes("bytes".into())).await;
    refused(result, ErrorKind::Protocol, "400 BadDigest");
    upload.complete(&[good]).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"good");
}

async fn all_parts_but_the_last_have_five_mebibytes(site: &Site) {
    let upload = Upload::begin(site, "k").await;
    let small = made(PART_BYTES - 1);
    let parts = [upload.part(1, &small).await.unwrap(), upload.part(2, b"x").await.unwrap()];
    refused(upload.complete(&parts).await, ErrorKind::Protocol, "400 EntityTooSmall");
    refused(site.get("k").await, ErrorKind::NotFound, "404 NoSuchKey");
    let parts = [upload.part(1, &made(PART_BYTES)).await.unwrap(), parts[1]];
    upload.complete(&parts).await.unwrap();
    assert_eq!(site.head("k").await.unwrap().size_bytes, PART_BYTES as u64 + 1);
}

async fn an_upload_is_completed_with_its_own_parts_and_all_of_them(site: &Site) {
    let upload = Upload::begin(site, "k").await;
    let first = upload.part(1, &made(PART_BYTES)).await.unwrap();
    let second = upload.part(2, b"x").await.unwrap();
    if !site.is_swift() {
        // As for AWS, an object may be made of some of the parts.
        refused(upload.complete(&[first]).await, ErrorKind::Protocol, "400 InvalidPart");
    }
    for wrong in [&[first, first][..], &[second, first], &[first, second, second]] {
        refused(upload.complete(wrong).await, ErrorKind::Protocol, "400 InvalidPart");
    }
    refused(upload.complete(&[]).await, ErrorKind::Protocol, "400 MalformedXML");
    upload.complete(&[first, second]).await.unwrap();
}

async fn an_upload_can_be_completed_again(site: &Site) {
    let upload = Upload::begin(site, "k").await;
    let part = upload.part(1, b"x").await.unwrap();
    upload.complete(&[part]).await.unwrap();
    let again = upload.complete(&[part]).await;
    if site.release() == Some(14) {
        // As of any upload that is not there. Our client looks at the object then.
        refused(again, ErrorKind::NotReady, "500 InternalError");
    } else {
        again.unwrap();
    }
    assert_eq!(site.get("k").await.unwrap().1, b"x");
}

async fn an_unknown_upload_takes_no_parts_and_cannot_be_completed(site: &Site) {
    let unknown = Upload { site, key: key("k"), id: "2~abcdefghijklmnopqrstuvwxyz01234".to_owned() };
    refused(unknown.part(1, b"x").await, ErrorKind::NotFound, "404 NoSuchUpload");
    let result = unknown.complete(&[md5(b"x")]).await;
    if site.is_swift() {
        refused(result, ErrorKind::NotFound, "404 NoSuchUpload");
    } else {
        // Not a 404: radosgw assumes that another request may be completing the upload.
        refused(result, ErrorKind::NotReady, "500 InternalError");
    }
}

async fn odd_keys_are_uploaded_in_parts_too(site: &Site) {
    let odd = if site.is_swift() { "a b+c%2F\né/../x//" } else { "a b+c%2F\n\u{1}é/../x//" };
    for name in [odd, "/lead", "q?uploads&uploadId=x", "<&>"] {
        let upload = Upload::begin(site, name).await;
        let part = upload.part(1, name.as_bytes()).await.unwrap();
        upload.complete(&[part]).await.unwrap();
        assert_eq!(site.get(name).await.unwrap().1, name.as_bytes(), "{name:?}");
    }
}
