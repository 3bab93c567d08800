//! DELETE of one object, and of several in one request.

use http::StatusCode;
use serde::Deserialize;

use super::call::Call;
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;
use crate::gateway::response::Response;
use crate::gateway::store::{Bucket, Change};
use crate::gateway::xml::Xml;
use crate::s3::xml;

/// `rgw_delete_multi_obj_max_num`.
const MOST_KEYS: usize = 1000;

/// Deletes an object; one that is not there is deleted too, and so is a version.
pub(super) async fn one(call: &Call<'_>) -> Result<Response, Failure> {
    let is_meant = !call.request.has_other_version();
    delete(call, is_meant.then(|| call.request.key.clone()).into_iter().collect()).await?;
    Ok(Response::empty(StatusCode::NO_CONTENT))
}

/// Deletes many. `Content-MD5` is not looked at.
pub(super) async fn several(call: &Call<'_>, payload: &mut RequestBody) -> Result<Response, Failure> {
    let body = payload.xml().await?;
    let text = std::str::from_utf8(&body).map_err(|_| Failure::Malformed)?;
    let asked: Delete = quick_xml::de::from_str(text).map_err(|_| Failure::Malformed)?;
    let known = asked.object.iter().all(|object| xml::can_hold(&object.key));
    if asked.object.is_empty() || asked.object.len() > MOST_KEYS || !known {
        return Err(Failure::Malformed);
    }
    let mut xml = Xml::of("DeleteResult");
    let mut keys = Vec::with_capacity(asked.object.len());
    for object in asked.object {
        if !asked.quiet {
            xml.open("Deleted").text("Key", &object.key);
            xml.text_if("VersionId", &object.version_id).close("Deleted");
        }
        if ["", "null"].contains(&object.version_id.as_str()) {
            keys.push(object.key);
        }
    }
    delete(call, keys).await?;
    Ok(Response::xml(xml.finish("DeleteResult")))
}

/// Deletes those of these objects that are there.
async fn delete(call: &Call<'_>, keys: Vec<String>) -> Result<(), Failure> {
    let name = call.request.bucket.clone();
    let decide = move |bucket: &Bucket| {
        let there = keys.into_iter().filter(|key| bucket.objects.contains_key(key));
        let delete = |key| Change::DeleteObject { bucket: name.clone(), key };
        Ok((there.map(delete).collect(), ()))
    };
    call.store.change_in(&call.request.bucket, decide).await
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
