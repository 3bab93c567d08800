//! Reads a `~/.s3cfg`: where the gateway is, how it is reached, who we are, and what else of it concerns our commands.
//!
//! s3cmd reads lines of `key = value` with values verbatim and quotes around them stripped; so is it here. Pure: the
//! caller reads the file and checks its mode, and says what is in the environment.

mod lines;
mod options;
#[cfg(feature = "backup")]
mod written;

use std::num::NonZeroU64;

use http::uri::Authority;

use self::lines::Lines;
use self::options::{Heed, KnownOption};
use crate::authority::check_port;
use crate::error::{At, Error, ErrorKind, Result};
use crate::secret::Credentials;

#[cfg(feature = "backup")]
pub(crate) use written::written;

/// The settings of a `.s3cfg`.
#[derive(Clone, Debug)]
pub struct S3Cfg {
    /// The keys.
    pub credentials: Credentials,
    /// The gateway's URL, from `host_base` and `use_https`; path style whatever `host_bucket` says.
    pub endpoint: Option<String>,
    /// Where the PEM file with the authorities to trust is: `ca_certs_file`.
    pub ca_certs_file: Option<String>,
    /// Whether to check the gateway's certificate: `check_ssl_certificate`.
    pub check_certificate: bool,
    /// The proxy's URL, from `proxy_host` and `proxy_port`.
    pub proxy: Option<String>,
    /// Bytes of bodies a second at most: `limitrate`.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Whether the suffix of a file's name says its type: `guess_mime_type`, unless `mime_type` says it for all.
    pub guess_mime_type: bool,
    /// The type where it says nothing: `default_mime_type`, or `mime_type`.
    pub default_mime_type: Option<String>,
    /// How many objects a sync may delete: `max_delete`.
    pub max_delete: Option<NonZeroU64>,
    /// What the file says and is not done, a clause each.
    pub not_heeded: Vec<String>,
}

/// The port that s3cmd takes for a proxy.
const PROXY_PORT: u16 = 3128;

impl S3Cfg {
    /// Reads the text of the file, in an environment where nothing is set.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_in(text, |_| None)
    }

    /// Reads the text of the file. `variable` gives the value of a variable of the environment: the file may name one for
    /// any value, and keys that it does not have are taken from there.
    ///
    /// A file that asks for something that is not done here is an error where that would cost secrecy or data;
    /// else [`S3Cfg::not_heeded`] names it.
    pub fn parse_in(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let lines = Lines::read(text, &variable)?;
        let mut not_heeded = judge(&lines)?;
        let endpoint = endpoint(&lines, &mut not_heeded)?;
        let mime_type = lines.get("mime_type");
        let max_delete = lines.get("max_delete").and_then(|number| number.parse::<u64>().ok());
        Ok(Self {
            credentials: credentials(&lines, &variable)?,
            endpoint,
            ca_certs_file: lines.get("ca_certs_file").map(str::to_owned),
            check_certificate: lines.says("check_ssl_certificate", true)?,
            proxy: proxy(&lines)?,
            bytes_per_second: bytes_per_second(&lines)?,
            guess_mime_type: lines.says("guess_mime_type", true)? && mime_type.is_none(),
            default_mime_type: mime_type.or(lines.get("default_mime_type")).map(str::to_owned),
            max_delete: max_delete.and_then(NonZeroU64::new),
            not_heeded,
        })
    }

    /// Reads the keys alone, whatever else the file says.
    pub fn keys(text: &str, variable: impl Fn(&str) -> Option<String>) -> Result<Credentials> {
        credentials(&Lines::read(text, &variable)?, &variable)
    }
}

/// What is set and not heeded, a clause each; an error where ignoring it would cost secrecy or data.
fn judge(lines: &Lines<'_>) -> Result<Vec<String>> {
    let mut not_heeded = Vec::new();
    for (name, value) in lines.iter() {
        let Some(option) = KnownOption::find(name) else {
            not_heeded.push(format!("{name} (s3cmd 2.3 does not know it either)"));
            continue;
        };
        if !option.is_set(value).map_err(|why| lines.wrong(name, why))? {
            continue;
        }
        match option.heed {
            Heed::Heeded | Heed::Indifferent => {}
            Heed::Named(instead) => not_heeded.push(format!("{name} ({instead})")),
            Heed::Refused(consequence) => {
                let what = format!("the file sets {name}, which is not done here: {consequence}");
                let error = Error::new(ErrorKind::Usage, what).at(At::Name, name);
                return Err(error.todo(format!("use a file without {name}, if that is what you want")));
            }
        }
    }
    for (name, variable) in lines.unset() {
        not_heeded.push(format!("{name} (the variable {variable} is not set)"));
    }
    not_heeded.extend(lines.meaningless.iter().map(|line| format!("line {line} (it is not NAME = VALUE)")));
    Ok(not_heeded)
}

