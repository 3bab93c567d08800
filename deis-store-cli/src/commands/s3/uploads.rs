//! `listmp`, `abortmp`, and `signurl`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deis_store::Result;
use deis_store::error::printable;
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::op::GetObject;
use serde_json::{Value, json};

use super::super::Done;
use super::place::{object, split, usage};
use crate::output::Output;

pub(super) async fn list(client: &Client, place: &str, output: &Output) -> Done {
    let (bucket, prefix) = split(place)?;
    let uploads = client.uploads(&bucket, &prefix).await?;
    let mut text = "Initiated\tPath\tId\n".to_owned();
    for upload in &uploads {
        let name = format!("s3://{bucket}/{}", upload.key);
        text.push_str(&format!(
            "{}\t{}\t{}\n",
            printable(upload.initiated.as_str()),
            printable(&name),
            printable(&upload.upload_id)
        ));
    }
    let entry = |upload: &deis_store::s3::op::ListedUpload| json!({ "key": upload.key, "id": upload.upload_id, "initiated": upload.initiated.as_str() });
    let report: Vec<Value> = uploads.iter().map(entry).collect();
    Ok(output.answer(&text, &json!({ "uploads": report })))
}

pub(super) async fn abort(client: &Client, place: &str, id: &str, output: &Output) -> Done {
    let (bucket, key) = object(place)?;
    client.abort_upload(&bucket, &key, id).await?;
    let name = format!("s3://{bucket}/{key}");
    Ok(output.answer(&format!("{}\n", printable(&name)), &json!({ "aborted": name, "id": id })))
}

pub(super) fn sign(client: &Client, place: &str, until: &str, output: &Output, run: &Run) -> Done {
    let (bucket, key) = object(place)?;
    let expires = time(until, run.clock.now())?;
    let url = client.presigned(&GetObject::new(&bucket, &key).request(), expires)?;
    let seconds = expires.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    Ok(output.answer(&format!("{url}\n"), &json!({ "url": url, "expires": seconds })))
}

/// `+SECONDS` from now, or a time in seconds since 1970 that has not passed.
fn time(text: &str, now: SystemTime) -> Result<SystemTime> {
    let wrong = || usage("not a time", text).todo("say +SECONDS from now, or seconds since 1970");
    let (from, number) = match text.strip_prefix('+') {
        Some(number) => (now, number),
        None => (UNIX_EPOCH, text),
    };
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let seconds = number.parse().map_err(|_| wrong())?;
    let expires = from.checked_add(Duration::from_secs(seconds)).ok_or_else(wrong)?;
    if expires <= now {
        return Err(usage("this time has passed", text).todo("say +SECONDS from now, or a later time"));
    }
    Ok(expires)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_from_now_or_since_1970_and_has_not_passed() {
        let at = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
        let now = at(1000);
        assert_eq!(time("+60", now).unwrap(), at(1060));
        assert_eq!(time("1060", now).unwrap(), at(1060));
        for wrong in ["", "+", "60", "1000", "+0", "++5", "-5", "tomorrow", "99999999999999999999"] {
            assert!(time(wrong, now).is_err(), "{wrong}");
        }
    }
}
