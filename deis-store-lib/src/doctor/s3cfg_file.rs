//! The configuration for s3cmd that is left, as one of the checks.

use std::path::Path;

use super::check::{Check, failed, good, unknown};
use crate::s3cfg_file;
use crate::secret::Credentials;

const NAME: &str = "s3cfg";

/// Writes it.
pub(super) async fn check(
    path: &Path,
    gateway: Option<&String>,
    credentials: Option<&Credentials>,
    tunnelled: bool,
) -> Check {
    let (Some(gateway), Some(credentials)) = (gateway, credentials) else {
        let why = "nothing was written, since no gateway or no keys are known";
        return unknown(NAME, why, "mend what is said of them, then run this again");
    };
    match s3cfg_file::write(path, gateway, credentials).await {
        Ok(()) => {
            let from = if tunnelled {
                "; that is its address as seen from the cluster: s3cmd works where it can be reached"
            } else {
                ""
            };
            good(NAME, format!("{} was written for s3cmd at {gateway}{from}", path.display()))
        }
        Err(error) => failed(NAME, &error, "name another file"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::doctor::State;
    use crate::error::ErrorKind;
    use crate::s3::s3cfg::S3Cfg;
    use crate::s3cfg_file::require_free;

    #[tokio::test]
    async fn it_is_written_for_its_owner_alone_and_never_over_a_file_that_is_there() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("new.s3cfg");
        let (gateway, keys) = ("http://10.0.0.1:8888".to_owned(), Credentials::new("AKDEIS", "SECRET/+="));
        require_free(&path).unwrap();
        let check_it = || check(&path, Some(&gateway), Some(&keys), true);
        let done = check_it().await;
        assert!(done.state == State::Good && done.what.contains("seen from the cluster"), "{done:?}");
        let text = std::fs::read_to_string(&path).unwrap();
        let read = S3Cfg::parse(&text).unwrap();
        assert_eq!(read.endpoint.as_deref(), Some("http://10.0.0.1:8888"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
        // Also one that came after the first look is left as it is.
        std::fs::write(&path, "mine").unwrap();
        assert_eq!(require_free(&path).unwrap_err().kind(), ErrorKind::Occupied);
        let refused = check_it().await;
        assert_eq!(refused.state, State::Bad);
        assert!(!format!("{done:?}{refused:?}").contains("SECRET"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        assert_eq!(std::fs::read_dir(place.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn without_a_gateway_or_keys_nothing_is_written() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x");
        let nothing = check(&path, None, Some(&Credentials::new("AK", "SK")), false).await;
        assert!(nothing.state == State::Unknown && !path.exists());
        assert_eq!(require_free(&place.path().join("..")).unwrap_err().kind(), ErrorKind::Occupied);
    }
}
