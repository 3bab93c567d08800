//! From what was typed, the environment and files to one cluster.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use deis_store::cluster::{Cluster, ClusterOptions, Discovery};
use deis_store::error::At;
use deis_store::error::Context as _;
use deis_store::etcd::Etcd;
use deis_store::http::{ConnectOptions, ProxyUrl};
use deis_store::remote::{Local, Remote, Ssh, SshOptions};
use deis_store::run::{Level, Run, TaskKind};
use deis_store::s3::s3cfg::S3Cfg;
use deis_store::secret::Credentials;
use deis_store::sync::{ContentTypes, MaxDelete};
use deis_store::{Error, ErrorKind, Result};
use zeroize::Zeroizing;

use crate::args::{ETCD, Global, OtherCluster};
use crate::small_file;

/// Whether anything says where a cluster is.
pub(crate) fn is_given(global: &Global) -> bool {
    let Global { tunnel, etcd, gateway, s3cfg, .. } = global;
    tunnel.is_some() || etcd != ETCD || !gateway.is_empty() || s3cfg.is_some()
}

/// The cluster that was meant, connected; its etcd must answer if it is needed.
pub(crate) async fn cluster(global: &Global, needs_etcd: bool, run: &Run) -> Result<Cluster> {
    let how = How { needs_etcd, bytes_per_second: None };
    let connected = run.stop.cancels(connect(global, how, Whose::Ours, run)).await;
    connected.map(|connected| connected.cluster)
}

/// How a cluster is connected to.
#[derive(Clone, Copy)]
struct How {
    needs_etcd: bool,
    bytes_per_second: Option<NonZeroU64>,
}

/// The same, with so many bytes of bodies a second at most; and what a file of s3cmd says of its words. It is judged here
/// also if only its keys are used: somebody who works with s3cmd's words means what that file says.
pub(crate) async fn limited_cluster(
    global: &Global,
    bytes_per_second: Option<NonZeroU64>,
    run: &Run,
) -> Result<(Cluster, WordDefaults)> {
    let how = How { needs_etcd: true, bytes_per_second };
    let connected = run.stop.cancels(connect(global, how, Whose::Ours, run)).await?;
    if let Some(file) = connected.fallback {
        tell_not_heeded(&file.path, &file.parse()?, run);
    }
    Ok((connected.cluster, connected.defaults))
}

/// What a file of s3cmd says of its words, where an option of ours does not say otherwise.
#[derive(Clone, Debug, Default)]
pub(crate) struct WordDefaults {
    /// What files are stored as.
    pub(crate) types: ContentTypes,
    /// How much a sync may delete.
    pub(crate) max_delete: Option<MaxDelete>,
}

struct Connected {
    cluster: Cluster,
    defaults: WordDefaults,
    /// The file of s3cmd whose keys are used, and nothing else of it.
    fallback: Option<S3CfgFile>,
}

/// The cluster that is written to, if it is another one. Nothing of what is said of the first one holds for it.
pub(crate) async fn other_cluster(
    to: &OtherCluster,
    global: &Global,
    bytes_per_second: Option<NonZeroU64>,
    run: &Run,
) -> Result<Cluster> {
    let asks_etcd = to.to_etcd.is_some() || to.to_tunnel.is_some();
    if !asks_etcd && to.to_s3cfg.is_none() {
        let error = Error::new(ErrorKind::Usage, "the keys of the target's cluster are not known");
        return Err(error
            .todo("give them with --to-s3cfg FILE, or where to ask for them with --to-etcd or --to-tunnel"));
    }
    let global = Global {
        tunnel: to.to_tunnel.clone(),
        etcd: to.to_etcd.clone().unwrap_or_else(|| ETCD.to_owned()),
        gateway: to.to_gateway.clone(),
        s3cfg: to.to_s3cfg.clone(),
        ..global.clone()
    };
    let whose = if asks_etcd { Whose::Another } else { Whose::AnotherWithoutEtcd };
    let how = How { needs_etcd: true, bytes_per_second };
    let connected = run.stop.cancels(connect(&global, how, whose, run)).await;
    connected.map(|connected| connected.cluster)
}

