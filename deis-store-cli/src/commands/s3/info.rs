//! `info`: what is stored with buckets and objects. What a server does not tell is said to be so, and the rest is shown.

use deis_store::error::printable;
use deis_store::s3::op::{Acl, Grantee};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::super::Done;
use super::place;
use crate::output::Output;

pub(super) async fn tell(client: &Client, places: &[String], output: &Output) -> Done {
    let places: Vec<_> = places.iter().map(|place| place::split(place)).collect::<Result<_>>()?;
    let (mut text, mut report) = (String::new(), Vec::new());
    for (name, key) in &places {
        let (lines, entry) = if key.is_empty() {
            bucket(client, name).await?
        } else {
            object(client, name, &ObjectKey::new(key)?).await?
        };
        text.push_str(&lines);
        report.push(entry);
    }
    Ok(output.answer(&text, &json!({ "places": report })))
}

async fn bucket(client: &Client, bucket: &BucketName) -> Result<(String, Value)> {
    let location = told(client.location(bucket).await)?.filter(|location| !location.is_empty());
    let versioning = told(client.versioning(bucket).await)?;
    let versioning = versioning.map(|versioning| format!("{versioning:?}").to_lowercase());
    let totals = told(client.bucket_totals(bucket).await)?.unwrap_or_default();
    let acl = told(client.bucket_acl(bucket).await)?;
    if location.is_none() && versioning.is_none() && acl.is_none() {
        // If it can be listed, this is a gateway, and its bucket.
        client.is_empty(bucket).await?;
    }
    let number = |count: Option<u64>| count.map(|count| count.to_string());
    let lines = [
        format!("s3://{bucket}/ (bucket):"),
        line("Location:", said(location.as_deref())),
        line("Versioning:", said(versioning.as_deref())),
        // radosgw's own count lags behind and counts parts of uploads; `du` lists.
        line("Objects:", said(number(totals.objects).as_deref())),
        line("Bytes:", said(number(totals.bytes).as_deref())),
        grants(acl.as_ref()),
    ];
    let entry = json!({
        "name": format!("s3://{bucket}/"), "location": location, "versioning": versioning,
        "objects": totals.objects, "bytes": totals.bytes, "acl": acl.as_ref().map(acl_json),
    });
    Ok((lines.join("\n") + "\n", entry))
}

/// An answer to a question that is beside the point, if there is one. A server may not know the question, answer another one,
/// or not answer everybody; that it cannot answer now, or that nothing is there, is an error.
fn told<T>(answer: Result<T>) -> Result<Option<T>> {
    let not_told = |error: &Error| {
        let answered =
            error.status().is_some_and(|status| !status.is_server_error() || status.as_u16() == 501);
        let may_not = matches!(error.code(), None | Some("AccessDenied" | "AllAccessDisabled"));
        match error.kind() {
            ErrorKind::Unsupported | ErrorKind::Protocol => answered,
            ErrorKind::Denied => may_not,
            _ => false,
        }
    };
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if not_told(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn said(text: Option<&str>) -> &str {
    text.unwrap_or("not said")
}

async fn object(client: &Client, bucket: &BucketName, key: &ObjectKey) -> Result<(String, Value)> {
    let info = client.find(bucket, key).await?;
    let acl = told(client.object_acl(bucket, key).await)?;
    let name = format!("s3://{bucket}/{key}");
    let content_type = if info.content_type.is_empty() { "none" } else { &info.content_type };
    let mut lines = vec![
        format!("{} (object):", printable(&name)),
        line("File size:", &info.total_bytes.to_string()),
        line("Last mod:", info.modified.as_str()),
        line("MIME type:", content_type),
        line("MD5 sum:", &info.etag),
        grants(acl.as_ref()),
    ];
    lines.extend(info.headers.iter().map(|(name, value)| line(&format!("{name}:"), value)));
    let recoded = info.recoded.iter();
    lines.extend(recoded.map(|name| line("not UTF-8:", &format!("{name}, shown as if it were ISO 8859-1"))));
    lines.extend(info.meta.iter().map(|(name, value)| line(&format!("x-amz-meta-{name}:"), value)));
    let entry = json!({
        "name": name, "size": info.total_bytes, "modified": info.modified.as_str(), "etag": info.etag,
        "content_type": info.content_type, "headers": info.headers, "meta": info.meta, "recoded": info.recoded, "acl": acl.as_ref().map(acl_json),
    });
    Ok((lines.join("\n") + "\n", entry))
}

fn line(name: &str, value: &str) -> String {
    format!("   {name:<10} {}", printable(value))
}

fn grants(acl: Option<&Acl>) -> String {
    let Some(acl) = acl else { return line("ACL:", said(None)) };
    let lines = acl.grants().iter().map(|grant| {
        let who = who(&grant.grantee);
        line("ACL:", &format!("{who}: {}", grant.permission))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn acl_json(acl: &Acl) -> Value {
    let grants = acl.grants().iter();
    grants.map(|grant| json!({ "grantee": who(&grant.grantee), "permission": grant.permission })).collect()
}

fn who(grantee: &Grantee) -> &str {
    match grantee {
        Grantee::Group(uri) if uri.ends_with("/global/AllUsers") => "*anon*",
        Grantee::User(name) | Grantee::Group(name) | Grantee::Email(name) => name,
        _ => "?",
    }
}
