//! Goes one step of a plan: its act, and the check after it.

use std::collections::{BTreeSet, HashSet};

use super::bucket::Filling;
use super::planned::{PartPlan, Step};
use super::report::RestoredPart;
use super::{configuration, volume};
use crate::cluster::Cluster;
use crate::error::Result;
use crate::report::{Findings, Verdict};
use crate::restorable::{HeldBack, Judge};
use crate::run::Running;
use crate::snapshot::SnapshotReader;

/// The context in which steps are carried out.
#[derive(Clone, Copy)]
pub(super) struct Stage<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) snapshot: &'a SnapshotReader,
    pub(super) despite_damage: bool,
}

impl Step {
    /// Carries out the step: its act, then the check after it.
    pub(super) async fn go(
        &self,
        stage: Stage<'_>,
        task: &Running<'_>,
        findings: &mut Findings,
    ) -> Result<(RestoredPart, Verdict)> {
        let Stage { cluster, snapshot, despite_damage } = stage;
        match &self.does {
            PartPlan::Config { plan, .. } => Ok((configuration::set(cluster, plan).await?, self.verdict)),
            PartPlan::Volume { directory, is_ours, .. } => {
                let (done, not_kept) = volume::unpack(cluster, snapshot, (directory, *is_ours), task).await?;
                // What was not kept is no damage.
                findings.append(not_kept);
                Ok((done, Verdict::Good))
            }
            PartPlan::Bucket { bucket, already, objects, bytes, .. } => {
                task.total(Some(*objects), Some(*bytes));
                let contents = self.part.contents().unwrap_or_default();
                let filling = Filling {
                    client: cluster.s3()?,
                    bucket,
                    snapshot,
                    part: &self.part,
                    contents,
                    look_first: *already > 0,
                    despite_damage,
                    task,
                    findings: Findings::default(),
                    done: RestoredPart::default(),
                    judge: Judge::of(contents),
                    failed: HashSet::new(),
                    held: HeldBack::default(),
                    there: BTreeSet::new(),
                };
                let (done, found) = filling.fill().await?;
                let verdict = found.verdict();
                findings.append(found);
                Ok((done, verdict))
            }
        }
    }
}