/// Whose cluster is connected to: our own keys are not for another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Ours,
    Another,
    AnotherWithoutEtcd,
}

async fn connect(global: &Global, how: How, whose: Whose, run: &Run) -> Result<Connected> {
    let Prepared { options, defaults, fallback, .. } =
        prepared(global, options(global, run).await?, how, whose, run)?;
    let asked_for_keys =
        !options.gateways.is_empty() && options.credentials.is_none() && whose == Whose::Ours;
    let cluster = Cluster::connect(options, run)
        .await
        .map_err(|error| if asked_for_keys { without_keys(global, error) } else { error })?;
    let found = cluster.discovery.as_ref().is_some_and(Discovery::has_credentials);
    Ok(Connected { cluster, defaults, fallback: fallback.filter(|_| !found) })
}

/// How a cluster is to be connected to; or why its host cannot be logged in to. And where its keys come from, for people.
pub(crate) async fn unconnected(
    global: &Global,
    run: &Run,
) -> Result<(Result<ClusterOptions>, Option<String>, Option<String>)> {
    let how = How { needs_etcd: false, bytes_per_second: None };
    let options = match options(global, run).await {
        Err(error) if error.kind() != ErrorKind::Usage => return Ok((Err(error), None, None)),
        options => options?,
    };
    let Prepared { options, fallback, keys_from, .. } = prepared(global, options, how, Whose::Ours, run)?;
    let fallback_from = fallback.map(|file| of_s3cmd(&file.path));
    Ok((Ok(options), keys_from, fallback_from))
}

fn of_s3cmd(path: &Path) -> String {
    format!("the file of s3cmd {}", path.display())
}

/// What is known before a cluster is connected to.
struct Prepared {
    options: ClusterOptions,
    defaults: WordDefaults,
    /// The file of s3cmd whose keys are used if etcd has none.
    fallback: Option<S3CfgFile>,
    /// Where the keys come from, if they are given.
    keys_from: Option<String>,
}

fn prepared(
    global: &Global,
    mut options: ClusterOptions,
    how: How,
    whose: Whose,
    run: &Run,
) -> Result<Prepared> {
    let How { needs_etcd, bytes_per_second } = how;
    let mut keys_from = None;
    options.requires_etcd = needs_etcd;
    let mut defaults = WordDefaults::default();
    options.client.bytes_per_second = bytes_per_second;
    if let Some(path) = &global.s3cfg {
        let s3cfg = S3CfgFile::read(path, run)?.parse()?;
        tell_not_heeded(path, &s3cfg, run);
        options.connect = connection(&s3cfg).at(At::Path, path.display())?;
        if options.gateways.is_empty() {
            options.gateways.extend(s3cfg.endpoint);
        }
        options.credentials = Some(s3cfg.credentials);
        keys_from = Some(of_s3cmd(path));
        defaults = WordDefaults {
            types: ContentTypes { by_name: s3cfg.guess_mime_type, otherwise: s3cfg.default_mime_type },
            max_delete: s3cfg.max_delete.map(|most| MaxDelete::Count(most.get())),
        };
        options.client.bytes_per_second = bytes_per_second.or(s3cfg.bytes_per_second);
        if !options.connect.check_certificate && options.gateways.iter().any(|url| url.starts_with("https:"))
        {
            let text = "warning: check_ssl_certificate is off: who is between us and the gateway can change everything";
            run.begin(None, TaskKind::Step, "s3cfg").note(Level::Warning, "certificate-unchecked", text);
        }
    } else if !options.gateways.is_empty() && whose == Whose::Ours {
        options.credentials = keys_of_environment()?;
        keys_from = Some(format!("the environment ({KEY_NAMES})"));
    }
    if whose == Whose::AnotherWithoutEtcd && options.gateways.is_empty() {
        let error = Error::new(ErrorKind::Usage, "no gateway of the target's cluster is known");
        return Err(error.todo("give it with --to-gateway URL, or as host_base in the file of s3cmd"));
    }
    let mut fallback = None;
    if options.credentials.is_none()
        && whose == Whose::Ours
        && let Some(path) = home().map(|home| home.join(".s3cfg")).filter(|path| path.exists())
    {
        match S3CfgFile::read(&path, run).and_then(|file| Ok((file.keys()?, file))) {
            Ok((keys, file)) => (options.fallback, fallback) = (Some(keys), Some(file)),
            // It need not be needed: with sudo it may be the file of the user who has called.
            Err(error) => {
                let text = format!("warning: the keys in {} are not used: {}", path.display(), error.what());
                run.begin(None, TaskKind::Step, "s3cfg").note(Level::Warning, "s3cfg-not-used", &text);
            }
        }
    }
    Ok(Prepared { options, defaults, fallback, keys_from })
}

