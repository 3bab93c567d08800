//! `deisctl config TARGET get|set|rm`, with deisctl's meaning of a target and its keys.
//!
//! These functions return values and print nothing. Errors name keys, never values.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::etcd::{Etcd, Value};

/// The values of keys, in the order asked. If one key cannot be read, no value is returned. A directory has an empty
/// value.
pub async fn get(etcd: &Etcd, target: &str, keys: &[&str]) -> Result<Vec<Value>> {
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        let node = etcd.get(&whole_key(target, key)?).await?;
        values.push(node.value.unwrap_or_else(|| Value::new("")));
    }
    Ok(values)
}

/// Sets keys, each given as `KEY=VALUE`, and returns the values set.
///
/// The first `=` ends the key. deisctl splits at the last one, which damages every value that holds a `=` (base64, URLs
/// with a query): there `secretKey=abc==` sets a key `secretKey=abc`. An empty value is refused, as by deisctl.
///
/// Some keys hold the content of a file: `platform sshPrivateKey`, which is also base64-encoded, and `router sslCert`,
/// `sslKey` and `sslDhparam`. Their VALUE is a path, and `read_file` reads it. All files are read before the first key
/// is set.
pub async fn set(
    etcd: &Etcd,
    target: &str,
    assignments: &[&str],
    mut read_file: impl FnMut(&str) -> std::io::Result<Vec<u8>>,
) -> Result<Vec<Value>> {
    let mut keys = Vec::with_capacity(assignments.len());
    for assignment in assignments {
        let (key, text) = split(assignment)?;
        let key = whole_key(target, key)?;
        let value = match key.as_str() {
            "/deis/platform/sshPrivateKey" => BASE64_STANDARD.encode(file(&mut read_file, text)?),
            "/deis/router/sslCert" | "/deis/router/sslKey" | "/deis/router/sslDhparam" => {
                String::from_utf8(file(&mut read_file, text)?).map_err(|_| {
                    Error::new(ErrorKind::Usage, "the file is not text")
                        .at(At::Path, text)
                        .todo("give a PEM file")
                })?
            }
            _ => text.to_owned(),
        };
        keys.push((key, Value::new(value)));
    }
    for (key, value) in &keys {
        etcd.set(key, value.expose(), None).await?;
    }
    Ok(keys.into_iter().map(|(_, value)| value).collect())
}

/// Removes keys, not directories, and returns their names as given.
pub async fn rm(etcd: &Etcd, target: &str, keys: &[&str]) -> Result<Vec<String>> {
    for key in keys {
        etcd.delete(&whole_key(target, key)?).await?;
    }
    Ok(keys.iter().map(|key| (*key).to_owned()).collect())
}

fn whole_key(target: &str, key: &str) -> Result<String> {
    let empty = |text: &str| text.split('/').all(str::is_empty);
    if empty(target) || empty(key) {
        return Err(Error::new(ErrorKind::Usage, "an empty target or key")
            .todo("give it as: config router get bodySize"));
    }
    Ok(format!("/deis/{target}/{key}"))
}

fn split(assignment: &str) -> Result<(&str, &str)> {
    match assignment.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Ok((key, value)),
        // Only the key is told: the text right of the sign may be a secret.
        other => {
            let key = other.map_or("", |(key, _)| key);
            Err(Error::new(ErrorKind::Usage, "not of the form KEY=VALUE")
                .at(At::Key, key)
                .todo("give it as: config router set bodySize=100m; remove a key with rm"))
        }
    }
}

