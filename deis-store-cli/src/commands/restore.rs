//! `deis-store restore SNAPSHOT`

use std::path::{Path, PathBuf};

use deis_store::part::{Part, PartName};
use deis_store::restore::{Platform, RestoreOptions, plan, restore};
use deis_store::run::Run;
use deis_store::snapshot::SnapshotReader;
use deis_store::{Error, ErrorKind};

use super::gateways::with_gateways;
use super::{Done, local};
use crate::args::{Global, RestoreArgs};
use crate::output::Output;
use crate::settings;

pub(super) async fn run(
    global: &Global,
    (path, more): (&Path, &[PathBuf]),
    what: &RestoreArgs,
    output: &Output,
    run: &Run,
) -> Done {
    let todo = "restore from a directory; `deis-store s3 sync` fetches one from a bucket";
    let path = local::path(local::one(path, more, "restore")?, "a snapshot", todo)?;
    let snapshot = SnapshotReader::open(path)?;
    if what.parts().only.contains(&PartName::from(&Part::Sql)) {
        let error = Error::new(ErrorKind::Usage, "a dump is loaded by hand, into an empty database");
        let name = Part::Sql.file_name().unwrap_or_default();
        return Err(match snapshot.manifest().file(name) {
            Some(_) => {
                error.todo(format!("gunzip -c {} | psql -U postgres -d postgres", path.join(name).display()))
            }
            None => error.todo("this snapshot holds none: use another one"),
        });
    }
    let mut options = RestoreOptions::default();
    (options.choice, options.despite_damage) = (what.choice(), what.despite_damage);
    options.keys = what.keys.iter().cloned().collect();
    (options.platform, options.from, options.wait) = (what.platform(), what.from, what.wait());
    options.gateways = what.scale_gateways;
    let cluster = settings::cluster(global, what.need_etcd(), run).await?;
    let plan = plan(&cluster, &snapshot, &options, run).await?;
    if what.dry_run {
        return Ok(output.planned(&plan));
    }
    if !plan.obstacles.is_empty() {
        return Ok(output.refused(&plan));
    }
    if !global.yes {
        Output::explain(&plan);
        let error =
            Error::new(ErrorKind::Guard, "nothing was done: this changes the cluster and is not confirmed");
        return Err(error.todo("read the plan above; then run it again with --yes"));
    }
    // Within a platform that is brought up, they are scaled when the store runs.
    let gateways = what.scale_gateways.filter(|_| options.platform == Platform::LeftOut);
    let scale = (gateways, options.wait);
    let (report, put_back) =
        with_gateways(scale, &cluster, run, async |cluster| restore(cluster, &snapshot, &plan, run).await)
            .await?;
    let exit = output.restored(&report);
    put_back.map(|()| exit)
}
