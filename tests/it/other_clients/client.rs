//! Each of the other clients, as a writer and a reader of objects.

use std::path::Path;
use std::process::Command;

use deis_store_tests::environment::Environment;
use serde_json::Value;

use super::{Object, run, script};
use crate::peers::rclone_at;
use crate::s3cmd::S3cmd;

/// Another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Client {
    Boto3,
    Boto,
    Libs3,
    Rclone,
    S3cmd,
}

impl Client {
    pub(super) const ALL: [Self; 5] = [Self::Boto3, Self::Boto, Self::Libs3, Self::Rclone, Self::S3cmd];

    /// A bucket for its objects.
    pub(super) fn bucket(self) -> String {
        format!("written-by-{}", format!("{self:?}").to_lowercase())
    }

    /// Writes an object with the bytes of a file.
    pub(super) fn write(self, cluster: &Environment, object: &Object, file: &Path) {
        let (bucket, path) = (self.bucket(), file.to_str().unwrap());
        match self {
            Self::Boto3 | Self::Boto => drop(self.scripted(cluster, "write", &bucket, object, file)),
            Self::Libs3 => {
                let mut arguments = vec!["put".to_owned(), format!("{bucket}/{}", object.key)];
                arguments.push(format!("filename={path}"));
                if let Some(content_type) = object.content_type {
                    arguments
                        .extend([format!("contentType={content_type}"), "cacheControl=max-age=7".to_owned()]);
                }
                arguments
                    .extend(object.meta.iter().map(|(name, value)| format!("x-amz-meta-{name}={value}")));
                libs3(cluster, &arguments);
            }
            Self::Rclone => {
                let target = format!("peer:{bucket}/{}", object.key);
                let part_size = format!("{}B", object.parts[0].max(5 << 20));
                let mut arguments = vec!["copyto", "--s3-chunk-size", &part_size, path, &target];
                if object.in_parts {
                    arguments.extend(["--s3-upload-cutoff", "5Mi"]);
                }
                let headers: Vec<String> = headers(object).collect();
                arguments.extend(headers.iter().flat_map(|header| ["--header-upload", header]));
                rclone(cluster, &arguments);
            }
            Self::S3cmd => {
                let target = format!("s3://{bucket}/{}", object.key);
                let headers: Vec<String> =
                    headers(object).filter(|header| !header.starts_with("Content-Type")).collect();
                let mut arguments = vec!["put", path, &target];
                arguments.extend(object.content_type.iter().flat_map(|content_type| ["-m", content_type]));
                arguments.extend(headers.iter().flat_map(|header| ["--add-header", header]));
                let part_size = format!("--multipart-chunk-size-mb={}", (object.parts[0] >> 20).max(5));
                arguments.push(&part_size);
                S3cmd::new(cluster).run(&arguments);
            }
        }
    }

    /// Reads an object into a file, and what is stored with it if that can be asked for.
    pub(super) fn read(
        self,
        cluster: &Environment,
        bucket: &str,
        object: &Object,
        file: &Path,
    ) -> Option<Value> {
        let path = file.to_str().unwrap();
        match self {
            Self::Boto3 | Self::Boto => return Some(self.scripted(cluster, "read", bucket, object, file)),
            Self::Libs3 => {
                let arguments =
                    ["get".to_owned(), format!("{bucket}/{}", object.key), format!("filename={path}")];
                libs3(cluster, &arguments);
            }
            Self::Rclone => {
                rclone(cluster, &["copyto", &format!("peer:{bucket}/{}", object.key), path]);
            }
            Self::S3cmd => {
                S3cmd::new(cluster).run(&["get", "--force", &format!("s3://{bucket}/{}", object.key), path]);
            }
        }
        None
    }

    fn scripted(
        self,
        cluster: &Environment,
        word: &str,
        bucket: &str,
        object: &Object,
        file: &Path,
    ) -> Value {
        let (python, text) = if self == Self::Boto3 {
            (("DEIS_STORE_TESTS_BOTO3", "boto3"), include_str!("with_boto3.py"))
        } else {
            (("DEIS_STORE_TESTS_WAL_E", "wal-e"), include_str!("with_boto.py"))
        };
        let arguments = [word, cluster.gateway_address().unwrap(), bucket];
        let command = script(cluster, python, text, &arguments);
        let answer: Value =
            serde_json::from_str(&run(command, &Value::from(vec![object.json(file)]).to_string())).unwrap();
        answer[0].clone()
    }
}

/// The headers of an object, as `NAME: VALUE`.
fn headers(object: &Object) -> impl Iterator<Item = String> {
    let content_type = object.content_type.into_iter();
    let fixed = content_type
        .flat_map(|kind| [format!("Content-Type: {kind}"), "Cache-Control: max-age=7".to_owned()]);
    fixed.chain(object.meta.iter().map(|(name, value)| format!("x-amz-meta-{name}: {value}")))
}

fn libs3(cluster: &Environment, arguments: &[String]) {
    let mut command = Command::new("s3");
    command.env_clear().env("S3_ACCESS_KEY_ID", &cluster.access_key);
    command.env("S3_SECRET_ACCESS_KEY", &cluster.secret_key);
    command.env("S3_HOSTNAME", cluster.gateway_address().unwrap());
    command.args(["-u", "-r", "0"]).args(arguments);
    run(command, "");
}

fn rclone(cluster: &Environment, arguments: &[&str]) {
    let keys = (&cluster.access_key[..], &cluster.secret_key[..]);
    rclone_at(&cluster.gateways[0], keys, arguments);
}
