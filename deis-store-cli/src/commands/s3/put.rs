//! `put`: files, directories or standard input into objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deis_store::error::{At, printable};
use deis_store::outcome::{Each, Fate, KeyOutcome, Outcome};
use deis_store::run::{Run, TaskKind};
use deis_store::s3::client::{UploadOptions, cut_into_parts};
use deis_store::s3::op::InitiateUpload;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::sync::{ContentTypes, UploadFiles, UploadFilesOptions};
use deis_store::{Error, ErrorKind};
use serde_json::json;

use super::super::Done;
use super::place::{directory, refuse_swapped, split, usage};
use super::tally::Tally;
use super::{is_stdin, shown};
use crate::args::Below;
use crate::output::Output;

/// The size of standard input is unknown: 10,000 of these parts are 312 GiB.
const PART_BYTES: usize = 32 << 20;

pub(super) async fn put(
    client: &Client,
    files: &[PathBuf],
    place: &str,
    types: &ContentTypes,
    options: &Below,
    output: &Output,
    run: &Run,
) -> Done {
    refuse_swapped(files, place)?;
    if is_stdin(files) {
        if files.len() > 1 || options.dry_run {
            return Err(usage("standard input goes alone, and without --dry-run", "-"));
        }
        if is_closed_stdin() {
            let error = Error::new(ErrorKind::Usage, "standard input is closed: there is nothing to store");
            return Err(error.todo("give it something to read; for an empty object: < /dev/null"));
        }
        let _task = run.begin(None, TaskKind::Transfer, "put");
        let done = from_stdin(client, place, types.otherwise.as_deref(), output).await?;
        return Ok(done);
    }
    let several = options.recursive || files.len() > 1;
    let (bucket, prefix) = if several { directory(place)? } else { split(place)? };
    let only = !options.recursive && files.len() == 1;
    let mut tally = Tally::new("uploaded", options.dry_run, output);
    let mut report = json!({ "bucket": bucket.as_str() });
    let each = Each::new(|uploaded: KeyOutcome| {
        tell(&bucket, &uploaded, &mut tally);
        if only {
            let size = is_stored(&uploaded).then_some(uploaded.size_bytes);
            report = json!({ "bucket": bucket.as_str(), "key": uploaded.key, "size": size });
        }
        Ok(())
    });
    let how = UploadFilesOptions {
        recursive: options.recursive,
        globs: options.patterns.globs()?,
        content_types: types.clone(),
        dry_run: options.dry_run,
        each,
    };
    let upload =
        UploadFiles { client: client.clone(), files: files.to_vec(), bucket: bucket.clone(), prefix };
    upload.run(&how, run).await?;
    drop(how);
    Ok(tally.finish(report))
}

fn tell(bucket: &BucketName, uploaded: &KeyOutcome, tally: &mut Tally<'_>) {
    let (name, path) = (format!("s3://{bucket}/{}", uploaded.key), shown(uploaded.path.as_deref()));
    match &uploaded.fate {
        Fate::Source(Outcome::Refused(why)) => tally.failed(&path, "refused", why),
        Fate::Source(Outcome::Failed(why)) => tally.failed(&name, "failed", why),
        _ => {
            let (key, size) = (&uploaded.key, uploaded.size_bytes);
            let line = format!("upload: '{}' -> '{}' ({size} bytes)", printable(&path), printable(&name));
            tally.done(&line, size, || json!({ "path": path, "key": key, "size": size }));
        }
    }
}

fn is_stored(uploaded: &KeyOutcome) -> bool {
    matches!(&uploaded.fate, Fate::Source(outcome) if outcome.is_on_disk())
}

/// Whether the program was started without a standard input. Rust's runtime then opens `/dev/null` in its place, to read and
/// to write, which a shell's `< /dev/null` does not.
fn is_closed_stdin() -> bool {
    let is_null = std::fs::read_link("/proc/self/fd/0").is_ok_and(|target| target == Path::new("/dev/null"));
    let info = std::fs::read_to_string("/proc/self/fdinfo/0").unwrap_or_default();
    is_null && access_mode(&info) == Some(O_RDWR)
}

const O_RDWR: u32 = 2;

/// How a file was opened, from the kernel's words on it.
fn access_mode(info: &str) -> Option<u32> {
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"))?;
    u32::from_str_radix(flags.trim(), 8).ok().map(|flags| flags & 3)
}

async fn from_stdin(client: &Client, place: &str, content_type: Option<&str>, output: &Output) -> Done {
    let (bucket, key) = split(place)?;
    if key.is_empty() || key.ends_with('/') {
        let error = Error::new(ErrorKind::Usage, "standard input has no name").at(At::Argument, place);
        return Err(error.todo("give the key"));
    }
    let key = ObjectKey::new(key)?;
    let begin = InitiateUpload::new(&bucket, &key, content_type, &BTreeMap::new(), &BTreeMap::new())?;
    let parts = cut_into_parts(tokio::io::stdin(), PART_BYTES);
    let uploaded = client.upload(&begin, parts, &UploadOptions::default()).await?;
    let (name, size) = (format!("s3://{bucket}/{key}"), uploaded.size_bytes);
    let text = format!("upload: '<stdin>' -> '{}' ({size} bytes)\n", printable(&name));
    Ok(output.answer(&text, &json!({ "bucket": bucket.as_str(), "key": key.as_str(), "size": size })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_file_was_opened_is_read_from_the_kernels_words() {
        assert_eq!(access_mode("pos:\t0\nflags:\t0100002\nmnt_id:\t26\n"), Some(O_RDWR));
        assert_eq!(access_mode("pos:\t0\nflags:\t0100000\nmnt_id:\t26\n"), Some(0));
        assert_eq!(access_mode(""), None);
    }
}