/// Names what a file of s3cmd says and is not done.
fn tell_not_heeded(path: &Path, s3cfg: &S3Cfg, run: &Run) {
    if !s3cfg.not_heeded.is_empty() {
        let text = format!("warning: not heeded of {}: {}", path.display(), s3cfg.not_heeded.join(", "));
        run.begin(None, TaskKind::Step, "s3cfg").note(Level::Warning, "s3cfg-not-heeded", &text);
    }
}

/// The error where a gateway is given and no keys, and etcd does not say them either. Without a word on where etcd is, the
/// call itself lacks them.
fn without_keys(global: &Global, error: Error) -> Error {
    if !matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::NotReady) {
        return error;
    }
    let is_meant = global.tunnel.is_some() || global.etcd != ETCD;
    let kind = if is_meant { error.kind() } else { ErrorKind::Usage };
    let what =
        format!("a gateway is given and no keys: {KEY_NAMES} are not set, and etcd does not give them");
    let place = error.place().endpoint().map(str::to_owned);
    let error = Error::new(kind, what).because(error).todo(format!(
        "set {KEY_NAMES}, or give the file of s3cmd with --s3cfg, or say with --tunnel or --etcd where to ask for them"
    ));
    match place {
        Some(endpoint) => error.at(At::Endpoint, endpoint),
        None => error,
    }
}

const ACCESS_KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET_KEY: &str = "AWS_SECRET_ACCESS_KEY";
pub(crate) const KEY_NAMES: &str = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// How a file of s3cmd says that the gateway is reached.
fn connection(s3cfg: &S3Cfg) -> Result<ConnectOptions> {
    let mut options = ConnectOptions::default();
    if let Some(path) = &s3cfg.ca_certs_file {
        let pem = small_file::read(Path::new(path)).map_err(|error| {
            Error::new(ErrorKind::Usage, "cannot read the file of authorities")
                .at(At::CaCertsFile, path)
                .because(error)
        })?;
        options.ca_file_pem = Some(pem.into());
    }
    options.check_certificate = s3cfg.check_certificate;
    options.proxy = s3cfg.proxy.as_deref().map(ProxyUrl::new).transpose()?;
    Ok(options)
}

/// The cluster's etcd alone.
pub(crate) async fn etcd(global: &Global, run: &Run) -> Result<Etcd> {
    options(global, run).await?.etcd(run).await
}

/// The host of the tunnel, or this machine.
pub(crate) async fn host(global: &Global, run: &Run) -> Result<Arc<dyn Remote>> {
    run.stop.cancels(options(global, run)).await.map(|options| options.host)
}

/// The typed settings. The host is the tunnel's far end, or this machine.
async fn options(global: &Global, run: &Run) -> Result<ClusterOptions> {
    let mut ssh = SshOptions::default();
    ssh.config_file.clone_from(&global.ssh_config);
    let host: Arc<dyn Remote> = match &global.tunnel {
        None => Arc::new(Local::new(&ssh)),
        Some(tunnel) => Arc::new(Ssh::connect(&tunnel.parse()?, &ssh, run).await?),
    };
    let mut options = ClusterOptions::new(host, global.tunnel.is_some());
    options.etcd.clone_from(&global.etcd);
    options.gateways.clone_from(&global.gateway);
    Ok(options)
}

