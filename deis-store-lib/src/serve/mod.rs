//! The verb `serve`: a snapshot as an S3 gateway, with what is written to it kept in a directory of its own, so that a platform can
//! run from its backup before its store is filled again.
//!
//! The snapshot is never written to. Without a directory for writes it is read-only.

mod keys;
mod missing;
mod options;
mod publish;
mod report;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::blocking::blocking;
use crate::error::Result;
use crate::gateway::{Gateway, GatewayOptions, Store};
use crate::run::{Level, Run, milliseconds};
use crate::s3cfg_file;
use crate::secret::Credentials;
use crate::snapshot::SnapshotReader;

use publish::Published;

pub use options::{Publish, ServeOptions};
pub use report::ServeReport;

/// How often it is looked whether the disk has failed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Serves a snapshot. When this returns it answers, and is published if that was asked for. It reads all object lists first; some
/// 560 bytes of memory an object hold them.
pub async fn serve(snapshot: &SnapshotReader, options: ServeOptions, run: &Run) -> Result<Serving> {
    options.check()?;
    let publish = options.publish.clone();
    let mut serving = run.stop.cancels(Box::pin(start(snapshot, options, run))).await?;
    if let Some(Publish { etcd, .. }) = publish {
        // It stops by itself, and takes back before what it has set.
        let (address, credentials) = (serving.address(), serving.credentials.clone());
        serving.published = Some(Box::pin(Published::new(etcd, address, credentials, run)).await?);
    }
    Ok(serving)
}

/// All but to publish it.
async fn start(snapshot: &SnapshotReader, options: ServeOptions, run: &Run) -> Result<Serving> {
    let ServeOptions { listen, writes, publish, credentials, s3cfg } = options;
    if !listen.ip().is_loopback() {
        let text = format!(
            "warning: {listen} can be reached from other machines: with the keys, everybody there can read the snapshot, and \
             nothing is encrypted on the way"
        );
        run.note(Level::Warning, "not-loopback", &text);
    }
    if let Some(publish) = &publish
        && let Some(error) = missing::of_platform(snapshot, &publish.etcd).await?
    {
        if !publish.confirmed {
            return Err(error);
        }
        run.note(Level::Warning, "missing", &format!("warning: {}", error.what()));
    }
    let (reader, directory, stop) = (snapshot.clone(), writes.clone(), run.stop.clone());
    let opened = blocking(move || {
        let missing = missing::look(&reader, &stop)?;
        let (store, credentials) = match directory {
            None => (Store::of_snapshot_without(&reader, &missing.held)?, keys::of_run(credentials)?),
            Some(directory) => {
                let holder = format!("serve, process {}", std::process::id());
                let store = Store::with_writes(&reader, &missing.held, &directory, &holder)?;
                let kept = store.directory_of_writes();
                let credentials = keys::kept(kept, credentials)?;
                (store, credentials)
            }
        };
        Ok((store, credentials, missing.said))
    });
    let (store, credentials, said) = opened.await?;
    for text in said {
        run.note(Level::Warning, "missing", &text);
    }
    let store = Arc::new(store);
    let gateway_options = GatewayOptions::new(run.clock.clone());
    let gateway = Gateway::start(listen, store.clone(), credentials.clone(), gateway_options).await?;
    if let Some(path) = s3cfg {
        s3cfg_file::leave(&path, &gateway.url(), &credentials).await?;
    }
    let (snapshot, started, run) = (snapshot.path().to_owned(), Instant::now(), run.clone());
    Ok(Serving { gateway, store, published: None, credentials, snapshot, writes, started, run })
}

/// A snapshot that is served. Dropped, it ends at once: all that was acknowledged is kept, and what is published stays until it
/// expires. [`Serving::until_stopped`] ends it well.
pub struct Serving {
    gateway: Gateway,
    store: Arc<Store>,
    published: Option<Published>,
    credentials: Credentials,
    snapshot: PathBuf,
    writes: Option<PathBuf>,
    started: Instant,
    run: Run,
}

impl Serving {
    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// Its URL: `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        self.gateway.url()
    }

    /// The keys with which it can be used.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The file in which the keys are kept for the next start, with a directory for writes.
    #[must_use]
    pub fn keys_file(&self) -> Option<PathBuf> {
        self.writes.as_ref().map(|directory| directory.join(keys::FILE))
    }

    /// Serves until the run is asked to stop. Then what was published is taken away, and requests under way are answered. It ends
    /// with an error if another gateway has taken its place in etcd.
    pub async fn until_stopped(mut self) -> Result<ServeReport> {
        let ended = self.until_ended().await;
        let is_published = self.published.is_some();
        let withdrawn = match self.published.take() {
            Some(published) => published.withdraw().await,
            None => Ok(()),
        };
        let url = self.gateway.url();
        self.gateway.stop().await;
        told(&self.store, &self.run);
        ended.and(withdrawn)?;
        Ok(ServeReport {
            snapshot: self.snapshot,
            url,
            writes: self.writes,
            published: is_published,
            milliseconds: milliseconds(self.started.elapsed()),
        })
    }

    async fn until_ended(&mut self) -> Result<()> {
        let (store, run) = (self.store.clone(), self.run.clone());
        let look = async {
            loop {
                told(&store, &run);
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let lost = async {
            match &mut self.published {
                Some(published) => published.lost().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = look => Ok(()),
            error = lost => Err(error),
            // It was stopped, as it should be.
            _ = run.stop.cancels(std::future::pending::<Result<()>>()) => Ok(()),
        }
    }
}

/// Tells what the disk has refused: a client sees only that its request failed.
fn told(store: &Store, run: &Run) {
    if let Some(error) = store.take_failure() {
        let advice = error.advice().map_or(String::new(), |advice| format!("; {advice}"));
        let place = if error.place().is_empty() { String::new() } else { format!(" ({})", error.place()) };
        run.note(Level::Warning, "disk", &format!("warning: {}{place}{advice}", error.what()));
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serving").field("gateway", &self.gateway).finish_non_exhaustive()
    }
}
