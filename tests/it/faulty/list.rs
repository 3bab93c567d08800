//! Listings and other answers in XML: a list is whole or an error.

use deis_store::ErrorKind;
use deis_store::s3::op::ListedObject;
use deis_store_tests::faulty::{Answer, Edit, Fault, FaultyGateway, Operation, edited, etag, instead};
use futures_util::TryStreamExt as _;

use super::{ALWAYS, ATTEMPTS, Case, ONCE, SLACK, bucket, bytes, client, runtime};

const OBJECTS: usize = 23;
const PAGE: usize = 5;
const PAGES: usize = 5;

fn fill(gateway: &FaultyGateway) {
    for number in 0..OBJECTS {
        gateway.store("registry", &format!("a b/{number:03}"), &bytes(number));
    }
    gateway.set_page_entries(PAGE);
}

fn is_whole(objects: &[ListedObject]) {
    let expected = |number: usize| (format!("a b/{number:03}"), number as u64, etag(&bytes(number)));
    let listed: Vec<_> = objects
        .iter()
        .map(|object| (object.key.to_string(), object.size_bytes, object.etag.clone()))
        .collect();
    assert_eq!(listed, (0..OBJECTS).map(expected).collect::<Vec<_>>());
}

fn run(case: Case) {
    run_with(case, fill);
}

fn run_with(case: Case, fill: impl FnOnce(&FaultyGateway)) {
    let list = async |client: &deis_store::s3::Client| {
        let bucket = bucket();
        client.list(&bucket, "").try_collect::<Vec<_>>().await
    };
    case.run(Operation::ListObjects, fill, list, |objects, _| is_whole(&objects));
}

#[test]
fn an_honest_gateway_is_listed_whole() {
    run(Case::mended("honest", 0..0, Fault::Closed, PAGES));
}

#[test]
fn a_page_that_breaks_off_is_asked_for_again() {
    let mended = |name, fault| run(Case::mended(name, ONCE, fault, PAGES + 1));
    mended("short body", Fault::Short(100));
    mended("reset in mid-body", Fault::Reset(100));
    mended("Content-Length too large", Fault::Length(100));
    mended("Content-Length too small", Fault::Length(-100));
    mended("no answer", Fault::Silent);
    mended("stall in mid-body", Fault::Stalled(100));
    mended("closed", Fault::Closed);
    mended("header without end", Fault::EndlessHeader);
    mended("chunks without the last one", Fault::Unterminated);
    mended("no connection kept", Fault::HangsUp(0));
    // In the middle of the listing, too.
    run(Case::mended("third page", 2..4, Fault::Short(100), PAGES + 2));
}

#[test]
fn forms_of_a_whole_answer_that_http_allows_are_read() {
    let right = |name, fault| run(Case::mended(name, ALWAYS, fault, PAGES));
    right("chunks", Fault::Chunked);
    right("to the end of the connection", Fault::Unmeasured);
    right("closed after each answer", Fault::ClosedAfter);
}

#[test]
fn a_break_that_lasts_is_an_error_after_all_attempts() {
    let named = |name, fault, kind| run(Case::named(name, fault, kind, ATTEMPTS));
    named("short body", Fault::Short(100), ErrorKind::Unreachable);
    named("reset", Fault::Reset(100), ErrorKind::Unreachable);
    named("Content-Length too large", Fault::Length(1), ErrorKind::Unreachable);
    named("stall in mid-body", Fault::Stalled(100), ErrorKind::Timeout);
    named("chunks without the last one", Fault::Unterminated, ErrorKind::Unreachable);
}

/// Before a gateway has ever answered, it is not waited for as long.
#[test]
fn a_gateway_that_never_answers_is_given_up_after_two_attempts() {
    let named = |name, fault, kind| run(Case::named(name, fault, kind, 2));
    named("no answer", Fault::Silent, ErrorKind::Timeout);
    named("closed", Fault::Closed, ErrorKind::Unreachable);
    named("header without end", Fault::EndlessHeader, ErrorKind::Unreachable);
}

