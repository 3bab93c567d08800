//! `deis-store s3 …`: s3cmd's words on buckets and objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deis_store::disk::Root;
use deis_store::error::{disk_error, printable};
use deis_store::mirror::{ToPush, fetch, upload};
use deis_store::monitor::Run;
use deis_store::s3::op::{ListObjects, ListedObject};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::Done;
use crate::args::{Global, S3Action};
use crate::exit::Exit;
use crate::output::Output;
use crate::settings;

pub(super) async fn run(global: &Global, action: &S3Action, output: &Output, run: &Run) -> Done {
    let cluster = settings::cluster(global, run).await?;
    let client = &cluster.s3;
    match action {
        S3Action::Mb { buckets } => make_buckets(client, buckets, output).await,
        S3Action::Ls { place: None, .. } => list_buckets(client, output).await,
        S3Action::Ls { place: Some(place), recursive } => list(client, place, *recursive, output).await,
        S3Action::Put { file, place, mime_type } => put(client, file, place, mime_type.clone(), output).await,
        S3Action::Get { place, file, force } => get(client, place, file.as_deref(), *force, output).await,
        S3Action::Del { places } => delete(client, places, output).await,
        S3Action::Sync(args) => super::sync::run(client, args, output, run).await,
    }
}

async fn make_buckets(client: &Client, places: &[String], output: &Output) -> Done {
    let mut text = String::new();
    for place in places {
        let (bucket, key) = split(place)?;
        if !key.is_empty() {
            return Err(usage("a bucket has no key", place));
        }
        client.create_bucket(&bucket).await?;
        text.push_str(&format!("Bucket 's3://{bucket}/' created\n"));
    }
    Ok(output.answer(&text, &json!({ "created": places })))
}

async fn list_buckets(client: &Client, output: &Output) -> Done {
    let buckets = client.buckets().await?;
    let lines: String = buckets
        .iter()
        .map(|bucket| format!("{}  s3://{}\n", minute(&bucket.created), printable(&bucket.name)))
        .collect();
    let report: Vec<Value> =
        buckets.iter().map(|bucket| json!({ "name": bucket.name, "created": bucket.created })).collect();
    Ok(output.answer(&lines, &json!({ "buckets": report })))
}

/// Lists page by page, so that memory does not grow with the bucket; as one JSON object it must.
async fn list(client: &Client, place: &str, recursive: bool, output: &Output) -> Done {
    let (bucket, prefix) = split(place)?;
    let delimiter = (!recursive).then_some("/");
    let mut marker = String::new();
    let (mut objects, mut prefixes) = (Vec::new(), Vec::new());
    loop {
        let page =
            ListObjects { bucket: &bucket, prefix: &prefix, marker: &marker, delimiter, max_keys: 1000 };
        let page = client.page(&page).await?;
        if output.is_json() {
            objects.extend(page.objects.iter().map(as_json));
            prefixes.extend(page.prefixes);
        } else {
            let folded = page
                .prefixes
                .iter()
                .map(|prefix| format!("{:>29}  s3://{bucket}/{}\n", "DIR", printable(prefix)));
            let listed = page.objects.iter().map(|object| {
                let (modified, key) = (minute(&object.modified), printable(&object.key));
                format!("{modified} {:>12}  s3://{bucket}/{key}\n", object.size_bytes)
            });
            if !Output::lines(&folded.chain(listed).collect::<String>()) {
                return Ok(Exit::Failed);
            }
        }
        match page.next {
            Some(next) => marker = next,
            None => return Ok(output.answer("", &json!({ "objects": objects, "prefixes": prefixes }))),
        }
    }
}

fn as_json(object: &ListedObject) -> Value {
    json!({ "key": object.key, "size": object.size_bytes, "etag": object.etag, "modified": object.modified })
}