fn file(read: &mut impl FnMut(&str) -> std::io::Result<Vec<u8>>, path: &str) -> Result<Vec<u8>> {
    read(path).map_err(|error| {
        disk_error("read the file for the key's value", path, error)
            .todo("give a path: the value of this key is the content of a file")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";

    fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
        match path {
            "cert.pem" => Ok(CERTIFICATE.into()),
            "key" => Ok(b"PRIVATE KEY\n".to_vec()),
            "binary" => Ok(vec![0xff]),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    /// The keys that deisctl's recorded answers start from.
    fn preset() -> (Etcd, std::sync::Arc<Memory>) {
        let memory = Memory::with(&[
            ("/deis/store/gateway/accessKey", "AKIDEIS"),
            ("/deis/store/gateway/secretKey", "SECRETDEIS"),
            ("/deis/router/bodySize", "1m"),
            ("/deis/platform/domain", "local3.deisapp.com"),
            ("/deis/router/multi", "line1\nline2"),
            ("/deis/router/empty", ""),
        ]);
        (Etcd::new(memory.clone()), memory)
    }

    async fn texts(etcd: &Etcd, target: &str, keys: &[&str]) -> Result<Vec<String>> {
        Ok(get(etcd, target, keys).await?.iter().map(|value| value.expose().to_owned()).collect())
    }

    #[tokio::test]
    async fn get_answers_in_order_and_a_directory_with_an_empty_value() {
        let (etcd, _) = preset();
        let keys = ["gateway/accessKey", "gateway/secretKey", "gateway"];
        assert_eq!(texts(&etcd, "store", &keys).await.unwrap(), ["AKIDEIS", "SECRETDEIS", ""]);
        assert_eq!(texts(&etcd, "router", &["multi", "empty"]).await.unwrap(), ["line1\nline2", ""]);
        assert_eq!(texts(&etcd, "store", &[]).await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn get_answers_nothing_if_one_key_is_missing() {
        let (etcd, _) = preset();
        let error = get(&etcd, "store", &["gateway/accessKey", "gateway/nope"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("/deis/store/gateway/nope"), "{error}");
        assert_eq!(get(&etcd, "nope", &["x"]).await.unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[tokio::test]
    async fn set_splits_at_the_first_equals_sign() {
        let (etcd, memory) = preset();
        let set = set(&etcd, "router", &["bodySize=100m", "a=b=c", "key with space=v", "p%2Fq=v"], read_file);
        assert_eq!(set.await.unwrap().len(), 4);
        assert_eq!(memory.value("/deis/router/bodySize").unwrap(), "100m");
        assert_eq!(memory.value("/deis/router/a").unwrap(), "b=c");
        assert_eq!(memory.value("/deis/router/key with space").unwrap(), "v");
        assert_eq!(memory.value("/deis/router/p%2Fq").unwrap(), "v");
    }

    #[tokio::test]
    async fn set_refuses_what_has_no_key_or_no_value_and_then_sets_nothing() {
        for wrong in ["noequals", "x=", "=x", ""] {
            let (etcd, memory) = preset();
            let error = set(&etcd, "router", &["bodySize=100m", wrong], read_file).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert_eq!(memory.value("/deis/router/bodySize").unwrap(), "1m", "{wrong}");
        }
    }

    #[tokio::test]
    async fn a_key_of_a_file_takes_its_content_and_the_ssh_key_is_encoded() {
        let (etcd, memory) = preset();
        let values = set(&etcd, "router", &["sslCert=cert.pem", "sslKey=key"], read_file).await.unwrap();
        assert_eq!(values[0].expose(), CERTIFICATE);
        set(&etcd, "platform", &["sshPrivateKey=key"], read_file).await.unwrap();
        assert_eq!(memory.value("/deis/platform/sshPrivateKey").unwrap(), "UFJJVkFURSBLRVkK");
        let wrong = ["bodySize=100m", "sslDhparam=nope"];
        assert_eq!(set(&etcd, "router", &wrong, read_file).await.unwrap_err().kind(), ErrorKind::Disk);
        assert_eq!(memory.value("/deis/router/bodySize").unwrap(), "1m");
        let binary = set(&etcd, "router", &["sslCert=binary"], read_file).await;
        assert_eq!(binary.unwrap_err().kind(), ErrorKind::Usage);
    }

    #[tokio::test]
    async fn rm_removes_keys_and_no_directory() {
        let (etcd, memory) = preset();
        assert_eq!(rm(&etcd, "router", &["bodySize"]).await.unwrap(), ["bodySize"]);
        assert_eq!(memory.value("/deis/router/bodySize"), None);
        assert_eq!(rm(&etcd, "router", &["nope"]).await.unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(rm(&etcd, "store", &["gateway"]).await.unwrap_err().kind(), ErrorKind::Usage);
        assert_eq!(rm(&etcd, "store", &["/"]).await.unwrap_err().kind(), ErrorKind::Usage);
    }
}
