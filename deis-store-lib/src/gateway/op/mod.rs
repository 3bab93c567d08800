//! The operations: each reads what it needs of a request, and answers. Who may ask was decided before.

mod acl;
mod bucket;
mod copy;
mod delete;
mod get;
mod list;
mod multipart;
mod put;
mod settings;
mod uploads;
mod versions;

use http::Method;
use jiff::Timestamp;

use super::failure::Failure;
use super::parsed_request::ParsedRequest;
use super::request_body::RequestBody;
use super::response::Answer;
use super::store::Store;

pub(super) use bucket::anonymous;

/// What an operation works with.
pub(super) struct Call<'a> {
    pub(super) store: &'a Store,
    pub(super) asked: &'a ParsedRequest,
    pub(super) now: Timestamp,
    /// The request's number, from which ids are made.
    pub(super) number: u64,
}

/// Finds the operation and does it.
pub(super) async fn perform(call: &Call<'_>, payload: &mut RequestBody) -> Result<Answer, Failure> {
    let asked = call.asked;
    if asked.is_service() {
        return if is_read(&asked.method) { Ok(bucket::list(call)) } else { Err(Failure::MethodNotAllowed) };
    }
    if !is_read(&asked.method) && !call.store.is_writable() {
        return Err(Failure::AccessDenied);
    }
    bucket::check_name(&asked.bucket)?;
    settings::check(asked)?;
    if asked.key.is_empty() { of_bucket(call, payload).await } else { of_object(call, payload).await }
}

fn is_read(method: &Method) -> bool {
    [Method::GET, Method::HEAD].contains(method)
}

async fn of_bucket(call: &Call<'_>, payload: &mut RequestBody) -> Result<Answer, Failure> {
    let has = |name| call.asked.has(name);
    match call.asked.method.as_str() {
        "HEAD" => bucket::head(call),
        "GET" if has("acl") => acl::of_bucket(call),
        "GET" if has("uploads") => uploads::list(call),
        "GET" if has("versions") => versions::list(call),
        "GET" => match settings::read(call)? {
            Some(answer) => Ok(answer),
            None => list::list(call),
        },
        "PUT" if has("acl") => acl::put(call, payload).await,
        "PUT" => bucket::create(call, payload).await,
        "DELETE" => bucket::delete(call),
        "POST" if has("delete") => delete::several(call, payload).await,
        _ => Err(Failure::MethodNotAllowed),
    }
}

async fn of_object(call: &Call<'_>, payload: &mut RequestBody) -> Result<Answer, Failure> {
    let has = |name| call.asked.has(name);
    // An empty id is none: the object itself is meant then.
    let of_upload = !call.asked.parameter("uploadId").is_empty();
    let copies = call.asked.headers.contains_key("x-amz-copy-source");
    match call.asked.method.as_str() {
        "GET" | "HEAD" if call.asked.has_other_version() => Err(Failure::NoSuchKey),
        "GET" if of_upload => multipart::list_parts(call),
        "GET" if has("acl") => acl::of_object(call),
        "GET" | "HEAD" => get::get(call),
        "PUT" if of_upload && copies => copy::part(call).await,
        "PUT" if of_upload => multipart::upload_part(call, payload).await,
        "PUT" if has("acl") => acl::put(call, payload).await,
        "PUT" if copies => copy::object(call),
        "PUT" => put::put(call, payload).await,
        "POST" if has("uploads") => multipart::initiate(call),
        "POST" if of_upload => multipart::complete(call, payload).await,
        "DELETE" if of_upload => multipart::abort(call),
        "DELETE" => delete::one(call),
        _ => Err(Failure::MethodNotAllowed),
    }
}

/// A time as listings have it.
fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}
