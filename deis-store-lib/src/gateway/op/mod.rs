//! The operations: each reads what it needs of a request, and answers. The right to ask was decided before.

mod acl;
mod bucket;
mod call;
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

use super::failure::Failure;
use super::operation::Operation;
use super::request_body::RequestBody;
use super::response::Response;

pub(super) use bucket::anonymous;
pub(super) use call::Call;

/// Finds the operation and does it.
pub(super) async fn perform(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    let (request, operation) = (call.request, Operation::of(call.request));
    if operation == Operation::ListBuckets {
        return Ok(bucket::list(call));
    }
    if request.is_service() {
        return Err(Failure::MethodNotAllowed);
    }
    let reads = [Method::GET, Method::HEAD].contains(&request.method);
    if !reads && !call.store.is_writable() {
        return Err(Failure::AccessDenied);
    }
    bucket::check_name(&request.bucket)?;
    settings::check(request)?;
    if reads && !request.key.is_empty() && request.has_other_version() {
        return Err(Failure::NoSuchKey);
    }
    match operation {
        Operation::HeadBucket => bucket::head(call),
        Operation::CreateBucket => bucket::create(call, payload).await,
        Operation::DeleteBucket => bucket::delete(call).await,
        Operation::BucketSetting => settings::read(call),
        Operation::ListObjects => list::list(call),
        Operation::ListVersions => versions::list(call),
        Operation::ListUploads => uploads::list(call),
        Operation::DeleteObjects => delete::several(call, payload).await,
        Operation::GetAcl if request.key.is_empty() => acl::of_bucket(call),
        Operation::GetAcl => acl::of_object(call),
        Operation::PutAcl => acl::put(call, payload).await,
        Operation::HeadObject | Operation::GetObject => get::get(call),
        Operation::PutObject => put::put(call, payload).await,
        Operation::CopyObject => copy::object(call).await,
        Operation::DeleteObject => delete::one(call).await,
        Operation::InitiateUpload => multipart::initiate(call).await,
        Operation::UploadPart => multipart::upload_part(call, payload).await,
        Operation::CopyPart => copy::part(call).await,
        Operation::ListParts => multipart::list_parts(call),
        Operation::CompleteUpload => multipart::complete(call, payload).await,
        Operation::AbortUpload => multipart::abort(call).await,
        Operation::ListBuckets | Operation::Other => Err(Failure::MethodNotAllowed),
    }
}
