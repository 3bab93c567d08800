//! `deis-store s3 …`: s3cmd's words on buckets and objects.

mod buckets;
mod copy;
mod delete;
mod get;
mod info;
mod listing;
mod place;
mod put;
pub(crate) mod sync;
mod tally;
mod uploads;

use std::path::{Path, PathBuf};

use deis_store::Result;
use deis_store::error::printable;
use deis_store::run::Run;
use deis_store::s3::BucketName;
use deis_store::sync::ContentTypes;

use super::Done;
use crate::args::{Global, S3Action, Types};
use crate::output::Output;
use crate::settings;

pub(super) async fn run(global: &Global, action: &S3Action, output: &Output, run: &Run) -> Done {
    let rate = match action {
        S3Action::Put { rate, .. } | S3Action::Get { rate, .. } => rate.limit_rate,
        S3Action::Sync(args) => args.limit_rate(),
        _ => None,
    };
    let (cluster, defaults) = settings::limited_cluster(global, rate, run).await?;
    let client = cluster.s3()?;
    match action {
        S3Action::Mb { buckets } => buckets::make(client, buckets, output).await,
        S3Action::Rb { buckets, recursive, force } => {
            buckets::remove(client, buckets, *recursive, *force, output, run).await
        }
        S3Action::Ls { place: None, .. } => buckets::list(client, output).await,
        S3Action::Ls { place: Some(place), recursive } => {
            listing::list(client, place, *recursive, output).await
        }
        S3Action::La { recursive } => listing::list_all(client, *recursive, output).await,
        S3Action::Du { place } => listing::usage(client, place.as_deref(), output).await,
        S3Action::Info { places } => info::tell(client, places, output).await,
        S3Action::Put { files, place, types: said, below, .. } => {
            put::put(client, files, place, &said.over(defaults.types), below, output, run).await
        }
        S3Action::Get { place, file, force, skip_existing, below, .. } => {
            let how = get::How::new(*force, *skip_existing, below);
            get::get(client, place, file.as_deref(), how, output, run).await
        }
        S3Action::Del { places, force, below } => {
            delete::delete(client, places, *force, below, output, run).await
        }
        S3Action::Cp { source, target, below } => {
            copy::copy(client, source, target, below, output, run).await
        }
        S3Action::Sync(args) => Box::pin(sync::run(global, client, args, defaults, output, run)).await,
        S3Action::Signurl { place, until } => uploads::sign(client, place, until, output, run),
        S3Action::Listmp { place } => uploads::list(client, place, output).await,
        S3Action::Abortmp { place, id } => uploads::abort(client, place, id, output).await,
    }
}

/// The bucket of `s3://BUCKET`.
pub(super) fn bucket_of(place: &str) -> Result<BucketName> {
    place::bucket(place.strip_suffix('/').unwrap_or(place))
}

/// Whether a word uploads standard input.
pub(super) fn reads_stdin(action: &S3Action) -> bool {
    matches!(action, S3Action::Put { files, .. } if is_stdin(files))
}

fn is_stdin(files: &[PathBuf]) -> bool {
    files.iter().any(|file| file == Path::new("-"))
}

impl Types {
    /// An option of the command line counts more than a line of a file.
    fn over(&self, mut types: ContentTypes) -> ContentTypes {
        types.by_name &= !self.no_guess_mime_type;
        match &self.mime_type {
            None => types,
            Some(all) => ContentTypes { by_name: false, otherwise: Some(all.clone()) },
        }
    }
}

/// `2026-11-22T06:38:30.123Z` as s3cmd shows it: `2026-11-22 06:38`.
fn minute(time: &str) -> String {
    printable(&time.get(..16).unwrap_or(time).replace('T', " "))
}

/// The path of a file, for people.
fn shown(path: Option<&Path>) -> String {
    path.map(|path| path.display().to_string()).unwrap_or_default()
}
