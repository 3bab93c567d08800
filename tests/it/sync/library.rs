//! The verb as other programs call it.

use std::sync::{Arc, Mutex};

use deis_store::http::{Timeouts, connect};
use deis_store::outcome::{Each, KeyOutcome};
use deis_store::run::{Event, Monitor, Run};
use deis_store::s3::client::ClientOptions;
use deis_store::s3::{BucketName, Client};
use deis_store::secret::Credentials;
use deis_store::sync::{Globs, Sync, SyncOptions, Tree};

use super::Place;

/// Objects and bytes.
type Total = (Option<u64>, Option<u64>);

/// The totals that a run has told.
#[derive(Default)]
struct Totals(Mutex<Vec<Total>>);

impl Monitor for Totals {
    fn event(&self, event: &Event<'_>) {
        if let Event::Total { objects, bytes, .. } = event {
            self.0.lock().unwrap().push((*objects, *bytes));
        }
    }
}

/// The sync of a place's bucket, in a task of its own; returns the totals told, and how many keys were.
fn sync(place: &Place, prefix: &str, globs: Globs) -> (Vec<Total>, usize) {
    let (totals, told) = (Arc::new(Totals::default()), Arc::new(Mutex::new(0)));
    let run = Run::system(totals.clone());
    let http = connect(&place.gateway.url(), Timeouts::default()).unwrap();
    let client =
        Client::new(vec![http], Credentials::new("AK", "SK"), ClientOptions::default(), &run).unwrap();
    let (bucket, prefix) = (BucketName::new("db_wal").unwrap(), prefix.to_owned());
    let source = Tree::Bucket { client, bucket, prefix };
    let sync = Sync { source, target: Tree::Directory(place.directory()) };
    let count = told.clone();
    let work = async move {
        let each = Each::new(|_: KeyOutcome| {
            *count.lock().unwrap() += 1;
            Ok(())
        });
        let options = SyncOptions { globs, each, ..SyncOptions::default() };
        sync.run(&options, &run).await
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let report = runtime.block_on(runtime.spawn(work)).unwrap().unwrap();
    assert!(report.is_complete());
    let (totals, told) = (totals.0.lock().unwrap().clone(), *told.lock().unwrap());
    (totals, told)
}

#[test]
fn of_a_whole_bucket_a_monitor_hears_how_much_there_is_and_of_a_part_of_it_nothing() {
    let place = Place::with(&[("a/1", b"1"), ("a/2", b"22"), ("b", b"333")]);
    assert_eq!(sync(&place, "", Globs::default()), (vec![(Some(3), Some(6))], 3));
    assert_eq!(sync(&place, "a/", Globs::default()), (Vec::new(), 2));
    assert_eq!(sync(&place, "", Globs::new(&["b"], &[])), (Vec::new(), 2));
}
