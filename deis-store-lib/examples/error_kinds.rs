//! An error's kind tells the problem, its place tells where, and status and code tell the gateway's own words.
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… cargo run --example error_kinds -- http://10.0.0.5:8888 BUCKET
//! ```
//!
//! In a bucket that is there, it makes some things fail; that they fail otherwise than expected is its own failure.

use std::error::Error;

use deis_store::ErrorKind;
use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::ClientOptions;
use deis_store::s3::op::GetObject;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(endpoint), Some(bucket), None) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: error_kinds ENDPOINT BUCKET".into());
    };
    let access_key = std::env::var("AWS_ACCESS_KEY_ID")?;
    let credentials = Credentials::new(access_key.as_str(), std::env::var("AWS_SECRET_ACCESS_KEY")?);
    let client = |credentials| {
        let gateway = connect(&endpoint, Timeouts::default())?;
        Client::new(vec![gateway], credentials, ClientOptions::default(), &Run::silent())
    };
    let (us, others) = (client(credentials)?, client(Credentials::new(access_key.as_str(), "wrong"))?);
    let (bucket, key) = (BucketName::new(bucket)?, ObjectKey::new("kinds of error")?);
    us.delete(&bucket, &key).await?;

    explain(us.get_bytes(&bucket, &key).await, ErrorKind::NotFound)?;
    let stored = us.put_bytes(&bucket, &key, "first").create_only().await?;
    explain(us.put_bytes(&bucket, &key, "second").create_only().await, ErrorKind::Occupied)?;
    let mut get = GetObject::new(&bucket, &key);
    get.conditions.if_none_match = Some(&stored.etag);
    explain(us.get_with(&get).await, ErrorKind::NotModified)?;
    get.conditions.if_none_match = None;
    get.conditions.if_match = Some("another");
    explain(us.get_with(&get).await, ErrorKind::Changed)?;
    explain(others.head(&bucket, &key).await, ErrorKind::Denied)?;
    us.delete(&bucket, &key).await?;
    Ok(())
}

/// One way for a program to treat an error; here it must be of the kind that was provoked.
fn explain<T>(result: deis_store::Result<T>, expected: ErrorKind) -> Result<(), Box<dyn Error>> {
    let Err(error) = result else {
        return Err(format!("nothing failed, and {expected} was expected").into());
    };
    let then = match error.kind() {
        ErrorKind::NotFound => "there is nothing: begin with a default",
        ErrorKind::NotModified => "what we have is still right: keep it",
        ErrorKind::Occupied => "somebody was here first: leave it to them",
        ErrorKind::Changed => "read it anew, then decide again",
        ErrorKind::Denied => "nothing to try again: tell the operator",
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Busy | ErrorKind::NotReady => {
            "try again later"
        }
        _ => return Err(error.into()),
    };
    let status = error.status().map_or(0, |status| status.as_u16());
    let (code, key) = (error.code().unwrap_or("no code"), error.place().key().unwrap_or("no key"));
    println!("{}: {status} {code} at `{key}`: {then}", error.kind());
    if error.kind() == expected { Ok(()) } else { Err(error.into()) }
}
