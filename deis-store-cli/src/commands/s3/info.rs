//! `info`: what is stored with buckets and objects.

use deis_store::Result;
use deis_store::error::printable;
use deis_store::s3::op::{Acl, Grantee};
use deis_store::s3::{BucketName, Client, ObjectKey};
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
    let location = client.location(bucket).await?;
    let versioning = format!("{:?}", client.versioning(bucket).await?).to_lowercase();
    let totals = client.bucket_totals(bucket).await?;
    let acl = client.bucket_acl(bucket).await?;
    let number = |count: Option<u64>| count.map_or_else(|| "not said".to_owned(), |count| count.to_string());
    let lines = [
        format!("s3://{bucket}/ (bucket):"),
        line("Location:", if location.is_empty() { "default" } else { &location }),
        line("Versioning:", &versioning),
        // radosgw's own count lags behind and counts parts of uploads; `du` lists.
        line("Objects:", &number(totals.objects)),
        line("Bytes:", &number(totals.bytes)),
        grants(&acl),
    ];
    let entry = json!({
        "name": format!("s3://{bucket}/"), "location": location, "versioning": versioning,
        "objects": totals.objects, "bytes": totals.bytes, "acl": acl_json(&acl),
    });
    Ok((lines.join("\n") + "\n", entry))
}

async fn object(client: &Client, bucket: &BucketName, key: &ObjectKey) -> Result<(String, Value)> {
    let info = client.find(bucket, key).await?;
    let acl = client.object_acl(bucket, key).await?;
    let name = format!("s3://{bucket}/{key}");
    let content_type = if info.content_type.is_empty() { "none" } else { &info.content_type };
    let mut lines = vec![
        format!("{} (object):", printable(&name)),
        line("File size:", &info.total_bytes.to_string()),
        line("Last mod:", info.modified.as_str()),
        line("MIME type:", content_type),
        line("MD5 sum:", &info.etag),
        grants(&acl),
    ];
    lines.extend(info.headers.iter().map(|(name, value)| line(&format!("{name}:"), value)));
    let recoded = info.recoded.iter();
    lines.extend(recoded.map(|name| line("not UTF-8:", &format!("{name}, shown as if it were ISO 8859-1"))));
    lines.extend(info.meta.iter().map(|(name, value)| line(&format!("x-amz-meta-{name}:"), value)));
    let entry = json!({
        "name": name, "size": info.total_bytes, "modified": info.modified.as_str(), "etag": info.etag,
        "content_type": info.content_type, "headers": info.headers, "meta": info.meta, "recoded": info.recoded, "acl": acl_json(&acl),
    });
    Ok((lines.join("\n") + "\n", entry))
}

fn line(name: &str, value: &str) -> String {
    format!("   {name:<10} {}", printable(value))
}

fn grants(acl: &Acl) -> String {
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
