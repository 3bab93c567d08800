//! A transport of one's own: it hands each request on, and records it with the status and the time of its answer.
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run --example recording_http -- http://10.0.0.5:8888 BUCKET
//! ```

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deis_store::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::ClientOptions;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;
use http::{Request, Response};

/// A transport that records. The signature is in a header, so nothing of it is in the record.
#[derive(Debug)]
struct Recording {
    inner: Arc<dyn HttpSend>,
    record: Mutex<Vec<Recorded>>,
}

#[derive(Debug)]
struct Recorded {
    request: String,
    /// Without one, there was no answer.
    status: Option<u16>,
    after: Duration,
}

impl HttpSend for Recording {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(async move {
            let (asked, begun) = (format!("{} {}", request.method(), request.uri()), Instant::now());
            let answer = self.inner.send(request).await;
            let status = answer.as_ref().ok().map(|answer| answer.status().as_u16());
            let recorded = Recorded { request: asked, status, after: begun.elapsed() };
            self.record.lock().unwrap_or_else(PoisonError::into_inner).push(recorded);
            answer
        })
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(endpoint), Some(bucket), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: recording_http ENDPOINT BUCKET".into());
    };
    let credentials =
        Credentials::new(std::env::var("AWS_ACCESS_KEY_ID")?, std::env::var("AWS_SECRET_ACCESS_KEY")?);
    let inner = connect(&endpoint, Timeouts::default())?;
    let gateway = Arc::new(Recording { inner, record: Mutex::default() });
    let client = Client::new(vec![gateway.clone()], credentials, ClientOptions::default(), &Run::silent())?;

    let (bucket, key) = (BucketName::new(bucket)?, ObjectKey::new("recorded")?);
    client.put_bytes(&bucket, &key, "hello").content_type("text/plain").await?;
    let (bytes, checked) = client.get_bytes(&bucket, &key).await?;
    println!("{} bytes came, checked by {checked}", bytes.len());
    client.delete(&bucket, &key).await?;

    for Recorded { request, status, after } in &*gateway.record.lock().unwrap_or_else(PoisonError::into_inner)
    {
        let status = status.map_or("no answer".to_owned(), |status| status.to_string());
        println!("{status} after {} ms: {request}", after.as_millis());
    }
    Ok(())
}
