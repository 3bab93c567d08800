//! Backs up one bucket, as `deis-store backup` does.

use std::path::Path;
use std::sync::Arc;

use deis_store::Result;
use deis_store::backup::{BackupOptions, backup as take};
use deis_store::cluster::Cluster;
use deis_store::part::PartChoice;
use deis_store::remote::Local;
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::snapshot::Repository;

/// Backs up the bucket, and prints `STORED UNCHANGED`, two numbers.
pub(crate) async fn backup(client: &Client, bucket: &str, repository: &Path) -> Result<()> {
    let run = Run::default();
    let cluster = Cluster::new(client.clone(), None, Arc::new(Local::default()))?;
    let options = BackupOptions::new([bucket.parse()?], PartChoice::All)?;
    let report = take(&cluster, &Repository::create(repository, &run)?, &options, &run).await?;
    let counts = report.parts.values().map(|part| part.counts);
    let (stored, unchanged) =
        counts.fold((0, 0), |sum, counts| (sum.0 + counts.stored, sum.1 + counts.unchanged));
    println!("{stored} {unchanged}");
    Ok(())
}
