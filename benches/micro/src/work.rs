//! The pieces of work that are counted. Each is done a given number of times, always on the same data.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, SystemTime};

use deis_store::key_path::encode;
use deis_store::s3::op::{GetObject, Head, ListObjects, Operation as _, Request};
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::secret::Credentials;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;

/// A piece of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    /// Signs the 275 requests of the signature vectors.
    Sign,
    /// Reads a page of 1000 keys.
    List,
    /// Makes the path of a request and the path on disk of 1000 keys.
    Keys,
}

impl Work {
    pub(crate) const ALL: [Self; 3] = [Self::Sign, Self::List, Self::Keys];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::List => "list",
            Self::Keys => "keys",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|work| work.name() == name)
    }

    /// Does the work this many times. A wrong result is an error: a quick failure would count as an improvement.
    pub(crate) fn run(self, times: u32) -> Result<(), String> {
        match self {
            Self::Sign => signing(times),
            Self::List => listing(times),
            Self::Keys => keys(times),
        }
    }
}

#[derive(Deserialize)]
struct Vector {
    access_key: String,
    secret: String,
    method: String,
    path: String,
    query: String,
    headers: Vec<(String, String)>,
}

fn signing(times: u32) -> Result<(), String> {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../../../deis-store-lib/fixtures/s3v2-vectors.json"))
            .map_err(|error| format!("vectors: {error}"))?;
    let mut requests =
        vectors.into_iter().map(request).collect::<Option<Vec<_>>>().ok_or("a vector is no request")?;
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_481);
    for _ in 0..times {
        for (request, credentials) in &mut requests {
            black_box(request).sign(credentials, now).map_err(|error| error.to_string())?;
        }
    }
    let signed = |(request, _): &(Request, _)| request.headers.contains_key("authorization");
    if times == 0 || requests.iter().all(signed) { Ok(()) } else { Err("not signed".to_owned()) }
}

fn request(vector: Vector) -> Option<(Request, Credentials)> {
    let Vector { access_key, secret, method, path, query, headers: pairs } = vector;
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::try_from(name).ok()?, HeaderValue::from_str(&value).ok()?);
    }
    let method = method.parse().ok()?;
    let mut request = Request::bare(method, path, query);
    request.headers = headers;
    Some((request, Credentials::new(access_key, secret)))
}

fn listing(times: u32) -> Result<(), String> {
    let bucket = BucketName::new("db_wal").map_err(|error| error.to_string())?;
    let operation = ListObjects { bucket: &bucket, prefix: "", marker: "", delimiter: None, max_keys: 1000 };
    let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
    let answer = page();
    for _ in 0..times {
        let page = operation.parse(black_box(&head), black_box(answer.as_bytes()));
        let objects = page.map_err(|error| format!("{error:?}"))?.objects.len();
        if objects != KEYS {
            return Err(format!("{objects} keys of {KEYS}"));
        }
    }
    Ok(())
}

fn keys(times: u32) -> Result<(), String> {
    let bucket = BucketName::new("registry").map_err(|error| error.to_string())?;
    let keys: BTreeMap<String, ObjectKey> = sorted_keys()
        .map(|key| Ok((key.clone(), ObjectKey::new(key)?)))
        .collect::<deis_store::Result<_>>()
        .map_err(|error| error.to_string())?;
    for _ in 0..times {
        for (text, key) in &keys {
            let request = GetObject::new(&bucket, black_box(key)).request();
            let path = encode(black_box(text));
            if black_box(request).path.is_empty() || black_box(path).is_empty() {
                return Err(format!("{text} has no path"));
            }
        }
    }
    Ok(())
}

const KEYS: usize = 1000;

/// Keys like those of the two buckets. Some hold characters that must be escaped.
fn sorted_keys() -> impl Iterator<Item = String> {
    (0..KEYS).map(|number| match number % 4 {
        0 => format!("basebackups_005/base_{number:024X}_00000040/tar_partitions/part_00000000.tar.lzo"),
        1 => format!("registry/images/{number:064x}/layer"),
        2 => format!("registry/repositories/deis/app {number:04} & more+é/tag_latest"),
        _ => format!("wal_005/{number:024X}.lzo"),
    })
}

/// The answer of a radosgw 16.2 to a listing of these keys.
fn page() -> String {
    let mut keys: Vec<String> = sorted_keys().collect();
    keys.sort_unstable();
    let contents: String = keys.iter().map(|key| contents(key)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>db_wal</Name><Prefix></Prefix>\
         <MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>{contents}<Marker></Marker>\
         </ListBucketResult>"
    )
}

fn contents(key: &str) -> String {
    let key: String = key
        .bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect();
    format!(
        "<Contents><Key>{key}</Key><LastModified>2015-10-21T07:28:01.000Z</LastModified>\
         <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>16777216</Size>\
         <StorageClass>STANDARD</StorageClass><Owner><ID>deis</ID><DisplayName>deis</DisplayName></Owner>\
         <Type>Normal</Type></Contents>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_work_does_what_it_should_and_has_one_name() {
        for work in Work::ALL {
            assert_eq!(work.run(1), Ok(()), "{work:?}");
            assert_eq!(Work::named(work.name()), Some(work));
        }
        assert_eq!(Work::named("other"), None);
    }
}
