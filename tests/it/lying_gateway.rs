//! A gateway whose answers contradict its listing: a scripted one, since a real one does that only when it is sick.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};

use crate::clusters::a;
use crate::program::{Ran, at_gateway};

const MD5: &str = "900150983cd24fb0d6963f7d28e17f72"; // of `abc`

/// A gateway with one object of three bytes, which it lists rightly and gives as told.
fn backup_from(object: &'static str) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || serve(stream, object));
        }
    });
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("repository");
    let arguments = ["backup", target.to_str().unwrap(), "--only", "registry", "--json"];
    at_gateway(&format!("http://{address}"), &a(), "x", &arguments)
}

fn serve(mut stream: TcpStream, object: &str) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut line = String::new();
        while reader.read_line(&mut line).unwrap_or(0) > 2 {
            line.clear();
        }
        let target = first.split(' ').nth(1).unwrap();
        let answer = match target {
            "/" => xml(
                "<ListAllMyBucketsResult><Owner><ID>deis</ID></Owner><Buckets><Bucket><Name>registry</Name>\
                <CreationDate>2026-11-22T08:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>",
            ),
            _ if target.starts_with("/registry?") => {
                let listed = !target.contains("prefix=registry%2Frepositories");
                let contents = format!(
                    "<Contents><Key>key</Key><LastModified>2026-11-22T08:00:00.000Z</LastModified>\
                     <ETag>&quot;{MD5}&quot;</ETag><Size>3</Size></Contents>"
                );
                let contents = if listed { contents.as_str() } else { "" };
                xml(&format!(
                    "<ListBucketResult><Name>registry</Name><Prefix/><IsTruncated>false</IsTruncated>{contents}\
                     </ListBucketResult>"
                ))
            }
            _ => object.to_owned(),
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn xml(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn an_object_that_is_listed_and_not_given_is_damage_and_not_vanished() {
    let lost = "HTTP/1.1 404 Not Found\r\nContent-Length: 37\r\n\r\n<Error><Code>NoSuchKey</Code></Error>";
    let report = backup_from(lost).code(4).json();
    assert_eq!(report["report"]["verdict"], "damaged");
    assert_eq!(report["report"]["parts"]["registry"]["counts"]["failed"], 1);
    assert!(
        report["report"]["findings"][0]["what"].as_str().unwrap().contains("no data for it"),
        "{report:#}"
    );
}

#[test]
fn an_answer_that_contradicts_the_listing_is_not_stored() {
    for headers in ["ETag: \"x\"\r\n", "", "ETag: \"900150983cd24fb0d6963f7d28e17f73\"\r\n"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\n{headers}Last-Modified: Sun, 22 Nov 2026 08:00:00 GMT\r\nContent-Length: 3\r\n\r\nabc"
        );
        let report = backup_from(answer.leak()).code(3).json();
        assert_eq!(report["report"]["parts"]["registry"]["counts"]["failed"], 1, "{headers}: {report:#}");
    }
}

#[test]
fn an_honest_answer_is_stored() {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nETag: \"{MD5}\"\r\nLast-Modified: Sun, 22 Nov 2026 08:00:00 GMT\r\nContent-Length: 3\r\n\r\nabc"
    );
    let report = backup_from(answer.leak()).code(0).json();
    assert_eq!(report["report"]["parts"]["registry"]["counts"]["stored"], 1);
}