/// The keys of the environment, if they are set.
pub(crate) fn keys_of_environment() -> Result<Option<Credentials>> {
    credentials_of_environment(|name| std::env::var_os(name))
}

/// The keys of the environment: both, or none. One of the two alone is a mistake.
fn credentials_of_environment(value: impl Fn(&str) -> Option<OsString>) -> Result<Option<Credentials>> {
    let value = |name: &str| match value(name).map(OsString::into_string) {
        Some(Ok(text)) if text.trim().is_empty() => Ok(None),
        Some(Ok(text)) => Ok(Some(text)),
        Some(Err(_)) => Err(Error::new(ErrorKind::Usage, format!("{name} is not UTF-8"))),
        None => Ok(None),
    };
    let one = |set: &str, missing: &str| {
        let error = Error::new(ErrorKind::Usage, format!("{set} is set, and {missing} is not"));
        Err(error.todo("set both, or none of them"))
    };
    match (value(ACCESS_KEY)?, value(SECRET_KEY)?) {
        (Some(access_key), Some(secret_key)) => Ok(Credentials::trimmed(&access_key, &secret_key)),
        (Some(_), None) => one(ACCESS_KEY, SECRET_KEY),
        (None, Some(_)) => one(SECRET_KEY, ACCESS_KEY),
        (None, None) => Ok(None),
    }
}

fn home() -> Option<PathBuf> {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from)
}

/// A variable of the environment, if it is UTF-8.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A file of s3cmd.
struct S3CfgFile {
    path: PathBuf,
    text: Zeroizing<String>,
}

impl S3CfgFile {
    fn parse(&self) -> Result<S3Cfg> {
        S3Cfg::parse_in(&self.text, variable).at(At::Path, self.path.display())
    }

    /// Its keys alone.
    fn keys(&self) -> Result<Credentials> {
        S3Cfg::keys(&self.text, variable).at(At::Path, self.path.display())
    }

    /// Reads it: not one that others could have written, and with a warning one that others can read.
    fn read(path: &Path, run: &Run) -> Result<Self> {
        let at = |error: Error| error.at(At::Path, path.display());
        let failed = |error: std::io::Error| {
            at(Error::new(ErrorKind::Usage, "cannot read the file of s3cmd").because(error))
        };
        let file = small_file::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let (mode, owner) = (metadata.mode(), metadata.uid());
        // root could change any file.
        if owner != 0 && owner != rustix::process::geteuid().as_raw() {
            let error = Error::new(
                ErrorKind::Guard,
                "another user owns this file, who may change where your keys go",
            );
            return Err(at(error.todo("use a file of your own")));
        }
        if mode & 0o022 != 0 {
            let error =
                Error::new(ErrorKind::Guard, "others may write this file, so it may not hold your keys");
            return Err(at(error.todo(format!("chmod 600 {}", path.display()))));
        }
        if mode & 0o044 != 0 {
            let text = format!("warning: others can read the keys in {0}: chmod 600 {0}", path.display());
            run.begin(None, TaskKind::Step, "s3cfg").note(Level::Warning, "s3cfg-readable", &text);
        }
        let text = Zeroizing::new(small_file::text_of(file).map_err(failed)?);
        Ok(Self { path: path.to_owned(), text })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(access_key: Option<&str>, secret_key: Option<&str>) -> Result<Option<Credentials>> {
        credentials_of_environment(|name| {
            let value = if name == ACCESS_KEY { access_key } else { secret_key };
            value.map(OsString::from)
        })
    }

    #[test]
    fn one_key_of_the_two_is_a_mistake_that_is_named_and_a_line_end_is_none() {
        assert!(of(None, None).unwrap().is_none() && of(Some("\n"), Some("")).unwrap().is_none());
        assert_eq!(of(Some("AK\n"), Some("SK \n")).unwrap().unwrap().access_key(), "AK");
        for (access_key, secret_key, named) in [
            (Some("AK"), None, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"),
            (Some(" "), Some("SK"), "AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not"),
        ] {
            let error = of(access_key, secret_key).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Usage, named));
        }
    }
}
