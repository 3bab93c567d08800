//! DELETE of one object, and of several in one request.

use http::StatusCode;
use serde::Deserialize;

use super::call::Call;
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;
use crate::gateway::response::Response;
use crate::gateway::xml::Xml;
use crate::s3::xml;

/// `rgw_delete_multi_obj_max_num`.
const MOST_KEYS: usize = 1000;

/// Deletes an object; one that is not there is deleted too, and so is a version.
pub(super) fn one(call: &Call<'_>) -> Result<Response, Failure> {
    call.store.bucket(&call.request.bucket, |bucket| {
        if !call.request.has_other_version() {
            bucket.objects.remove(&call.request.key);
        }
        Ok(())
    })?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// Deletes many. `Content-MD5` is not looked at.
pub(super) async fn several(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    let body = payload.xml().await?;
    let text = std::str::from_utf8(&body).map_err(|_| Failure::Malformed)?;
    let delete: Delete = quick_xml::de::from_str(text).map_err(|_| Failure::Malformed)?;
    let known = delete.object.iter().all(|object| xml::can_hold(&object.key));
    if delete.object.is_empty() || delete.object.len() > MOST_KEYS || !known {
        return Err(Failure::Malformed);
    }
    let mut xml = Xml::of("DeleteResult");
    call.store.bucket(&call.request.bucket, |bucket| {
        for object in &delete.object {
            if ["", "null"].contains(&object.version_id.as_str()) {
                bucket.objects.remove(&object.key);
            }
            if !delete.quiet {
                xml.open("Deleted").text("Key", &object.key);
                xml.text_if("VersionId", &object.version_id).close("Deleted");
            }
        }
        Ok(())
    })?;
    Ok(Response::xml(xml.finish("DeleteResult")))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Delete {
    #[serde(default)]
    quiet: bool,
    #[serde(default)]
    object: Vec<Named>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    key: String,
    #[serde(default)]
    version_id: String,
}
