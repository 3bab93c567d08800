//! Each fault as a client sees it, byte by byte.

use std::sync::Mutex;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;
use crate::gateway::{Fault, Operation, RequestSeen};

const NOW: Duration = Duration::from_secs(1_795_329_510);
const MOMENT: Duration = Duration::from_millis(50);

/// How a connection went on after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Open,
    Closed,
    Reset,
}

/// One fault for each GET of an object, and what was heard.
struct Always(Fault, Arc<Mutex<(Vec<RequestSeen>, u64)>>);

impl Faults for Always {
    fn fault(&self, request: &RequestSeen) -> Option<Fault> {
        self.1.lock().unwrap().0.push(request.clone());
        (request.operation == Operation::GetObject).then(|| self.0.clone())
    }

    fn sent(&self, _: u64, bytes: u64) {
        self.1.lock().unwrap().1 += bytes;
    }
}

/// A gateway with an object that meets a fault; the answer to a presigned GET of it, how the connection went on, what
/// the object is then, and how many bytes of bodies were sent.
async fn met(fault: Fault) -> (String, End, Bytes, u64) {
    let now = SystemTime::UNIX_EPOCH + NOW;
    let store = Arc::new(Store::in_memory());
    store.put("db_wal", "k", "0123456789", now);
    let heard = Arc::new(Mutex::default());
    let options = GatewayOptions::new(Arc::new(Fixed(now))).faults(Always(fault, heard.clone()));
    let listen = ([127, 0, 0, 1], 0).into();
    let gateway = Gateway::start(listen, store.clone(), credentials(), options).await.unwrap();
    let url = request(Method::GET, "/db_wal/k", &[]).presigned(&credentials(), now);
    let mut stream = TcpStream::connect(gateway.address()).await.unwrap();
    stream.write_all(format!("GET {url} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await.unwrap();
    let (mut answer, mut buffer) = (Vec::new(), vec![0; 4096]);
    let end = loop {
        match tokio::time::timeout(MOMENT, stream.read(&mut buffer)).await {
            Err(_) => break End::Open,
            Ok(Ok(0)) => break End::Closed,
            Ok(Ok(read)) => answer.extend_from_slice(&buffer[..read]),
            Ok(Err(_)) => break End::Reset,
        }
    };
    gateway.stop().await;
    let (seen, sent_bytes) = heard.lock().unwrap().clone();
    assert_eq!((seen.len(), seen[0].number, seen[0].key.as_str()), (1, 1, "k"));
    let stored = store.get("db_wal", "k").await.unwrap().unwrap();
    (String::from_utf8(answer).unwrap(), end, stored, sent_bytes)
}

struct Fixed(SystemTime);

impl Clock for Fixed {
    fn now(&self) -> SystemTime {
        self.0
    }
}

#[tokio::test]
async fn an_answer_breaks_off_where_it_shall_and_as_it_shall() {
    let length = "content-length: 10\r\n";
    let replaced = Fault::Replaced { at: 5, by: "another".into() };
    for (fault, has, body, end) in [
        (Fault::Short(4), length, "0123", End::Closed),
        (Fault::Short(99), length, "0123456789", End::Closed),
        (Fault::Reset(4), length, "0123", End::Reset),
        (Fault::Stalled(4), length, "0123", End::Open),
        (Fault::Paused { at: 4, pause: MOMENT / 5 }, length, "0123456789", End::Open),
        (Fault::Flipped(1), length, "0023456789", End::Open),
        (replaced, length, "01234", End::Closed),
        (Fault::Length(2), "content-length: 12\r\n", "0123456789", End::Closed),
        (Fault::Length(-2), "content-length: 8\r\n", "0123456789", End::Open),
        (Fault::Chunked, "transfer-encoding: chunked\r\n", "a\r\n0123456789\r\n0\r\n\r\n", End::Open),
        (Fault::Unterminated, "transfer-encoding: chunked\r\n", "a\r\n0123456789\r\n", End::Closed),
        (Fault::Unmeasured, "connection: close\r\n", "0123456789", End::Closed),
        (Fault::ClosedAfter, length, "0123456789", End::Closed),
        (Fault::Delayed(MOMENT / 5), length, "0123456789", End::Open),
        (Fault::edited(|answer| answer.body_mut().truncate(3)), "content-length: 3\r\n", "012", End::Open),
    ] {
        let name = format!("{fault:?}");
        let (answer, ended, stored, sent_bytes) = met(fault).await;
        let (head, came) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{name}: {answer}"));
        let head = format!("{}\r\n", head.to_ascii_lowercase());
        assert!(head.starts_with("http/1.1 200") && head.contains(has), "{name}: {answer}");
        assert_eq!(head.contains("content-length"), has.starts_with("content-length"), "{name}: {answer}");
        assert_eq!((came, ended), (body, end), "{name}");
        let bytes = body.chars().filter(char::is_ascii_digit).count() as u64;
        let chunked = has.contains("chunked");
        assert!(chunked || sent_bytes == bytes, "{name}: {sent_bytes}");
        let expected = if name.contains("Replaced") { "another" } else { "0123456789" };
        assert_eq!(stored, expected, "{name}");
    }
}

#[tokio::test]
async fn there_is_no_answer_or_another_one() {
    for (fault, text, end) in [
        (Fault::Silent, "", End::Open),
        (Fault::Closed, "", End::Closed),
        (Fault::HangsUp(7), "", End::Closed),
        (Fault::Garbage("SSH-2.0-x\r\n".into()), "SSH-2.0-x\r\n", End::Closed),
    ] {
        let name = format!("{fault:?}");
        let (answer, ended, ..) = met(fault).await;
        assert_eq!((answer.as_str(), ended), (text, end), "{name}");
    }
    let other = http::Response::builder().status(502).header("x-a", "b").body(b"<html>".to_vec()).unwrap();
    let (answer, end, ..) = met(Fault::Instead(other)).await;
    assert!(answer.starts_with("HTTP/1.1 502") && answer.ends_with("\r\n\r\n<html>"), "{answer}");
    assert!(answer.contains("date: ") && answer.contains("content-length: 6\r\n") && end == End::Open);
    let (answer, ..) = met(Fault::EndlessHeader).await;
    assert!(answer.len() > 60 << 20 && !answer.contains("\r\n\r\n"), "{}", answer.len());
}

/// Bytes left over of one answer would stand before the next one.
#[tokio::test]
async fn a_connection_goes_on_after_a_fault_that_keeps_it() {
    let harness =
        Harness::with(|request: &RequestSeen| (request.number == 2).then_some(Fault::Chunked)).await;
    harness.client.create_bucket(&bucket()).await.unwrap();
    let buckets = async || harness.client.buckets().await.unwrap().len();
    assert_eq!((buckets().await, buckets().await), (1, 1));
}
