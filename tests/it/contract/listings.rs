//! Listings, page by page.

use deis_store::s3::op::{ListObjects, Page};

use super::keys::KEYS;
use super::{Site, hex, key, md5, rules};

rules! {
    an_empty_bucket_has_one_empty_page,
    pages_of_any_size_have_every_key_once_and_in_order,
    a_page_says_sizes_etags_and_times,
    a_prefix_is_compared_bytewise,
    a_marker_need_not_be_a_key,
    keys_are_folded_at_a_delimiter,
    folded_prefixes_are_encoded_but_for_their_slashes,
    a_page_that_ends_at_the_last_key_is_the_last,
    what_was_deleted_is_not_listed,
}

async fn page(site: &Site, prefix: &str, marker: &str, delimiter: Option<&str>, max_keys: u16) -> Page {
    let page = ListObjects { bucket: &site.bucket, prefix, marker, delimiter, max_keys };
    site.client.page(&page).await.unwrap()
}

/// Reads all pages. Returns their number, the keys and the prefixes.
async fn walk(
    site: &Site,
    prefix: &str,
    delimiter: Option<&str>,
    max_keys: u16,
) -> (usize, Vec<String>, Vec<String>) {
    let (mut pages, mut keys, mut prefixes) = (0, Vec::new(), Vec::new());
    let mut marker = Some(String::new());
    while let Some(after) = marker {
        let page = page(site, prefix, &after, delimiter, max_keys).await;
        assert!(page.objects.len() + page.prefixes.len() <= usize::from(max_keys), "{page:?}");
        pages += 1;
        keys.extend(page.objects.into_iter().map(|object| object.key.into()));
        prefixes.extend(page.prefixes);
        marker = page.next;
        assert!(pages <= 100, "it advances: {keys:?} {prefixes:?}");
    }
    (pages, keys, prefixes)
}

async fn fill(site: &Site, keys: &[&str]) {
    for name in keys {
        site.put(name, name.as_bytes()).await.unwrap();
    }
}

async fn an_empty_bucket_has_one_empty_page(site: &Site) {
    assert_eq!(page(site, "", "", None, 1000).await, Page::default());
    assert_eq!(page(site, "p", "m", Some("/"), 1).await, Page::default());
    assert!(site.client.is_empty(&site.bucket).await.unwrap());
}

async fn pages_of_any_size_have_every_key_once_and_in_order(site: &Site) {
    fill(site, &KEYS).await;
    let mut sorted = KEYS;
    sorted.sort_unstable();
    for max_keys in [1, 2, 5, 7, 37, 38, 39, 1000] {
        let (pages, keys, prefixes) = walk(site, "", None, max_keys).await;
        assert_eq!(keys, sorted, "{max_keys} keys a page");
        assert_eq!((pages, prefixes.len()), (KEYS.len().div_ceil(usize::from(max_keys)), 0), "{max_keys}");
    }
}

async fn a_page_says_sizes_etags_and_times(site: &Site) {
    site.put("empty", b"").await.unwrap();
    site.put("full", b"12345").await.unwrap();
    let objects = page(site, "", "", None, 1000).await.objects;
    for (object, bytes) in objects.iter().zip([&b""[..], b"12345"]) {
        assert_eq!((object.size_bytes, &object.etag), (bytes.len() as u64, &hex(&md5(bytes))));
        let modified = object.modified.as_str();
        assert!(
            object.modified.time().is_ok() && modified.len() == 24 && modified.ends_with('Z'),
            "{object:?}"
        );
        assert_eq!(site.head(&object.key).await.unwrap().etag, object.etag);
    }
    assert_eq!(objects.len(), 2);
}

async fn a_prefix_is_compared_bytewise(site: &Site) {
    fill(site, &["a", "a/", "a/b", "a//b", "a b", "A/b", "a%2Fb", "é/x", "e\u{301}/x", "\u{1}/x"]).await;
    for (prefix, expected) in [
        ("a/", &["a/", "a//b", "a/b"][..]),
        ("a", &["a", "a b", "a%2Fb", "a/", "a//b", "a/b"]),
        ("A", &["A/b"]),
        ("a%2F", &["a%2Fb"]),
        ("é", &["é/x"]),
        ("e", &["e\u{301}/x"]),
        ("\u{1}", &["\u{1}/x"]),
        ("/", &[]),
    ] {
        assert_eq!(walk(site, prefix, None, 2).await.1, expected, "{prefix:?}");
    }
}

async fn a_marker_need_not_be_a_key(site: &Site) {
    fill(site, &["b", "d", "é"]).await;
    for (marker, expected) in [
        ("a", &["b", "d", "é"][..]),
        ("b", &["d", "é"]),
        ("b\u{1}", &["d", "é"]),
        ("c+ %", &["d", "é"]),
        ("d", &["é"]),
        ("é", &[]),
        ("\u{10ffff}", &[]),
    ] {
        let listed = page(site, "", marker, None, 1000).await;
        let keys: Vec<_> = listed.objects.iter().map(|object| object.key.as_str()).collect();
        assert_eq!((keys.as_slice(), listed.next), (expected, None), "{marker:?}");
    }
}

async fn keys_are_folded_at_a_delimiter(site: &Site) {
    fill(site, &["a", "b/", "b/1", "b/2/3", "c", "d%/1", "d-_.~/1", "d-_.~/2", "e/1", "f", "é/1"]).await;
    for max_keys in [1, 2, 3, 1000] {
        let (_, keys, prefixes) = walk(site, "", Some("/"), max_keys).await;
        assert_eq!(keys, ["a", "c", "f"], "{max_keys} a page");
        assert_eq!(prefixes, ["b/", "d%/", "d-_.~/", "e/", "é/"], "{max_keys} a page");
        let (_, keys, prefixes) = walk(site, "b/", Some("/"), max_keys).await;
        assert_eq!((keys, prefixes), (vec!["b/".to_owned(), "b/1".to_owned()], vec!["b/2/".to_owned()]));
    }
}

async fn folded_prefixes_are_encoded_but_for_their_slashes(site: &Site) {
    fill(site, &["a b+c/1", "d%/1", "lt<&/1", "\u{1}/1", "é/1"]).await;
    let list = |delimiter| ListObjects {
        bucket: &site.bucket,
        prefix: "",
        marker: "",
        delimiter: Some(delimiter),
        max_keys: 1000,
    };
    let (_, body) = site.answer(&list("/")).await;
    let body = String::from_utf8(body.to_vec()).unwrap();
    for prefix in ["a%20b%2Bc/", "d%25/", "lt%3C%26/", "%01/", "%C3%A9/"] {
        assert!(body.contains(&format!("<CommonPrefixes><Prefix>{prefix}</Prefix>")), "{prefix}: {body}");
    }
    let (_, body) = site.answer(&list("%")).await;
    let body = String::from_utf8(body.to_vec()).unwrap();
    assert!(body.contains("<CommonPrefixes><Prefix>d%25</Prefix>"), "{body}");
}

async fn a_page_that_ends_at_the_last_key_is_the_last(site: &Site) {
    fill(site, &["a", "b"]).await;
    assert_eq!(page(site, "", "", None, 2).await.next, None);
    assert_eq!(page(site, "", "", None, 1).await.next.as_deref(), Some("a"));
    assert_eq!(page(site, "a", "", None, 1).await.next, None, "what follows has another prefix");
}

async fn what_was_deleted_is_not_listed(site: &Site) {
    fill(site, &["a", "b", "c"]).await;
    site.client.delete(&site.bucket, &key("b")).await.unwrap();
    assert_eq!(walk(site, "", None, 1).await.1, ["a", "c"]);
}
