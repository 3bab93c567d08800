//! An answer before it is sent, as a script writes and edits it. Pure.

use deis_store::gateway::Fault;
use http::{HeaderName, HeaderValue, Response, StatusCode};

/// A change of an answer.
pub type Edit = fn(&mut Answer);

/// The fault of giving another answer.
#[must_use]
pub fn instead(answer: Answer) -> Fault {
    Fault::Instead(answer.into_http())
}

/// The fault of changing the honest answer.
#[must_use]
pub fn edited(edit: Edit) -> Fault {
    Fault::edited(move |response| {
        let mut answer = Answer::of_http(response);
        edit(&mut answer);
        *response = answer.into_http();
    })
}

/// An answer; its `Content-Length` is set when it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body; one to HEAD is measured and not sent.
    pub body: Vec<u8>,
}

impl Answer {
    /// An answer without headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// An answer in XML.
    #[must_use]
    pub fn xml(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::new(status, body).header("Content-Type", "application/xml")
    }

    /// An error as radosgw words it.
    #[must_use]
    pub fn error(status: u16, code: &str) -> Self {
        let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";
        let body = format!(
            "{declaration}<Error><Code>{code}</Code><RequestId>tx1</RequestId><HostId>h</HostId></Error>"
        );
        Self::xml(status, body)
    }

    /// A page as routers and captive portals give it.
    #[must_use]
    pub fn html(status: u16) -> Self {
        let body =
            format!("<html><head><title>{status}</title></head><body><p>No gateway here.</p></body></html>");
        Self::new(status, body)
            .header("Content-Type", "text/html")
            .header("Last-Modified", "Sun, 22 Nov 2026 08:00:00 GMT")
    }

    /// Sets a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.remove(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    fn of_http(response: &Response<Vec<u8>>) -> Self {
        let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        Self {
            status: response.status().as_u16(),
            headers: response.headers().iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
            body: response.body().clone(),
        }
    }

    /// A script that HTTP does not allow becomes a 500, which no test expects.
    pub(super) fn into_http(self) -> Response<Vec<u8>> {
        let mut response = Response::new(self.body);
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in &self.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().append(name, value);
            }
        }
        response
    }

    /// Replaces text in its body.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.body = String::from_utf8_lossy(&self.body).replace(from, to).into_bytes();
    }
}
