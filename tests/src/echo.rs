//! A server that says back what it was told, as a proxy's page of errors may: the request's head in every place of an answer
//! from which a program could print it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Context as _, Result};

/// The way in which it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Echo {
    /// An S3 error of this status, whose code, message and id hold the head.
    Error(u16),
    /// A page of HTML of this status that holds the head.
    Page(u16),
    /// A success that is none of S3.
    Nonsense,
    /// A redirect to a place made of the head.
    Redirect,
    /// No answer: the connection is cut.
    Cut,
    /// Half an answer.
    Half,
    /// Listings, of whichever kind is asked for, in which every text tries to paint the terminal.
    Listing,
}

/// A running server. It runs until the process ends.
#[derive(Debug)]
pub struct EchoServer {
    url: String,
    signatures: Arc<Mutex<Vec<String>>>,
}

impl EchoServer {
    /// Starts one on a free port.
    pub fn start(echo: Echo) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("Listen")?;
        let url = format!("http://{}", listener.local_addr().context("Listen")?);
        let signatures = Arc::<Mutex<Vec<String>>>::default();
        let seen = signatures.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = seen.clone();
                std::thread::spawn(move || answer(&stream, echo, &seen));
            }
        });
        Ok(Self { url, signatures })
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The signatures that it was sent.
    #[must_use]
    pub fn signatures(&self) -> Vec<String> {
        self.signatures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn answer(stream: &TcpStream, echo: Echo, seen: &Mutex<Vec<String>>) {
    let mut head = String::new();
    let mut reader = BufReader::new(stream);
    while reader.read_line(&mut head).is_ok_and(|bytes| bytes > 2) {}
    let head = head.trim().replace(['\r', '\n'], " ");
    if let Some((_, signature)) =
        head.split_once("AWS ").and_then(|(_, rest)| rest.split(' ').next()?.split_once(':'))
    {
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(signature.to_owned());
    }
    let (status, more, body) = match echo {
        Echo::Error(status) => {
            let body = format!(
                "<?xml version=\"1.0\"?><Error><Code>{head}</Code><Message>{head}</Message><RequestId>{head}</RequestId><HostId>{head}</HostId></Error>"
            );
            (status, format!("x-amz-request-id: {head}\r\n"), body)
        }
        Echo::Page(status) => (status, format!("Server: {head}\r\n"), format!("<html>{head}</html>")),
        Echo::Nonsense => (200, format!("ETag: \"{head}\"\r\nLast-Modified: {head}\r\n"), head.clone()),
        Echo::Redirect => {
            let place = head.replace(' ', "_");
            (307, format!("Location: http://user:{place}@elsewhere/{place}\r\n"), String::new())
        }
        Echo::Cut => return,
        Echo::Half => (200, String::new(), head.clone()),
        Echo::Listing => (200, String::new(), listing(&head)),
    };
    let length = body.len() + if echo == Echo::Half { 100 } else { 0 };
    let mut stream = stream;
    let _ = write!(
        stream,
        "HTTP/1.1 {status} X\r\n{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}

/// A listing of buckets, objects or uploads. XML 1.0 has no escape character, but C1's and those that turn text.
fn listing(head: &str) -> String {
    let text = "x&#x9b;31m&#x202e;y&#x7f;";
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path == "/" {
        return format!(
            "<ListAllMyBucketsResult><Owner><ID>deis</ID></Owner><Buckets><Bucket><Name>{text}</Name>\
             <CreationDate>{text}</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
        );
    }
    if path.contains("uploads") {
        return format!(
            "<ListMultipartUploadsResult><Bucket>bucket</Bucket><IsTruncated>false</IsTruncated><Upload><Key>{text}</Key>\
             <UploadId>{text}</UploadId><Initiated>{text}</Initiated></Upload></ListMultipartUploadsResult>"
        );
    }
    format!(
        "<ListBucketResult><Name>bucket</Name><Prefix></Prefix><Marker></Marker><IsTruncated>false</IsTruncated>\
         <Contents><Key>{text}</Key><LastModified>{text}</LastModified><ETag>&quot;{text}&quot;</ETag><Size>1</Size>\
         </Contents></ListBucketResult>"
    )
}