async fn put(
    client: &Client,
    path: &Path,
    place: &str,
    content_type: Option<String>,
    output: &Output,
) -> Done {
    let (bucket, mut key) = split(place)?;
    if key.is_empty() || key.ends_with('/') {
        let name = path.file_name().and_then(|name| name.to_str());
        key.push_str(name.ok_or_else(|| usage("the file's name cannot be a key: give the key", place))?);
    }
    let failed = |error: std::io::Error| disk_error("read the file", path.display(), error);
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        return Err(usage("not a regular file", &path.display().to_string()));
    }
    let (size_bytes, opened) = (metadata.len(), path.to_owned());
    let file = ToPush {
        key: key.clone(),
        open: Box::new(move || {
            std::fs::File::open(&opened).map_err(|error| disk_error("read the file", opened.display(), error))
        }),
        size_bytes,
        sha256: None,
        content_type,
        headers: BTreeMap::new(),
        meta: BTreeMap::new(),
        part_size_bytes: None,
        in_one: false,
    };
    upload(client, &bucket, file, false).await?;
    let text =
        format!("upload: '{}' -> 's3://{bucket}/{}' ({size_bytes} bytes)\n", path.display(), printable(&key));
    Ok(output.answer(&text, &json!({ "bucket": bucket.as_str(), "key": key, "size": size_bytes })))
}

async fn get(client: &Client, place: &str, file: Option<&Path>, force: bool, output: &Output) -> Done {
    let (bucket, key) = object(place)?;
    let path = target(&key, file, place)?;
    if path.symlink_metadata().is_ok() && !force {
        let error = Error::new(ErrorKind::Guard, "the file is there already").at("path", path.display());
        return Err(error.todo("add --force to replace it, or name another one"));
    }
    let name =
        path.file_name().and_then(|name| name.to_str()).ok_or_else(|| usage("not a file's name", place))?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let (root, name) = (Root::open(parent)?, name.to_owned());
    let stored = fetch(client, &bucket, &key, 0o600, move |_, _| root.new_file(&[name])).await?;
    let (size, path) = (stored.size_bytes, path.display().to_string());
    let text = format!("download: 's3://{bucket}/{}' -> '{path}' ({size} bytes)\n", printable(key.as_str()));
    let checked = stored.checked.to_string();
    Ok(output.answer(&text, &json!({ "path": path, "size": size, "checked": checked })))
}

/// Where an object goes: the file named, or the key's last part in the directory named or here.
fn target(key: &ObjectKey, file: Option<&Path>, place: &str) -> Result<PathBuf> {
    let directory = match file {
        Some(file) if !file.is_dir() => return Ok(file.to_owned()),
        Some(directory) => directory.to_owned(),
        None => PathBuf::new(),
    };
    match key.as_str().rsplit('/').next() {
        Some(name) if !["", ".", ".."].contains(&name) => Ok(directory.join(name)),
        _ => Err(usage("the key's last part is no file name: name the file", place)),
    }
}

async fn delete(client: &Client, places: &[String], output: &Output) -> Done {
    let places: Vec<_> = places.iter().map(|place| object(place)).collect::<Result<_>>()?;
    let mut text = String::new();
    for (bucket, key) in &places {
        client.delete(bucket, key).await?;
        text.push_str(&format!("delete: 's3://{bucket}/{}'\n", printable(key.as_str())));
    }
    let keys: Vec<String> = places.iter().map(|(bucket, key)| format!("s3://{bucket}/{key}")).collect();
    Ok(output.answer(&text, &json!({ "deleted": keys })))
}

/// `s3://BUCKET[/KEY]` in its two parts.
pub(super) fn split(place: &str) -> Result<(BucketName, String)> {
    let rest = place.strip_prefix("s3://").ok_or_else(|| usage("not of the form s3://BUCKET/KEY", place))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((BucketName::new(bucket)?, key.to_owned()))
}

fn object(place: &str) -> Result<(BucketName, ObjectKey)> {
    let (bucket, key) = split(place)?;
    if key.is_empty() {
        return Err(usage("no key is given", place));
    }
    Ok((bucket, ObjectKey::new(key)?))
}

fn usage(what: &str, given: &str) -> Error {
    Error::new(ErrorKind::Usage, what).at("argument", given)
}

/// `2026-11-22T06:38:30.123Z` as s3cmd shows it: `2026-11-22 06:38`.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}
