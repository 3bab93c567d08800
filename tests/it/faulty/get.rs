//! Objects that come: whole and right, from the byte on where they broke, or an error.

use std::time::{Duration, Instant};

use deis_store::s3::Client;
use deis_store::{ErrorKind, Result};
use deis_store_tests::faulty::{Answer, Asked, Edit, Fault, FaultyGateway, Operation, edited, etag, instead};

use super::{ALWAYS, ATTEMPTS, Case, ONCE, SLACK, bucket, bytes, client, key, runtime};

const SIZE: usize = 300_000;
const HALF: usize = 150_001;

fn fill(gateway: &FaultyGateway) {
    gateway.store("registry", "key", &bytes(SIZE));
}

/// The object's bytes, through the client alone.
async fn read(client: &Client) -> Result<Vec<u8>> {
    let (bucket, key) = (bucket(), key("key"));
    let mut download = client.get(&bucket, &key).await?;
    let mut whole = Vec::new();
    while let Some(bytes) = download.try_next().await? {
        whole.extend_from_slice(&bytes);
    }
    Ok(whole)
}

/// The object as a file, which is checked against its ETag; without an object there is no file either.
async fn file(client: &Client) -> Result<Vec<u8>> {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    let fetched = client.get_file(&bucket(), &key("key"), &file).await;
    match fetched {
        Ok(_) => Ok(std::fs::read(file).unwrap()),
        Err(error) => {
            assert!(!file.exists(), "what did not come whole is there: {error:?}");
            let begun = Instant::now();
            // The task that writes removes what it has written once it sees that no more will come.
            while std::fs::read_dir(scratch.path()).unwrap().count() > 0 {
                assert!(begun.elapsed() < SLACK, "something is left of it: {error:?}");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            Err(error)
        }
    }
}

fn run(case: Case) {
    case.run(Operation::GetObject, fill, file, |came, _| assert!(came == bytes(SIZE), "other bytes"));
}

fn offsets(asked: &[Asked]) -> Vec<usize> {
    asked.iter().map(Asked::from_byte).collect()
}

#[test]
fn a_break_goes_on_at_the_byte_where_it_broke() {
    for (name, fault) in [
        ("short body", Fault::Short(HALF)),
        ("stall in mid-body", Fault::Stalled(HALF)),
        ("reset in mid-body", Fault::Reset(HALF)),
    ] {
        Case::mended(name, ONCE, fault, 2).run(Operation::GetObject, fill, file, |came, gateway| {
            assert!(came == bytes(SIZE), "{name}: other bytes");
            let asked = gateway.asked_for(Operation::GetObject);
            let from = asked[1].from_byte();
            assert_eq!(asked[1].header("if-match"), Some(&*format!("\"{}\"", etag(&bytes(SIZE)))), "{name}");
            // After a reset the kernel may withhold what has come; then that much is sent twice, and no more.
            assert!(from == HALF || (name.starts_with("reset") && from < HALF), "{name}: on from {from}");
            let sent: usize = asked.iter().map(|asked| asked.answered_bytes).sum();
            assert_eq!(sent, SIZE + (HALF - from), "{name}");
        });
    }
}

#[test]
fn many_breaks_of_one_object_are_mended_as_long_as_it_goes_on() {
    let breaks = 3 * ATTEMPTS;
    let step = SIZE / (breaks + 1);
    let case = Case::mended("many breaks", 0..breaks, Fault::Short(step), breaks + 1);
    case.run(Operation::GetObject, fill, file, |came, gateway| {
        assert!(came == bytes(SIZE));
        let asked = gateway.asked_for(Operation::GetObject);
        assert_eq!(offsets(&asked), (0..=breaks).map(|nth| nth * step).collect::<Vec<_>>());
        assert_eq!(asked.iter().map(|asked| asked.answered_bytes).sum::<usize>(), SIZE);
    });
}

#[test]
fn a_break_that_brings_nothing_more_is_an_error_after_all_attempts() {
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway);
    gateway.on(Operation::GetObject, "", ONCE, Fault::Short(HALF));
    gateway.on(Operation::GetObject, "", ALWAYS, Fault::Short(0));
    let error = runtime().block_on(file(&client(&gateway))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error:?}");
    assert_eq!(offsets(&gateway.asked()), [vec![0], vec![HALF; ATTEMPTS - 1]].concat());
}

#[test]
fn a_break_before_the_first_byte_is_mended() {
    let mended = |name, fault| run(Case::mended(name, ONCE, fault, 2));
    mended("short body", Fault::Short(0));
    mended("reset", Fault::Reset(0));
    mended("no answer", Fault::Silent);
    mended("closed", Fault::Closed);
    mended("header without end", Fault::EndlessHeader);
    mended("SlowDown", instead(Answer::error(503, "SlowDown")));
    mended("502", instead(Answer::html(502)));
}