#[test]
fn an_endless_header_is_cut_off_early() {
    let gateway = FaultyGateway::start().unwrap();
    gateway.on(None, "", ONCE, Fault::EndlessHeader);
    runtime().block_on(client(&gateway).buckets()).unwrap();
    let begun = std::time::Instant::now();
    while gateway.asked()[0].answered_bytes == 0 {
        assert!(begun.elapsed() < SLACK, "the gateway's write ends");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    // The client's own limit, and what the kernel holds on both sides.
    assert!(gateway.asked()[0].answered_bytes < 16 << 20, "{:?}", gateway.asked());
}

#[test]
fn a_busy_or_absent_gateway_behind_a_router_is_asked_again() {
    let answers = [
        ("SlowDown", Answer::error(503, "SlowDown"), ErrorKind::Busy),
        ("503 without a body", Answer::new(503, ""), ErrorKind::Busy),
        ("503 of a router", Answer::html(503), ErrorKind::Busy),
        ("500", Answer::error(500, "InternalError"), ErrorKind::NotReady),
        ("502 of a router", Answer::html(502), ErrorKind::Unreachable),
        ("504 of a router", Answer::html(504), ErrorKind::Unreachable),
        ("408", Answer::error(408, "RequestTimeout"), ErrorKind::Protocol),
    ];
    for (name, answer, kind) in answers {
        run(Case::mended(name, 0..ATTEMPTS - 1, instead(answer.clone()), PAGES + ATTEMPTS - 1));
        run(Case::named(name, instead(answer), kind, ATTEMPTS));
    }
}

#[test]
fn a_refusal_is_an_error_at_once() {
    let elsewhere = Answer::html(301).header("Location", "http://127.0.0.1:9/");
    let answers = [
        ("404 of a router", Answer::html(404), ErrorKind::Protocol),
        ("413 of a router", Answer::html(413), ErrorKind::Denied),
        ("403", Answer::error(403, "AccessDenied"), ErrorKind::Denied),
        ("404", Answer::error(404, "NoSuchBucket"), ErrorKind::NotFound),
        ("301", elsewhere.clone(), ErrorKind::Protocol),
        ("307", Answer { status: 307, ..elsewhere }, ErrorKind::Protocol),
        ("400 without a body", Answer::new(400, ""), ErrorKind::Protocol),
    ];
    for (name, answer, kind) in answers {
        run(Case::named(name, instead(answer), kind, 1));
    }
}

/// Each is a success by its status, and whole by its length: only a look at what it says finds it.
#[test]
fn a_success_that_is_not_the_page_asked_for_is_asked_for_again_and_never_read() {
    let edits: [(&str, Edit); 13] = [
        ("an error", |page| page.body = Answer::error(200, "InternalError").body),
        ("a captive portal", |page| *page = Answer::html(200)),
        ("nothing", |page| page.body.clear()),
        ("no content", |page| *page = Answer::new(204, "")),
        ("another root", |page| page.replace("ListBucketResult", "ListAllMyBucketsResult")),
        ("cut off in a tag", |page| page.body.truncate(page.body.len() / 2)),
        ("cut off between objects", |page| {
            let text = String::from_utf8(page.body.clone()).unwrap();
            page.body.truncate(text.find("</Contents>").unwrap() + "</Contents>".len());
        }),
        ("another bucket", |page| page.replace("<Name>registry<", "<Name>db_wal<")),
        ("another prefix", |page| page.replace("<Prefix></Prefix>", "<Prefix>a</Prefix>")),
        ("not sorted", |page| {
            page.replace("%2F002<", "%2Fx<");
            page.replace("%2F001<", "%2F002<");
            page.replace("%2Fx<", "%2F001<");
        }),
        ("a key twice", |page| page.replace("%2F001<", "%2F000<")),
        ("no end in sight", |page| page.replace("<IsTruncated>true</IsTruncated>", "")),
        ("truncated and empty", |page| {
            let text = String::from_utf8(page.body.clone()).unwrap();
            let (head, rest) = text.split_once("<Contents>").unwrap();
            let (_, tail) = rest.rsplit_once("</Contents>").unwrap();
            page.body = format!("{head}{tail}").into_bytes();
        }),
    ];
    for (name, edit) in edits {
        run(Case::mended(name, ONCE, edited(edit), PAGES + 1));
        run(Case::named(name, edited(edit), ErrorKind::Protocol, ATTEMPTS));
    }
}

/// A cache that ignores the query gives the same page for ever; another one mixes pages up.
#[test]
fn the_page_of_another_marker_is_never_read() {
    let first = |gateway: &FaultyGateway| {
        fill(gateway);
        let page: Edit = |page| {
            let text = String::from_utf8(page.body.clone()).unwrap();
            assert!(text.contains("a%20b%2F005"), "it was the second page: {text}");
            for number in 5..10 {
                page.replace(&format!("%2F{number:03}<"), &format!("%2F{:03}<", number - 5));
            }
        };
        gateway.on(Operation::ListObjects, "marker=a%20b%2F004", ALWAYS, edited(page));
    };
    run_with(
        Case {
            name: "the first page again",
            nth: 0..0,
            fault: Fault::Closed,
            ends: super::Ends::Named(ErrorKind::Protocol),
            requests: 1 + ATTEMPTS,
        },
        first,
    );
    // The third page for the second: sorted, after the marker, and five keys would be lost.
    let ahead = |gateway: &FaultyGateway| {
        fill(gateway);
        let page: Edit = |page| {
            for number in (5..10).rev() {
                page.replace(&format!("%2F{number:03}<"), &format!("%2F{:03}<", number + 5));
            }
            page.replace("<Marker>a b/004<", "<Marker>a b/009<");
        };
        gateway.on(Operation::ListObjects, "marker=a%20b%2F004", ALWAYS, edited(page));
    };
    run_with(
        Case {
            name: "the page after the next one",
            nth: 0..0,
            fault: Fault::Closed,
            ends: super::Ends::Named(ErrorKind::Protocol),
            requests: 1 + ATTEMPTS,
        },
        ahead,
    );
}

#[test]
fn the_gateways_clock_is_learnt_and_one_that_cannot_be_followed_is_named() {
    for ahead_seconds in [-86_400, -1000, 1000, 86_400, 315_360_000] {
        run_with(Case::mended("another time", 0..0, Fault::Closed, PAGES + 1), |gateway| {
            fill(gateway);
            gateway.set_clock_ahead(ahead_seconds);
        });
    }
    let skewed = Answer::error(403, "RequestTimeTooSkewed");
    let at = |date: &str| skewed.clone().header("Date", date);
    let answers = [
        ("a clock that stays skewed", skewed.clone(), 2),
        ("at the end of time", at("Fri, 31 Dec 9999 23:59:59 GMT"), 2),
        ("at its beginning", at("Thu, 01 Jan 1970 00:00:00 GMT"), 2),
        ("no date", at("soon"), 1),
    ];
    for (name, answer, requests) in answers {
        run(Case::named(name, instead(answer), ErrorKind::Denied, requests));
    }
}

#[test]
fn buckets_are_listed_whole_or_not_at_all() {
    let edits: [(&str, Edit); 5] = [
        ("a captive portal", |page| *page = Answer::html(200)),
        ("an error", |page| page.body = Answer::error(200, "InternalError").body),
        ("another root", |page| page.replace("ListAllMyBucketsResult", "ListBucketResult")),
        ("cut off", |page| page.body.truncate(page.body.len() - 30)),
        ("an unsigned request", |page| page.replace("<ID>deis<", "<ID>anonymous<")),
    ];
    let buckets = async |client: &deis_store::s3::Client| client.buckets().await;
    for (name, edit) in edits {
        let mended = Case::mended(name, ONCE, edited(edit), 2);
        mended
            .run(Operation::ListBuckets, fill, buckets, |buckets, _| assert_eq!(buckets[0].name, "registry"));
        let named = Case::named(name, edited(edit), ErrorKind::Protocol, ATTEMPTS);
        named.run(Operation::ListBuckets, fill, buckets, |_, _| ());
    }
}
