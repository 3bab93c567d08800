//! `deisctl config TARGET get|set|rm`, with deisctl's meaning of a target and its keys.
//!
//! These functions return values and print nothing. Errors name keys, never values.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use zeroize::Zeroizing;

use super::configuration_io::{GOES_ON, half_done, names as names_of};
use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::{Etcd, Value};

/// The values of keys, in the order asked. If one key cannot be read, no value is returned. A directory has an empty
/// value.
pub async fn get(etcd: &Etcd, target: &str, keys: &[&str]) -> Result<Vec<Value>> {
    let mut values = Vec::with_capacity(keys.len());
    for key in keys {
        let key = whole_key(target, key)?;
        let value = etcd.get(&key).await?.value.unwrap_or_else(|| Value::new(""));
        if value.is_mangled() {
            let what = "the value is not what is stored: it has bytes that are not UTF-8, and etcd's JSON has U+FFFD for them";
            let error = Error::new(ErrorKind::Unsupported, what).at(At::Key, &key);
            return Err(error.todo("keep it elsewhere, or store it in base64"));
        }
        values.push(value);
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
    for (index, assignment) in assignments.iter().enumerate() {
        let (key, text) = split(assignment).ok_or_else(|| no_pair(index, assignments.len()))?;
        let key = whole_key(target, key)?;
        let value = match key.as_str() {
            "/deis/platform/sshPrivateKey" => {
                Zeroizing::new(BASE64_STANDARD.encode(&*file(&mut read_file, &key, text)?))
            }
            "/deis/router/sslCert" | "/deis/router/sslKey" | "/deis/router/sslDhparam" => {
                let content = file(&mut read_file, &key, text)?;
                let content = std::str::from_utf8(&content).map_err(|_| {
                    Error::new(ErrorKind::Usage, "the file is not text")
                        .at(At::Key, &key)
                        .todo("give a PEM file")
                })?;
                Zeroizing::new(content.to_owned())
            }
            _ => Zeroizing::new(text.to_owned()),
        };
        keys.push((key, Value::new(value.as_str())));
    }
    for (done, (key, value)) in keys.iter().enumerate() {
        let set = etcd.set(key, value.expose(), None).await;
        set.map_err(|error| half_done(error, "set", &names_of(&keys), done, GOES_ON))?;
    }
    Ok(keys.into_iter().map(|(_, value)| value).collect())
}

/// Removes keys, not directories, and returns their names as given. If one of several is not there, or is a directory, none is
/// removed.
pub async fn rm(etcd: &Etcd, target: &str, keys: &[&str]) -> Result<Vec<String>> {
    let mut whole_keys: Vec<String> = Vec::with_capacity(keys.len());
    for key in keys {
        let whole = whole_key(target, key)?;
        if whole_keys.contains(&whole) {
            let error = Error::new(ErrorKind::Usage, "a key is given twice").at(At::Key, whole);
            return Err(error.todo("give each key once: nothing was removed"));
        }
        whole_keys.push(whole);
    }
    if keys.len() > 1 {
        for key in &whole_keys {
            let nothing = |error: Error| error.about("nothing was removed");
            if etcd.get(key).await.map_err(nothing)?.directory {
                let error = Error::new(ErrorKind::Usage, "the key is a directory (nothing was removed)");
                return Err(error.at(At::Key, key).todo("give a key that has a value"));
            }
        }
    }
    let names: Vec<&str> = whole_keys.iter().map(String::as_str).collect();
    // Run again as it was, it would miss those that are removed.
    let again = "run it again with those that are left alone";
    for (done, key) in names.iter().enumerate() {
        etcd.delete(key).await.map_err(|error| half_done(error, "removed", &names, done, again))?;
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

/// Key and value. A text that is a secret by mistake is seldom a key.
fn split(assignment: &str) -> Option<(&str, &str)> {
    const MOST_KEY_BYTES: usize = 255;
    let (key, value) = assignment.split_once('=')?;
    let good = !key.is_empty()
        && key.len() <= MOST_KEY_BYTES
        && !key.starts_with('-')
        && !key.contains(char::is_control)
        && !value.is_empty();
    good.then_some((key, value))
}

/// Nothing of it is repeated, since all of it may be a secret.
fn no_pair(index: usize, count: usize) -> Error {
    let what = match (index, count) {
        (_, 1) => "not of the form KEY=VALUE".to_owned(),
        (index, count) => format!("the {}. of {count} words is not of the form KEY=VALUE", index + 1),
    };
    Error::new(ErrorKind::Usage, what)
        .todo("give it as: config router set bodySize=100m, in one word; remove a key with rm")
}

/// The content of the file that a value names. What was given is not repeated: it may be the content itself.
fn file(
    read: &mut impl FnMut(&str) -> std::io::Result<Vec<u8>>,
    key: &str,
    path: &str,
) -> Result<Zeroizing<Vec<u8>>> {
    let error = |kind, what: &str, todo: &str| Error::new(kind, what).at(At::Key, key).todo(todo);
    if path.contains(char::is_control) {
        return Err(error(ErrorKind::Usage, "the value is no path of a file", GIVE_A_PATH));
    }
    let content = read(path).map(Zeroizing::new).map_err(|cause| {
        let todo = if path.starts_with('~') {
            "write the whole path: the shell has not put your home directory in place of ~"
        } else {
            GIVE_A_PATH
        };
        let kind = match cause.kind() {
            std::io::ErrorKind::InvalidInput | std::io::ErrorKind::FileTooLarge => ErrorKind::Usage,
            _ => ErrorKind::Disk,
        };
        error(kind, "the file that the value names cannot be read", todo).because(cause)
    })?;
    if content.trim_ascii().is_empty() {
        return Err(error(
            ErrorKind::Usage,
            "the file that the value names is empty",
            "look at the file: nothing was set",
        ));
    }
    Ok(content)
}

const GIVE_A_PATH: &str =
    "give the path of a file: the value of this key is the content of that file. Nothing was set";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;
    use crate::etcd::script::Script;

    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n";

    fn read_file(path: &str) -> std::io::Result<Vec<u8>> {
        match path {
            "cert.pem" => Ok(CERTIFICATE.into()),
            "key" => Ok(b"PRIVATE KEY\n".to_vec()),
            "binary" => Ok(vec![0xff]),
            "empty" => Ok(b" \n".to_vec()),
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
    async fn a_value_that_is_no_text_is_an_error_and_not_a_wrong_value() {
        let etcd = Etcd::new(Memory::with(&[("/deis/router/x", "SECRET\u{fffd}")]));
        let error = get(&etcd, "router", &["x"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("/deis/router/x") && !error.what().contains("SECRET"));
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
    async fn an_error_repeats_nothing_that_was_given_as_a_value() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIhush==\n-----END RSA PRIVATE KEY-----";
        for (target, words, says) in [
            ("router", &[&format!("sslKey={pem}")[..]][..], "no path"),
            ("router", &["sslKey=MIIhushhushhush"], "cannot be read"),
            ("platform", &["sshPrivateKey=~/.ssh/hush"], "cannot be read"),
            ("router", &[pem], "KEY=VALUE"),
            ("router", &["hush"], "KEY=VALUE"),
            ("router", &["hush="], "KEY=VALUE"),
            ("router", &["--hush=x"], "KEY=VALUE"),
            ("router", &["a=b", "=hush"], "2. of 2"),
            ("router", &["sslCert", "hush=="], "1. of 2"),
            ("router", &["sslCert=empty"], "is empty"),
            ("platform", &["sshPrivateKey=empty"], "is empty"),
        ] {
            let (etcd, memory) = preset();
            let error = set(&etcd, target, words, read_file).await.unwrap_err();
            let shown = format!("{error:?} {error} {} {}", error.what(), error.advice().unwrap());
            assert!(shown.contains(says) && !shown.contains("hush"), "{words:?}: {shown}");
            assert_eq!(memory.len(), preset().1.len(), "{words:?}: nothing is set");
        }
        let (etcd, _) = preset();
        let error = set(&etcd, "platform", &["sshPrivateKey=~/.ssh/id"], read_file).await.unwrap_err();
        assert!(error.advice().unwrap().contains("in place of ~"), "{:?}", error.advice());
    }

    #[tokio::test]
    async fn rm_removes_nothing_if_one_of_the_keys_is_not_there_or_is_a_directory() {
        for (wrong, kind) in [
            (&["bodySize", "nope"][..], ErrorKind::NotFound),
            (&["bodySize", "../store"], ErrorKind::Usage),
            (&["bodySize", "bodySize"], ErrorKind::Usage),
            (&["bodySize", ""], ErrorKind::Usage),
        ] {
            let (etcd, memory) = preset();
            let error = rm(&etcd, "router", wrong).await.unwrap_err();
            assert_eq!(error.kind(), kind, "{wrong:?}");
            assert_eq!(memory.len(), preset().1.len(), "{wrong:?}: nothing is removed");
        }
        let (etcd, memory) = preset();
        let error = rm(&etcd, "store", &["gateway/accessKey", "gateway"]).await.unwrap_err();
        assert!(error.to_string().contains("nothing was removed"), "{error}");
        assert!(memory.value("/deis/store/gateway/accessKey").is_some());
    }

    #[tokio::test]
    async fn keys_of_which_one_fails_are_named_with_what_was_done_before() {
        let answer = |action: &str, key: &str| {
            let body =
                format!(r#"{{"action":"{action}","node":{{"key":"/deis/router/{key}","value":"hush"}}}}"#);
            Ok((200, None, body))
        };
        let denied = || Ok((401, None, r#"{"errorCode":110,"cause":"hush"}"#.to_owned()));
        let script = [answer("get", "a"), answer("get", "b"), answer("delete", "a"), denied()];
        let removed = rm(&Etcd::new(Script::new(script)), "router", &["a", "b"]).await.unwrap_err();
        assert!(removed.to_string().contains("1 of 2 keys were removed: /deis/router/a"), "{removed}");
        assert!(removed.advice().unwrap().contains("those that are left"), "{:?}", removed.advice());
        let script = Script::new([answer("set", "a"), denied()]);
        let half = set(&Etcd::new(script), "router", &["a=hush", "b=hush", "c=hush"], read_file).await;
        let half = half.unwrap_err();
        let text = half.to_string();
        assert!(text.contains("1 of 3 keys were set: /deis/router/a; not yet: /deis/router/c"), "{text}");
        assert!(!format!("{half:?}").contains("hush"), "{half:?}");
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
