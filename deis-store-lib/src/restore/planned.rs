//! The plan of a restore: its steps in order, as people and programs are shown them.

use std::collections::BTreeMap;

use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};

use super::options::RestoreOptions;
use crate::cluster;
use crate::error::Error;
use crate::part::Part;
use crate::platform::PlannedStep;
use crate::report::{Findings, Verdict};
use crate::s3::BucketName;
use crate::snapshot::Rehearsed;

/// The plan of a restore. With an obstacle it is one that cannot be carried out.
#[derive(Debug)]
#[non_exhaustive]
pub struct RestorePlan {
    /// The steps, in the order in which they are gone.
    pub steps: Vec<Step>,
    /// The parts that would not be restored, and why.
    pub left_out: BTreeMap<Part, String>,
    /// Whether sentinels and tags would be written also where objects they stand for are lost.
    pub despite_damage: bool,
    /// What of the snapshot is lost or damaged, and which sentinels and tags are held back for that.
    pub findings: Findings,
    /// All that stands in the way, each with what to do about it.
    pub obstacles: Vec<Error>,
    /// What brings the platform up around the parts, if that is meant.
    pub platform: Option<PlatformPlan>,
    /// The last rehearsal of the snapshot, if there was one: how long a restore took there.
    pub rehearsed: Option<Rehearsed>,
    /// The parts that are looked at when the store runs: until then nobody knows what is in their buckets.
    pub later: Vec<Part>,
    /// How it was planned.
    pub(super) options: RestoreOptions,
}

/// What brings the platform up around the parts.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlatformPlan {
    /// The steps in order; the data are one of them.
    pub steps: Vec<PlannedStep>,
    /// Why it is left out, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Whether the store runs already.
    #[serde(skip)]
    pub(super) store_is_up: bool,
}

/// A step of a restore. The check before it was made when the plan was, before any other step has acted.
#[derive(Debug)]
#[non_exhaustive]
pub struct Step {
    /// The part that it restores.
    pub part: Part,
    /// The work that it does.
    pub does: PartPlan,
    /// The verdict on its part of the snapshot, as far as it is seen without reading all of it.
    pub(super) verdict: Verdict,
}

/// The work that a step does for its part.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartPlan {
    /// Upload objects.
    Bucket {
        /// The bucket; it is created if it is not there.
        #[serde(serialize_with = "as_text")]
        bucket: BucketName,
        /// How many objects.
        objects: u64,
        /// Their bytes.
        bytes: u64,
        /// How many keys are there already, of the same size.
        already: u64,
        /// How many sentinels or tags need what is lost.
        held_back: u64,
    },
    /// Unpack the archive.
    Volume {
        /// The host.
        host: String,
        /// The directory.
        directory: String,
        /// The size of the archive, compressed.
        bytes: u64,
        /// Whether what is in it was unpacked by an earlier run, and is removed before.
        is_ours: bool,
    },
    /// Set keys in etcd.
    Config {
        /// The keys that are set.
        set: Vec<String>,
        /// Those of them that have another value on the cluster now, which is lost.
        replaced: Vec<String>,
        /// How many have their value already.
        unchanged: usize,
        /// The keys whose value on the new cluster stays as it is.
        kept: Vec<String>,
        /// The keys that are not set, since no release of Deis reads them and nobody has named them.
        unknown: Vec<String>,
        /// The keys with their values.
        #[serde(skip)]
        plan: cluster::Plan,
    },
}

impl PartPlan {
    fn kind(&self) -> &'static str {
        match self {
            Self::Bucket { .. } => "bucket",
            Self::Volume { .. } => "volume",
            Self::Config { .. } => "config",
        }
    }
}

/// `parts` by name, as ever, and `steps` in order.
impl Serialize for RestorePlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts: BTreeMap<&Part, &PartPlan> =
            self.steps.iter().map(|step| (&step.part, &step.does)).collect();
        let obstacles: Vec<Obstacle> = self.obstacles.iter().map(Obstacle::of).collect();
        let mut plan = serializer.serialize_struct("RestorePlan", 11)?;
        plan.serialize_field("parts", &parts)?;
        plan.serialize_field("steps", &self.steps)?;
        plan.serialize_field("left_out", &self.left_out)?;
        plan.serialize_field("despite_damage", &self.despite_damage)?;
        plan.serialize_field("verdict", &self.findings.verdict())?;
        plan.serialize_field("findings", self.findings.list())?;
        plan.serialize_field("findings_left_out", &self.findings.left_out())?;
        plan.serialize_field("obstacles", &obstacles)?;
        if let Some(rehearsed) = &self.rehearsed {
            plan.serialize_field("rehearsed", rehearsed)?;
        }
        if let Some(platform) = &self.platform {
            plan.serialize_field("platform", platform)?;
            plan.serialize_field("later", &self.later)?;
        }
        plan.end()
    }
}

/// An obstacle, in the form of an error.
#[derive(Serialize)]
struct Obstacle<'a> {
    kind: &'static str,
    what: String,
    #[serde(rename = "where")]
    place: BTreeMap<&'static str, &'a str>,
    todo: Option<&'a str>,
}

impl<'a> Obstacle<'a> {
    fn of(error: &'a Error) -> Self {
        let place = error.place().iter().map(|(at, value)| (at.as_str(), value)).collect();
        Self { kind: error.kind().as_str(), what: error.what(), place, todo: error.advice() }
    }
}

/// Which step it is; `parts` says the rest.
impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut step = serializer.serialize_struct("Step", 2)?;
        step.serialize_field("kind", self.does.kind())?;
        step.serialize_field("part", &self.part)?;
        step.end()
    }
}

fn as_text<S: Serializer>(bucket: &BucketName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(bucket)
}