/// radosgw says `Content-Length` with every object, and without one nobody can tell a short object from a whole one.
#[test]
fn an_object_without_a_length_is_an_error_unless_it_is_listed_and_one_with_a_wrong_length_is_not_taken() {
    let alone = |case: Case| {
        case.run(Operation::GetObject, fill, read, |came, _| assert!(came == bytes(SIZE), "other bytes"));
    };
    for (name, fault) in [("chunks", Fault::Chunked), ("to the end", Fault::Unmeasured)] {
        alone(Case::mended(name, ONCE, fault.clone(), 2));
        alone(Case::named(name, fault.clone(), ErrorKind::Protocol, ATTEMPTS));
        // A file's length is asked of the listing.
        run(Case::mended(name, ALWAYS, fault, 1));
    }
    run(Case::named("too small", Fault::Length(-1), ErrorKind::Damaged, 1));
    // There is no byte after the last one to go on with.
    let too_large = Case::named("too large", Fault::Length(1), ErrorKind::Changed, 2);
    run(Case { nth: ONCE, ..too_large });
}

#[test]
fn a_flipped_bit_is_damage_and_leaves_no_file() {
    for at in [0, HALF, SIZE] {
        run(Case::named("flipped", Fault::Flipped(at), ErrorKind::Damaged, 1));
    }
}

#[test]
fn a_name_that_is_taken_costs_no_request_and_is_replaced_if_that_is_asked_for() {
    use std::os::unix::fs::PermissionsExt as _;
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway);
    let (client, scratch) = (client(&gateway), tempfile::tempdir().unwrap());
    let (bucket, key, path) = (bucket(), key("key"), scratch.path().join("file"));
    std::fs::write(&path, "theirs").unwrap();
    let get = || client.get_file(&bucket, &key, &path);
    let error = runtime().block_on(get().into_future()).unwrap_err();
    assert_eq!((error.kind(), gateway.asked().len()), (ErrorKind::Occupied, 0), "{error:?}");
    assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
    let (info, checked) = runtime().block_on(get().mode(0o644).replace().into_future()).unwrap();
    assert_eq!((info.total_bytes, checked), (SIZE as u64, deis_store::s3::Checked::Md5));
    assert!(std::fs::read(&path).unwrap() == bytes(SIZE));
    let metadata = path.metadata().unwrap();
    assert_eq!(metadata.permissions().mode() & 0o777, 0o644);
    assert_eq!(metadata.modified().unwrap(), info.modified.time().unwrap());
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 1);
}

#[test]
fn a_success_that_is_no_object_is_asked_for_again_and_never_taken() {
    let answers = [
        ("a captive portal", Answer::html(200)),
        ("an error", Answer::error(200, "InternalError")),
        ("nothing", Answer::new(200, "")),
        ("no content", Answer::new(204, "")),
    ];
    for (name, answer) in answers {
        run(Case::mended(name, ONCE, instead(answer.clone()), 2));
        run(Case::named(name, instead(answer), ErrorKind::Protocol, ATTEMPTS));
    }
    let part: Edit = |whole| {
        *whole = whole.clone().header("Content-Range", &format!("bytes 0-{}/{SIZE}", whole.body.len() - 1));
        whole.status = 206;
    };
    run(Case::mended("a part", ONCE, edited(part), 2));
    let unnamed: Edit = |whole| whole.remove("ETag");
    run(Case::mended("no ETag", ONCE, edited(unnamed), 2));
    run(Case::named("no ETag", edited(unnamed), ErrorKind::Protocol, ATTEMPTS));
}

#[test]
fn a_refusal_is_an_error_at_once() {
    let answers = [
        ("404 of a router", Answer::html(404), ErrorKind::Protocol),
        ("404", Answer::error(404, "NoSuchKey"), ErrorKind::NotFound),
        ("403", Answer::error(403, "AccessDenied"), ErrorKind::Denied),
        ("301", Answer::html(301).header("Location", "/elsewhere"), ErrorKind::Protocol),
        ("307", Answer::html(307).header("Location", "/elsewhere"), ErrorKind::Protocol),
        ("416", Answer::error(416, "InvalidRange"), ErrorKind::Changed),
    ];
    for (name, answer, kind) in answers {
        run(Case::named(name, instead(answer), kind, 1));
    }
}

/// Breaks an object in the middle, and does this to every request for its rest.
fn rest(name: &str, fault: Fault, nth: std::ops::Range<usize>) -> (Result<Vec<u8>>, usize) {
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway);
    gateway.on(Operation::GetObject, "", ONCE, Fault::Short(HALF));
    // The rule has met the first request, too.
    gateway.on(Operation::GetObject, "", nth.start + 1..nth.end.saturating_add(1), fault);
    let came = runtime().block_on(read(&client(&gateway)));
    if let Ok(came) = &came {
        assert!(*came == bytes(SIZE), "{name}: other bytes");
    }
    (came, gateway.asked().len() - 1)
}

