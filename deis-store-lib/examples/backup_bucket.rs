//! Backs up one bucket of a radosgw with a monitor of its own, which prints how far it is, and verifies the snapshot.
//!
//! ```sh
//! AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… \
//!     cargo run --example backup_bucket -- http://10.0.0.5:8888 BUCKET[:CONTENTS] REPOSITORY
//! ```

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

use deis_store::backup::{BackupOptions, backup};
use deis_store::cluster::Cluster;
use deis_store::http::{ConnectOptions, connect};
use deis_store::part::PartChoice;
use deis_store::remote::Local;
use deis_store::run::{Event, Monitor, Run};
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::secret::Credentials;
use deis_store::snapshot::{Repository, SnapshotReader};
use deis_store::verify::{VerifyOptions, verify};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, bucket, repository] = arguments.as_slice() else {
        return Err("usage: backup_bucket ENDPOINT BUCKET[:CONTENTS] REPOSITORY".into());
    };
    let credentials =
        Credentials::new(std::env::var("AWS_ACCESS_KEY_ID")?, std::env::var("AWS_SECRET_ACCESS_KEY")?);

    let run = Run::system(Arc::new(Percentage::default()));
    let gateway = connect(endpoint, ConnectOptions::default())?;
    let client = Client::new(vec![gateway], credentials, ClientOptions::default(), &run)?;
    // A gateway alone: no etcd, and a host that is not asked.
    let cluster = Cluster::new(client, None, Arc::new(Local::default()))?;
    let options = BackupOptions::new([bucket.parse()?], PartChoice::All)?;
    let report = backup(&cluster, &Repository::create(repository, &run)?, &options, &run).await?;

    let snapshot = SnapshotReader::open(&report.snapshot)?;
    let verified = verify(&snapshot, &VerifyOptions::default(), &Run::default()).await?;
    println!("{:?}, {} files: {}", verified.verdict, verified.files_checked, report.snapshot);
    Ok(())
}

/// Prints each percentage once. The total is the gateway's own count, which may lag behind.
#[derive(Default)]
struct Percentage(Mutex<Progress>);

#[derive(Default)]
struct Progress {
    total_objects: u64,
    objects: u64,
    printed: u64,
}

impl Monitor for Percentage {
    fn event(&self, event: &Event<'_>) {
        let mut progress = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Total { objects: Some(objects), .. } => progress.total_objects = *objects,
            Event::Advance { objects, .. } => progress.objects += objects,
            _ => {}
        }
        let Some(percent) = (100 * progress.objects).checked_div(progress.total_objects) else { return };
        if percent > progress.printed {
            progress.printed = percent;
            println!("{} %", percent.min(100));
        }
    }
}
