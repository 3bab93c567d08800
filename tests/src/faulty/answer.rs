//! An answer before it is sent. Pure.

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

    /// Sets a header that is not set.
    #[must_use]
    pub fn or_header(self, name: &str, value: &str) -> Self {
        let is_set = self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
        if is_set { self } else { self.header(name, value) }
    }

    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Replaces text in its body.
    pub fn replace(&mut self, from: &str, to: &str) {
        self.body = String::from_utf8_lossy(&self.body).replace(from, to).into_bytes();
    }
}
