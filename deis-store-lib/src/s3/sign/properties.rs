//! Properties that hold for any request: nothing panics, and unsigned details make no difference.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{AUTHORIZATION, DATE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Request, Uri};
use proptest::prelude::*;

use super::*;

fn credentials() -> Credentials {
    Credentials::new("AKIDEIS", "SECRETDEIS")
}

/// URIs of all forms, also such as no server knows: any text that `http` takes for one.
fn uris() -> impl Strategy<Value = Uri> {
    let form = "(http://h(:80)?)?(/|\\*|h:1)?[ -~é€]{0,24}(\\?[ -~é€]{0,24})?";
    prop_oneof![form, "(http://[a-z]{1,8})?/[!-~]{0,32}(\\?[!-~]{0,32})?"]
        .prop_filter_map("no URI", |text: String| Uri::try_from(text).ok())
}

fn headers() -> impl Strategy<Value = Vec<(HeaderName, HeaderValue)>> {
    let name = "(x-amz-|x_amz_|X-Amz-Meta-|x-rgw-|)(date|content-type|content-md5|[a-z_.~-]{1,9})";
    let header = (name, prop::collection::vec(any::<u8>(), 0..12)).prop_filter_map(
        "no header",
        |(name, value): (String, Vec<u8>)| {
            Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(&value).ok()?))
        },
    );
    prop::collection::vec(header, 0..8)
}

fn parts() -> impl Strategy<Value = Parts> {
    ("[A-Z]{1,7}", uris(), headers()).prop_map(|(method, uri, headers)| {
        let mut parts = Request::new(()).into_parts().0;
        (parts.method, parts.uri) = (method.parse().unwrap(), uri);
        parts.headers.extend(headers);
        parts
    })
}

fn times() -> impl Strategy<Value = SystemTime> {
    any::<i64>().prop_map(|seconds| {
        let by = Duration::from_secs(seconds.unsigned_abs() / 2);
        let time = if seconds < 0 { UNIX_EPOCH.checked_sub(by) } else { UNIX_EPOCH.checked_add(by) };
        time.unwrap_or(UNIX_EPOCH)
    })
}

fn dialects() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Radosgw), Just(Dialect::Aws)]
}

fn authorization(dialect: Dialect, parts: &Parts) -> Option<HeaderValue> {
    let mut parts = parts.clone();
    dialect.sign_parts(&mut parts, &credentials(), UNIX_EPOCH).ok()?;
    parts.headers.remove(AUTHORIZATION)
}

proptest! {
    #[test]
    fn any_request_is_signed_or_refused(dialect in dialects(), mut parts in parts(), now in times()) {
        let has_path = parts.uri.path().starts_with('/');
        match dialect.sign_parts(&mut parts, &credentials(), now) {
            Ok(()) => {
                prop_assert!(has_path && !parts.headers.contains_key("x-amz-date"));
                prop_assert_eq!(parts.headers.get_all(DATE).iter().count(), 1);
                prop_assert_eq!(parts.headers.get_all(AUTHORIZATION).iter().count(), 1);
            }
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Usage),
        }
    }

    #[test]
    fn a_presigned_uri_keeps_all_that_it_was(dialect in dialects(), mut parts in parts(), expires in times()) {
        let before = parts.uri.clone();
        match dialect.presign_parts(&mut parts, &credentials(), expires) {
            Ok(()) => {
                prop_assert_eq!(before.path(), parts.uri.path());
                prop_assert_eq!(before.authority(), parts.uri.authority());
                prop_assert!(parts.uri.query().unwrap().starts_with(before.query().unwrap_or_default()));
                let again = dialect.presign_parts(&mut parts, &credentials(), expires);
                prop_assert_eq!(again.unwrap_err().kind(), ErrorKind::Usage);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Usage);
                prop_assert_eq!(before, parts.uri);
            }
        }
    }

    #[test]
    fn the_order_of_headers_makes_no_difference(dialect in dialects(), parts in parts()) {
        let mut other = parts.clone();
        other.headers.clear();
        // radosgw takes some names for others: of those the order counts.
        let signed = parts.headers.keys().map(|name| canonical::amz_name(dialect, name.as_str()));
        let signed: Vec<_> = signed.flatten().collect();
        prop_assume!(signed.iter().collect::<BTreeSet<_>>().len() == signed.len());
        let mut names: Vec<_> = parts.headers.keys().cloned().collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.as_str().to_owned()));
        for name in names {
            other.headers.extend(parts.headers.get_all(&name).iter().map(|value| (name.clone(), value.clone())));
        }
        prop_assert_eq!(authorization(dialect, &parts), authorization(dialect, &other));
    }

    #[test]
    fn what_is_signed_cannot_be_altered(dialect in dialects(), parts in parts(), by in "[a-z]") {
        let signed = authorization(dialect, &parts);
        prop_assume!(signed.is_some());
        let mut other = parts.clone();
        other.headers.insert("x-amz-meta-zz", HeaderValue::from_str(&by).unwrap());
        prop_assert_ne!(&signed, &authorization(dialect, &other));
        let path = format!("{}{by}", parts.uri.path());
        let query = parts.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        other = parts.clone();
        other.uri = format!("{path}{query}").parse().unwrap();
        prop_assert_ne!(&signed, &authorization(dialect, &other));
    }
}

#[test]
fn what_cannot_be_signed_is_refused_by_name() {
    let refused = |uri: &str, presign: bool| {
        let mut parts = Request::get(uri).body(()).unwrap().into_parts().0;
        let now = UNIX_EPOCH;
        let result = if presign {
            Dialect::Radosgw.presign_parts(&mut parts, &credentials(), now)
        } else {
            sign_parts(&mut parts, &credentials(), now)
        };
        result.map_err(|error| error.what())
    };
    assert_eq!(refused("*", false).unwrap_err(), "the URI has no path");
    assert_eq!(refused("h:80", true).unwrap_err(), "the URI has no path");
    assert_eq!(refused("/b/k?acl&%53ignature=x", false).unwrap_err(), "the URI is presigned already");
    assert!(refused("/b/k?x-amz-meta-a=1", true).unwrap_err().contains("x-amz- parameter"));
    assert!(refused("/b/k?x-amz-meta-a=1", false).is_ok());
    let mut parts = Request::get("/").body(()).unwrap().into_parts().0;
    let error = sign_parts(&mut parts, &Credentials::new("a\nb", "SECRETDEIS"), UNIX_EPOCH).unwrap_err();
    assert!(!format!("{error:?} {}", error.what()).contains("a\nb"), "{error:?}");
}

#[test]
fn neither_key_nor_signature_is_shown_of_a_signed_request() {
    let mut parts = Request::get("/b/k").body(()).unwrap().into_parts().0;
    sign_parts(&mut parts, &credentials(), UNIX_EPOCH).unwrap();
    let shown = format!("{parts:?}");
    assert!(!shown.contains("DEIS") && !shown.contains("AWS "), "{shown}");
}