/// The variables of a key, of which the first one that is set counts.
const ACCESS_KEY: [&str; 2] = ["AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID"];
const SECRET_KEY: [&str; 2] = ["AWS_SECRET_KEY", "AWS_SECRET_ACCESS_KEY"];

fn credentials(lines: &Lines<'_>, variable: &impl Fn(&str) -> Option<String>) -> Result<Credentials> {
    let missing = |name: &str, variables: [&str; 2]| {
        let unset = lines.unset().find(|(unset, _)| *unset == name);
        let why =
            unset.map_or(String::new(), |(_, variable)| format!(": it names {variable}, which is not set"));
        Error::new(ErrorKind::Usage, format!("the file has no {name}{why}"))
            .todo(format!("make one with `s3cmd --configure`, or set {}", variables[1]))
    };
    let set =
        |names: [&str; 2]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let Some(access_key) = lines.get("access_key") else {
        let access_key = set(ACCESS_KEY).ok_or_else(|| missing("access_key", ACCESS_KEY))?;
        let secret_key = set(SECRET_KEY).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "the environment has an access key and no secret key")
                .todo(format!("set {} as well", SECRET_KEY[1]))
        })?;
        return Credentials::trimmed(&access_key, &secret_key)
            .ok_or_else(|| missing("access_key", ACCESS_KEY));
    };
    let secret_key = lines.get("secret_key").ok_or_else(|| missing("secret_key", SECRET_KEY))?;
    for (name, key) in [("access_key", access_key), ("secret_key", secret_key)] {
        if key.contains([' ', '\t']) {
            return Err(lines.wrong(name, "has a space in it"));
        }
    }
    Credentials::trimmed(access_key, secret_key).ok_or_else(|| missing("access_key", ACCESS_KEY))
}

/// The gateway's URL: https unless the file says no, as s3cmd takes it since 1.6, whatever scheme the host has.
fn endpoint(lines: &Lines<'_>, not_heeded: &mut Vec<String>) -> Result<Option<String>> {
    let scheme = if lines.says("use_https", true)? { "https" } else { "http" };
    let Some(host) = lines.get("host_base") else { return Ok(None) };
    let without = host.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    if without.is_some_and(|(of_host, _)| of_host != scheme) {
        not_heeded.push(format!("the scheme in host_base (it is {scheme}, by use_https)"));
    }
    let host = without.map_or(host, |(_, host)| host);
    let host = host_and_port(host).ok_or_else(|| {
        lines.wrong("host_base", "is not HOST or HOST:PORT").todo("give it without a path, user or comment")
    })?;
    Ok(Some(format!("{scheme}://{host}")))
}

/// The text, if it is a host alone or with a port.
fn host_and_port(text: &str) -> Option<&str> {
    let authority: Authority = text.parse().ok()?;
    let has_host = !authority.host().is_empty() && !text.contains('@');
    (has_host && check_port(&authority).is_ok()).then_some(text)
}

fn proxy(lines: &Lines<'_>) -> Result<Option<String>> {
    let Some(host) = lines.get("proxy_host") else { return Ok(None) };
    if host_and_port(host)
        .is_none_or(|host| host.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']')))
    {
        return Err(lines.wrong("proxy_host", "is not the name or address of a host"));
    }
    let port = match lines.get("proxy_port") {
        None => PROXY_PORT,
        Some(port) => port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| lines.wrong("proxy_port", "is not the number of a port"))?,
    };
    Ok(Some(format!("http://{host}:{port}")))
}

/// A rate: a whole number of bytes, with `k` of KiB, with `m` of MiB; 0 is no limit.
fn bytes_per_second(lines: &Lines<'_>) -> Result<Option<NonZeroU64>> {
    let Some(text) = lines.get("limitrate") else { return Ok(None) };
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        _ => (text, 0),
    };
    let rate = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    let wrong = "is not a number of bytes a second, perhaps with k or m";
    rate.map(NonZeroU64::new).ok_or_else(|| lines.wrong("limitrate", wrong))
}

#[cfg(test)]
mod tests;
