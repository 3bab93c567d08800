//! Signs requests for an HTTP client that is not ours: here a socket of the standard library, to which they are written
//! by hand. It needs no cargo feature.
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run --example sign -- http://10.0.0.5:8888 BUCKET
//! ```
//!
//! In a bucket that is there, it puts an object with an odd key, reads it by a presigned URI and deletes it.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use deis_store::s3::sign::{presign_uri, sign_parts};
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::secret::Credentials;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, Request, Uri};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(endpoint), Some(bucket), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: sign ENDPOINT BUCKET".into());
    };
    let credentials =
        Credentials::new(std::env::var("AWS_ACCESS_KEY_ID")?, std::env::var("AWS_SECRET_ACCESS_KEY")?);

    // The path is made once, and sent as it is signed.
    let key = ObjectKey::new("signed/by hand/../50% + é")?;
    let uri: Uri = format!("{endpoint}{}", key.path_in(&BucketName::new(bucket)?)).parse()?;

    let put = Request::put(&uri)
        .header("content-type", "text/plain; charset=utf-8")
        .header("x-amz-meta-note", "from an example");
    println!("PUT {}", send(signed(put.body("Hello, radosgw.")?, &credentials)?)?.0);

    // Anybody who has this URI can read the object for a minute.
    let until = SystemTime::now() + Duration::from_mins(1);
    let presigned = presign_uri(&Method::GET, &uri, &credentials, until)?;
    let (status, body) = send(Request::get(presigned).body("")?)?;
    println!("GET {status} {body}");

    println!("DELETE {}", send(signed(Request::delete(&uri).body("")?, &credentials)?)?.0);
    Ok(())
}

fn signed<B>(request: Request<B>, credentials: &Credentials) -> Result<Request<B>, Box<dyn Error>> {
    let (mut parts, body) = request.into_parts();
    sign_parts(&mut parts, credentials, SystemTime::now())?;
    Ok(Request::from_parts(parts, body))
}

/// A very small HTTP client: status and body of the answer, which must be a success.
fn send(request: Request<&str>) -> Result<(u16, String), Box<dyn Error>> {
    let (mut parts, body) = request.into_parts();
    let host = parts.uri.authority().ok_or("the endpoint has no host")?.as_str().to_owned();
    parts.headers.insert(HOST, host.parse()?);
    parts.headers.insert(CONTENT_LENGTH, body.len().into());
    let target = parts.uri.path_and_query().ok_or("the URI has no path")?;
    let mut message = format!("{} {target} HTTP/1.1\r\nConnection: close\r\n", parts.method).into_bytes();
    for (name, value) in &parts.headers {
        message.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    message.extend(b"\r\n");
    message.extend(body.as_bytes());

    let mut socket = TcpStream::connect(if host.contains(':') { host } else { format!("{host}:80") })?;
    socket.write_all(&message)?;
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("the answer is cut off")?;
    let status = head.split(' ').nth(1).ok_or("the answer is not HTTP's")?.parse()?;
    if (200..300).contains(&status) { Ok((status, body.to_owned())) } else { Err(answer.into()) }
}
