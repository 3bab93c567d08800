//! Every option that s3cmd 2.3 knows, and what becomes of it here. Pure.
//!
//! One rule: an option that is set, changes what a command means and is not heeded is named; where ignoring it would cost
//! secrecy or data, the file is refused.

/// An option of s3cmd's.
pub(super) struct KnownOption {
    pub(super) name: &'static str,
    pub(super) values: Values,
    pub(super) heed: Heed,
}

/// The values that an option takes, and the one that it has if it is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Values {
    /// Yes or no.
    YesOrNo(bool),
    /// A whole number; any of these is the same as none.
    Number(&'static [i64]),
    /// A text; any of these is the same as none.
    Text(&'static [&'static str]),
}

/// What becomes of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heed {
    /// It is done.
    Heeded,
    /// It changes nothing that our commands mean.
    Indifferent,
    /// It is not done, and that is said: this is done in its place.
    Named(&'static str),
    /// It is not done, and the file is refused: this would happen.
    Refused(&'static str),
}

use Heed::{Heeded, Indifferent, Named, Refused};
use Values::{Number, Text, YesOrNo};

const YES: Values = YesOrNo(true);
const NO: Values = YesOrNo(false);
const TEXT: Values = Text(&[]);
const NUMBER: Values = Number(&[]);
/// -1 is s3cmd's word for no limit, and 0 is taken for one.
const LIMIT: Values = Number(&[-1, 0]);

const fn option(name: &'static str, values: Values, heed: Heed) -> KnownOption {
    KnownOption { name, values, heed }
}

/// All of them, sorted by name.
pub(super) const OPTIONS: &[KnownOption] = &[
    option("access_key", TEXT, Heeded),
    option("access_token", TEXT, Refused("requests would go without it")),
    option("acl_public", NO, Named("objects are stored as private")),
    option("add_encoding_exts", TEXT, Named("no Content-Encoding is stored")),
    option("add_headers", TEXT, Refused("objects would be stored without these headers")),
    option("bucket_location", Text(&["US"]), Named("the gateway chooses where a bucket is")),
    option("ca_certs_file", TEXT, Heeded),
    option("cache_file", TEXT, Indifferent),
    option("check_ssl_certificate", YES, Heeded),
    option("check_ssl_hostname", YES, Named("the name in a certificate is checked all the same")),
    option("cloudfront_host", TEXT, Indifferent),
    option("cloudfront_resource", TEXT, Indifferent),
    option("connection_max_age", NUMBER, Indifferent),
    option("connection_pooling", YES, Indifferent),
    option("content_disposition", TEXT, Named("a signed URL says nothing of it")),
    option("content_type", TEXT, Named("a signed URL says nothing of it")),
    option("default_mime_type", TEXT, Heeded),
    option("delay_updates", NO, Indifferent),
    // It is always so.
    option("delete_after", NO, Indifferent),
    option("delete_after_fetch", NO, Named("no object is deleted when it has come")),
    option("delete_removed", NO, Named("sync deletes only with --delete-removed")),
    option("dry_run", NO, Refused("everything would be done")),
    option("enable_multipart", YES, Named("big files go in parts all the same")),
    // ASCII is a part of UTF-8; s3cmd writes it down where it was configured without a locale.
    option(
        "encoding",
        Text(&["UTF-8", "utf-8", "UTF8", "utf8", "ANSI_X3.4-1968", "US-ASCII", "ascii"]),
        Named("names are UTF-8"),
    ),
    option("encrypt", NO, Refused("files would be stored without encryption")),
    option("expiry_date", TEXT, Indifferent),
    option("expiry_days", TEXT, Indifferent),
    option("expiry_prefix", TEXT, Indifferent),
    option("follow_symlinks", NO, Named("symlinks are refused by name")),
    option("force", NO, Named("nothing is replaced without --force")),
    option("get_continue", NO, Named("a file that is there is replaced or left")),
    // Without encryption these do nothing.
    option("gpg_command", TEXT, Indifferent),
    option("gpg_decrypt", TEXT, Indifferent),
    option("gpg_encrypt", TEXT, Indifferent),
    option(
        "gpg_passphrase",
        TEXT,
        Named("nothing is encrypted, and an encrypted object comes as it is stored"),
    ),
    option("guess_mime_type", YES, Heeded),
    option("host_base", TEXT, Heeded),
    // The style is by path.
    option("host_bucket", TEXT, Indifferent),
    option("human_readable_sizes", NO, Named("sizes are in bytes")),
    option("ignore_failed_copy", NO, Indifferent),
    option("invalidate_default_index_on_cf", NO, Indifferent),
    option("invalidate_default_index_root_on_cf", YES, Indifferent),
    option("invalidate_on_cf", NO, Named("CloudFront is told nothing")),
    option("keep_dirs", NO, Named("empty directories are not uploaded")),
    option("kms_key", TEXT, Refused("objects would be stored without encryption")),
    option("limit", LIMIT, Named("all objects are listed")),
    option("limitrate", TEXT, Heeded),
    option("list_allow_unordered", NO, Indifferent),
    option("list_md5", NO, Named("ls shows no MD5")),
    option("log_target_prefix", TEXT, Indifferent),
    option("long_listing", NO, Named("ls shows its usual columns")),
    option("max_delete", LIMIT, Heeded),
    option("max_retries", NUMBER, Indifferent),
    option("mime_type", TEXT, Heeded),
    option("multipart_chunk_size_mb", NUMBER, Indifferent),
    option("multipart_copy_chunk_size_mb", NUMBER, Indifferent),
    option("multipart_max_chunks", NUMBER, Indifferent),
    option("preserve_attrs", YES, Indifferent),
    option("progress_meter", NO, Indifferent),
    option("proxy_host", TEXT, Heeded),
    option("proxy_port", TEXT, Heeded),
    option("public_url_use_https", NO, Indifferent),
    // An upload that was interrupted is continued anyway.
    option("put_continue", NO, Indifferent),
    option("recursive", NO, Named("only -r goes below")),
    option("recv_chunk", NUMBER, Indifferent),
    option("reduced_redundancy", NO, Named("objects are stored in the bucket's own class")),
    option("requester_pays", NO, Named("requests do not say it")),
    option("restore_days", NUMBER, Indifferent),
    option("restore_priority", TEXT, Indifferent),
    option("secret_key", TEXT, Heeded),
    option("send_chunk", NUMBER, Indifferent),
    option("server_side_encryption", NO, Refused("objects would be stored without encryption")),
    // It is always so.
    option("signature_v2", NO, Indifferent),
    option("signurl_use_https", NO, Named("a signed URL is of the gateway's own scheme")),
    option("simpledb_host", TEXT, Indifferent),
    option("skip_existing", NO, Refused("files and objects that it saves would be replaced")),
    option("socket_timeout", NUMBER, Indifferent),
    option("ssl_client_cert_file", TEXT, Named("no certificate of ours is shown")),
    option("ssl_client_key_file", TEXT, Named("no certificate of ours is shown")),
    option("stats", NO, Indifferent),
    option("stop_on_error", NO, Named("a run goes on with the next object")),
    option("storage_class", Text(&["STANDARD"]), Named("objects are stored in the bucket's own class")),
    option("throttle_max", NUMBER, Indifferent),
    option("upload_id", TEXT, Named("an upload is found by its key")),
    option("urlencoding_mode", TEXT, Indifferent),
    option("use_http_expect", NO, Indifferent),
    option("use_https", YES, Heeded),
    option("use_mime_magic", YES, Indifferent),
    // Of a fork; the style is by path anyway.
    option("use_path_mode", YES, Indifferent),
    option("verbosity", TEXT, Indifferent),
    option("website_endpoint", TEXT, Indifferent),
    option("website_error", TEXT, Indifferent),
    option("website_index", TEXT, Indifferent),
];

impl KnownOption {
    /// The option of this name.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        let at = OPTIONS.binary_search_by(|option| option.name.cmp(name)).ok()?;
        OPTIONS.get(at)
    }

    /// Whether a value says something else than none does; or that it is no value of this option.
    pub(super) fn is_set(&self, value: &str) -> Result<bool, &'static str> {
        match self.values {
            YesOrNo(default) => yes_or_no(value).map(|is| is != default).ok_or("is neither yes nor no"),
            Number(none) => {
                let number: Result<i64, _> = value.parse();
                number.map(|number| !none.contains(&number)).map_err(|_| "is not a whole number")
            }
            Text(none) => Ok(!none.contains(&value)),
        }
    }
}

/// s3cmd's words for yes and no, in any case.
pub(super) fn yes_or_no(value: &str) -> Option<bool> {
    match &*value.to_lowercase() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_names_each_option_once() {
        assert!(OPTIONS.is_sorted_by(|one, next| one.name < next.name));
    }

    #[test]
    fn an_option_that_is_as_it_would_be_without_the_line_is_not_set() {
        let is_set = |name: &str, value: &str| KnownOption::find(name).unwrap().is_set(value);
        for (name, value, expected) in [
            ("encrypt", "False", Ok(false)),
            ("encrypt", "ON", Ok(true)),
            ("encrypt", "Ture", Err("is neither yes nor no")),
            ("use_https", "1", Ok(false)),
            ("limit", "-1", Ok(false)),
            ("limit", "10", Ok(true)),
            ("limit", "10 # objects", Err("is not a whole number")),
            ("storage_class", "STANDARD", Ok(false)),
            ("storage_class", "GLACIER", Ok(true)),
        ] {
            assert_eq!(is_set(name, value), expected, "{name} {value}");
        }
    }
}