/// Not `unwrap_err`, which would print all that came.
fn kind(came: Result<Vec<u8>>) -> Option<ErrorKind> {
    came.err().map(|error| error.kind())
}

#[test]
fn only_the_rest_that_was_asked_for_is_joined_to_the_beginning() {
    let wrong: [(&str, Edit); 6] = [
        ("another range", |rest| {
            *rest = rest.clone().header("Content-Range", &format!("bytes 7-{}/{SIZE}", SIZE - 1));
        }),
        ("no range", |rest| rest.remove("Content-Range")),
        ("the whole", |rest| {
            *rest = Answer::new(200, bytes(SIZE)).header("ETag", &format!("\"{}\"", etag(&bytes(SIZE))));
        }),
        ("a portal", |rest| *rest = Answer::html(200)),
        ("an error", |rest| rest.body = Answer::error(200, "InternalError").body),
        ("without its ETag", |rest| rest.remove("ETag")),
    ];
    for (name, edit) in wrong {
        let (came, asked) = rest(name, edited(edit), ONCE);
        assert_eq!((came.map(|came| came.len()).ok(), asked), (Some(SIZE), 2), "{name}");
        let (came, asked) = rest(name, edited(edit), ALWAYS);
        assert_eq!((kind(came), asked), (Some(ErrorKind::Protocol), ATTEMPTS), "{name}");
    }
}

#[test]
fn the_rest_of_another_object_is_never_joined_to_the_beginning() {
    // As a real gateway does it: by `If-Match`.
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway);
    gateway.on(Operation::GetObject, "", ONCE, Fault::Replaced { at: HALF, by: vec![7; SIZE].into() });
    let error = runtime().block_on(read(&client(&gateway))).unwrap_err();
    assert_eq!((error.kind(), gateway.asked().len()), (ErrorKind::Changed, 2), "{error:?}");

    // As something in between does it that knows no `If-Match`: by another ETag.
    let other: Edit = |rest| {
        rest.body = vec![7; rest.body.len()];
        *rest = rest.clone().header("ETag", "\"00000000000000000000000000000000-3\"");
    };
    let (came, asked) = rest("another ETag", edited(other), ALWAYS);
    assert_eq!((kind(came), asked), (Some(ErrorKind::Changed), 1));

    let (came, asked) = rest("416", instead(Answer::error(416, "InvalidRange")), ALWAYS);
    assert_eq!((kind(came), asked), (Some(ErrorKind::Changed), 1));
    let (came, asked) = rest("404", instead(Answer::error(404, "NoSuchKey")), ALWAYS);
    assert_eq!((kind(came), asked), (Some(ErrorKind::NotFound), 1));
}

#[test]
fn a_connection_that_is_gone_when_it_is_used_again_costs_an_attempt_and_no_object() {
    let gateway = FaultyGateway::start().unwrap();
    for number in 0..20 {
        gateway.store("registry", &format!("{number}"), &bytes(number));
    }
    gateway.on(Operation::GetObject, "", ALWAYS, Fault::ClosedAfter);
    let client = client(&gateway);
    runtime().block_on(async {
        for number in 0..20 {
            let (bucket, key) = (bucket(), key(&number.to_string()));
            let mut download = client.get(&bucket, &key).await.unwrap();
            let mut whole = Vec::new();
            while let Some(bytes) = download.try_next().await.unwrap() {
                whole.extend_from_slice(&bytes);
            }
            assert_eq!(whole, bytes(number));
        }
    });
    assert!(gateway.asked().len() <= 40, "{}", gateway.asked().len());
}

#[test]
fn what_is_stored_with_an_object_is_told_rightly_or_not_at_all() {
    let head = async |client: &Client| {
        let info = client.head(&bucket(), &key("key")).await?;
        Ok((info.size_bytes, info.etag))
    };
    let run = |case: Case| {
        case.run(Operation::HeadObject, fill, head, |told, _| {
            assert_eq!(told, (SIZE as u64, etag(&bytes(SIZE))));
        });
    };
    for (name, fault) in [
        ("no answer", Fault::Silent),
        ("closed", Fault::Closed),
        ("reset", Fault::Reset(0)),
        ("a captive portal", instead(Answer::html(200))),
        ("no length", Fault::Chunked),
        ("no ETag", edited(|answer| answer.remove("ETag"))),
        ("busy", instead(Answer::new(503, ""))),
    ] {
        // A reset after a whole answer (HEAD has no body) is no fault.
        let requests = if name == "reset" { 1 } else { 2 };
        run(Case::mended(name, ONCE, fault, requests));
    }
    run(Case::named("a captive portal", instead(Answer::html(200)), ErrorKind::Protocol, ATTEMPTS));
    run(Case::named("404", instead(Answer::error(404, "NoSuchKey")), ErrorKind::NotFound, 1));
    run(Case::named("403", instead(Answer::new(403, "")), ErrorKind::Denied, 1));
    run(Case::named("301", instead(Answer::html(301)), ErrorKind::Protocol, 1));
}
