//! The meaning of etcd's errors, and the advice for each. Pure.
//!
//! Only the number of etcd's own error is read. Its `cause` can be any text, and holds values.

use serde::Deserialize;

use crate::error::{Error, ErrorKind};

#[derive(Deserialize)]
struct Body {
    #[serde(rename = "errorCode")]
    code: u16,
}

/// The error of an answer that is not a success.
pub(super) fn error(status: u16, body: &[u8]) -> Error {
    match serde_json::from_slice::<Body>(body) {
        Ok(Body { code }) => of_code(code),
        Err(_) => of_status(status),
    }
}

fn of_code(code: u16) -> Error {
    let (kind, what, todo) = match code {
        100 => {
            (ErrorKind::NotFound, "etcd has no such key", "check the key, and that this is the right cluster")
        }
        401 | 110 => {
            (ErrorKind::Denied, "etcd does not allow this", "use an etcd address without authentication")
        }
        101 => {
            (ErrorKind::Changed, "the key has changed in the meantime", "look at the key, then run it again")
        }
        105 => {
            (ErrorKind::Occupied, "the key exists already", "look at the key; remove it if nothing needs it")
        }
        102 => (ErrorKind::Usage, "the key is a directory", "give a key that has a value"),
        104 => (ErrorKind::Usage, "a part of the key is a value, not a directory", "correct the key"),
        107 => (ErrorKind::Usage, "etcd's root is read-only", "give a key below the root"),
        108 => (ErrorKind::Usage, "the directory is not empty", "remove the keys in it first"),
        300..=399 => (
            ErrorKind::NotReady,
            "etcd has no leader or cannot reach its members",
            "wait for etcd to recover; on a host: etcdctl cluster-health",
        ),
        _ => (ErrorKind::Protocol, "etcd refused the request", "look the number up in etcd's errorcode.md"),
    };
    Error::new(kind, format!("{what} (etcd's error {code})")).todo(todo)
}

fn of_status(status: u16) -> Error {
    let (kind, what, todo) = match status {
        401 | 403 => (ErrorKind::Denied, "access to etcd is refused", "check the proxies in front of etcd"),
        404 => (
            ErrorKind::Protocol,
            "the server at this address has no v2 keys API",
            "check that the address is etcd's; etcd 3.4 and later needs --enable-v2",
        ),
        500.. => (ErrorKind::NotReady, "etcd is not ready", "wait for etcd to recover, then run it again"),
        _ => (
            ErrorKind::Protocol,
            "the answer does not come from etcd",
            "check that the address is etcd's client address",
        ),
    };
    Error::new(kind, format!("{what} (status {status})")).todo(todo)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(code: u16) -> ErrorKind {
        let body = format!(r#"{{"errorCode":{code},"message":"m","cause":"[SECRET != x]","index":6}}"#);
        let error = error(400, body.as_bytes());
        assert!(!format!("{error:?}").contains("SECRET"), "a cause holds values");
        assert!(error.advice().is_some());
        error.kind()
    }

    #[test]
    fn every_code_has_its_kind_and_shows_no_cause() {
        for (codes, expected) in [
            (&[100][..], ErrorKind::NotFound),
            (&[110, 401], ErrorKind::Denied),
            (&[101], ErrorKind::Changed),
            (&[105], ErrorKind::Occupied),
            (&[102, 104, 107, 108], ErrorKind::Usage),
            (&[300, 301], ErrorKind::NotReady),
            (&[203, 999], ErrorKind::Protocol),
        ] {
            for &code in codes {
                assert_eq!(kind(code), expected, "{code}");
            }
        }
    }

    #[test]
    fn an_answer_that_is_not_json_is_judged_by_its_status() {
        assert_eq!(error(404, b"404 page not found").kind(), ErrorKind::Protocol);
        assert_eq!(error(503, b"<html>").kind(), ErrorKind::NotReady);
        assert_eq!(error(418, b"").kind(), ErrorKind::Protocol);
    }
}
