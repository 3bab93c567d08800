//! What came back compared with what was there. Of two buckets: every key, byte, `ETag`, type and metadata; both listings go by once,
//! side by side.

use std::cmp::Ordering;
use std::pin::Pin;

use futures_util::stream::Peekable;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::entries::Digest;
use crate::cluster::Configuration;
use crate::error::Result;
use crate::etcd::Memory;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::Run;
use crate::s3::etag::ETag;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::s3::{BucketName, Client, ObjectKey};

/// Objects compared at once.
const AT_ONCE: usize = 4;

/// A bucket of one of the two gateways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side<'a> {
    pub(super) client: &'a Client,
    pub(super) bucket: &'a BucketName,
}

type Listing<'a> = Peekable<Pin<Box<dyn Stream<Item = Result<ListedObject>> + Send + 'a>>>;

/// A key of one or both listings.
enum Pair {
    Both(ListedObject),
    Before(ListedObject),
    After(ListedObject),
}

/// How many objects and bytes are equal, or named in the findings.
pub(super) async fn bucket(
    part: &Part,
    (old, new): (Side<'_>, Side<'_>),
    run: &Run,
    findings: &mut Findings,
) -> Result<(u64, u64)> {
    let pairs = stream::try_unfold((old.listing(), new.listing()), |(mut before, mut after)| async move {
        Ok(next(&mut before, &mut after).await?.map(|pair| (pair, (before, after))))
    });
    let results = pairs.map_ok(|pair| async move {
        Ok(match pair {
            Pair::Both(object) => {
                let what = difference(old, new, &object).await?;
                (object, what.map(|what| (FindingKind::Changed, what)))
            }
            Pair::Before(object) => (object, Some((FindingKind::Missing, "it did not come back"))),
            Pair::After(object) => (object, Some((FindingKind::Contradiction, "it was not there before"))),
        })
    });
    let mut results = std::pin::pin!(results.try_buffered(AT_ONCE));
    let (mut objects, mut bytes) = (0, 0_u64);
    while let Some((object, found)) = results.next().await.transpose()? {
        run.stop.check()?;
        objects += 1;
        bytes = bytes.saturating_add(object.size_bytes);
        if let Some((kind, what)) = found {
            findings.push(Finding::new(Some(part), &object.key, kind, what));
        }
    }
    Ok((objects, bytes))
}

/// The volume, by the digests of its entries.
pub(super) fn volume(came: Option<Digest>, was: Digest, findings: &mut Findings) {
    if came != Some(was) {
        let (name, what) =
            (Part::Volume.file_name(), "the volume that came back is not the one that was there");
        findings.push(changed(&Part::Volume, name.unwrap_or_default(), what));
    }
}

/// Every key of a configuration that is carried to another cluster.
pub(super) fn configuration(was: &Configuration, etcd: &Memory, findings: &mut Findings) {
    for key in was.carried() {
        let expected = was.value(key).map(|value| value.expose().to_owned());
        if etcd.value(key) != expected {
            findings.push(changed(&Part::Config, key, "the key has not its value"));
        }
    }
}

fn changed(part: &Part, name: &str, what: &str) -> Finding {
    Finding::new(Some(part), name, FindingKind::Changed, what)
}

impl<'a> Side<'a> {
    fn listing(self) -> Listing<'a> {
        let listing: Pin<Box<dyn Stream<Item = Result<ListedObject>> + Send + 'a>> =
            Box::pin(self.client.list(self.bucket, ""));
        listing.peekable()
    }
}

async fn next(before: &mut Listing<'_>, after: &mut Listing<'_>) -> Result<Option<Pair>> {
    let (mut first, mut second) = (Pin::new(before), Pin::new(after));
    let order = match (first.as_mut().peek().await, second.as_mut().peek().await) {
        (None, None) => return Ok(None),
        (Some(Ok(before)), Some(Ok(after))) => before.key.as_bytes().cmp(after.key.as_bytes()),
        (None, _) | (_, Some(Err(_))) => Ordering::Greater,
        (_, None) | (Some(Err(_)), _) => Ordering::Less,
    };
    Ok(match order {
        Ordering::Less => first.try_next().await?.map(Pair::Before),
        Ordering::Greater => second.try_next().await?.map(Pair::After),
        Ordering::Equal => {
            second.try_next().await?;
            first.try_next().await?.map(Pair::Both)
        }
    })
}

async fn difference(old: Side<'_>, new: Side<'_>, object: &ListedObject) -> Result<Option<&'static str>> {
    let key = ObjectKey::new(&object.key)?;
    let (before, digest) = read(old, &key).await?;
    let (after, digest_after) = read(new, &key).await?;
    let single = matches!(ETag::parse(&before.etag), ETag::Md5(_));
    Ok(if digest != digest_after || before.size_bytes != after.size_bytes {
        Some("its bytes are others")
    } else if single && before.etag != after.etag {
        Some("its ETag is another")
    } else if (before.content_type, before.headers, before.meta)
        != (after.content_type, after.headers, after.meta)
    {
        Some("its type, headers or metadata are others")
    } else {
        None
    })
}

async fn read(side: Side<'_>, key: &ObjectKey) -> Result<(ObjectInfo, [u8; 32])> {
    let mut download = side.client.get(side.bucket, key).await?;
    let mut digest = Sha256::new();
    while let Some(bytes) = download.try_next().await? {
        digest.update(&bytes);
    }
    Ok((download.info().clone(), digest.finalize().into()))
}
