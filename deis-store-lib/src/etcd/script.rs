//! A test double: an endpoint that plays scripted answers.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock, Mutex};

use ::http::{Request, Response};
use bytes::Bytes;
use futures_util::stream;

use crate::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError};

/// Status, target of a redirect, and body.
pub(crate) type Answer = Result<(u16, Option<&'static str>, String), SendError>;

/// A scripted endpoint: its answers in order, and the requests that it received.
#[derive(Debug, Default)]
pub(crate) struct Script {
    answers: Mutex<VecDeque<Answer>>,
    pub(crate) asked: Mutex<Vec<String>>,
}

impl Script {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.into_iter().collect()), asked: Mutex::default() })
    }
}

impl HttpSend for Script {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        let Body::Bytes(form) = request.body() else { panic!("a source") };
        let asked = format!("{} {} {}", request.method(), request.uri(), String::from_utf8_lossy(form));
        self.asked.lock().unwrap().push(asked.trim_end().to_owned());
        let answer = self.answers.lock().unwrap().pop_front().expect("the script has an answer");
        Box::pin(async move { answer.map(|(status, location, body)| response(status, location, body)) })
    }

    fn endpoint(&self) -> &Endpoint {
        static SCRIPT: LazyLock<Endpoint> =
            LazyLock::new(|| Endpoint::within("etcd:4001").through("core@host"));
        &SCRIPT
    }
}

fn response(status: u16, location: Option<&str>, body: String) -> Response<Received> {
    let mut response = Response::builder().status(status);
    if let Some(location) = location {
        response = response.header("location", location);
    }
    response.body(Received::new(Box::pin(stream::iter([Ok(Bytes::from(body))])))).unwrap()
}
