//! The client against a scripted gateway.

mod answers;
mod downloads;
mod errors;
mod gateways;
mod retries;
mod uploads;

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::{Request, Response};

use super::{Client, ClientOptions, CopyOptions, Part, Revision, UploadOptions};
use crate::error::{ErrorKind, Result};
use crate::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Stage};
use crate::run::Run;
use crate::s3::op::{InitiateUpload, PutObject};
use crate::s3::{BucketName, ObjectKey, PartLayout};
use crate::secret::Credentials;

type Answer = Result<Response<Received>, SendError>;

/// A gateway that gives the answers it was told to, and remembers what it was asked.
#[derive(Debug, Default)]
struct Scripted {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<(String, String, String)>>,
    headers: Mutex<Vec<http::HeaderMap>>,
}

impl HttpSend for Scripted {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Answer> {
        let header =
            |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        self.asked.lock().unwrap().push((request.uri().to_string(), header("date"), header("range")));
        self.headers.lock().unwrap().push(request.headers().clone());
        let answer = self.answers.lock().unwrap().pop_front().expect("no more answers in the script");
        Box::pin(async move { answer })
    }

    fn endpoint(&self) -> &Endpoint {
        static SCRIPTED: LazyLock<Endpoint> =
            LazyLock::new(|| Endpoint::within("scripted").through("core@host"));
        &SCRIPTED
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &[io::Result<&'static [u8]>]) -> Answer {
    let frames: Vec<io::Result<Bytes>> = body
        .iter()
        .map(|piece| match piece {
            Ok(bytes) => Ok(Bytes::from_static(bytes)),
            Err(error) => Err(error.kind().into()),
        })
        .collect();
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = Received::new(Box::pin(stream::iter(frames)));
    response.body(body).map_err(|error| SendError::new(Stage::Unfaithful, error))
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code></Error>").into_bytes();
    answer(status, &[("date", "Sun, 22 Nov 2026 06:38:30 GMT")], &[Ok(body.leak())])
}

fn client(answers: impl IntoIterator<Item = Answer>) -> (Client, Arc<Scripted>) {
    let gateway =
        Arc::new(Scripted { answers: Mutex::new(answers.into_iter().collect()), ..Scripted::default() });
    let credentials = Credentials::new("AK", "SK");
    let client =
        Client::new(vec![gateway.clone()], credentials, ClientOptions::default(), &Run::silent()).unwrap();
    (client, gateway)
}

fn names() -> (BucketName, ObjectKey) {
    (BucketName::new("db_wal").unwrap(), ObjectKey::new("a/../b").unwrap())
}

const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn put_nothing() -> Answer {
    answer(200, &[("etag", EMPTY_MD5)], &[])
}

async fn put(client: &Client) -> Result<()> {
    let (bucket, key) = names();
    let md5 =
        (0..16).map(|at| u8::from_str_radix(&EMPTY_MD5[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<_>>();
    let operation = PutObject::new(&bucket, &key, 0, md5.try_into().unwrap())?;
    client.put(&operation, &Body::Bytes(Bytes::new())).await
}
