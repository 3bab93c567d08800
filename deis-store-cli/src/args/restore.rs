//! The choice of what `restore` brings back: parts, and the platform around them.

use std::num::{NonZeroU64, NonZeroUsize};
use std::str::FromStr;
use std::time::Duration;

use deis_store::Error;
use deis_store::part::{PartChoice, PartName};
use deis_store::platform::StepName;
use deis_store::restore::Platform;

use super::parts::{Parts, advised};

const PLATFORM: &str = "platform";

#[derive(Debug, clap::Args)]
pub(crate) struct RestoreArgs {
    /// Only these: db_wal, registry, volume, sql, config, bucket.NAME, and platform, which is the units
    #[arg(
        long,
        value_name = "PART,…",
        value_delimiter = ',',
        value_parser = advised::<What>,
        conflicts_with = "without"
    )]
    only: Vec<What>,
    /// All but these; without platform no unit is started
    #[arg(long, value_name = "PART,…", value_delimiter = ',', value_parser = advised::<What>)]
    without: Vec<What>,
    /// Set this key of the configuration too, which no known release of Deis reads: a whole one, such as /deis/router/ours. Give
    /// it again for each; `--dry-run` names them
    #[arg(long = "key", value_name = "KEY", value_parser = whole_key)]
    pub(crate) keys: Vec<String>,
    /// Begin with this step; `--dry-run` names them
    #[arg(long, value_name = "STEP", value_parser = advised::<StepName>)]
    pub(crate) from: Option<StepName>,
    /// How long a unit, the gateway or the database may take to be ready
    #[arg(long, value_name = "SECONDS", default_value = "3600")]
    wait: NonZeroU64,
    /// Run so many gateways meanwhile, at most one on each machine, and as many as before afterwards
    #[arg(long, value_name = "N")]
    pub(crate) scale_gateways: Option<NonZeroUsize>,
    /// Print what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write sentinels and tags also where objects they stand for are lost
    #[arg(long)]
    pub(crate) despite_damage: bool,
}

/// A key with its whole name.
fn whole_key(text: &str) -> Result<String, String> {
    match text.strip_prefix("/deis/") {
        Some(rest) if !rest.is_empty() => Ok(text.to_owned()),
        _ => Err("a key has its whole name, such as /deis/router/ours".to_owned()),
    }
}

/// A part, or the platform around the parts.
#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Part(PartName),
    Platform,
}

impl FromStr for What {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        if name == PLATFORM { Ok(Self::Platform) } else { name.parse().map(Self::Part) }
    }
}

impl RestoreArgs {
    /// The parts.
    pub(crate) fn parts(&self) -> Parts {
        let parts = |names: &[What]| {
            let part = |what: &What| match what {
                What::Part(name) => Some(name.clone()),
                What::Platform => None,
            };
            names.iter().filter_map(part).collect()
        };
        Parts { only: parts(&self.only), without: parts(&self.without) }
    }

    pub(crate) fn choice(&self) -> PartChoice {
        self.parts().choice()
    }

    /// Whether the platform is brought up: unless parts are named alone, or it is left out.
    pub(crate) fn platform(&self) -> Platform {
        let named = self.only.contains(&What::Platform);
        match self.parts().only.is_empty() {
            true if named => Platform::Alone,
            true if !self.without.contains(&What::Platform) => Platform::Around,
            false if named => Platform::Around,
            _ => Platform::LeftOut,
        }
    }

    pub(crate) fn wait(&self) -> Duration {
        Duration::from_secs(self.wait.get())
    }

    /// Whether etcd must answer.
    pub(crate) fn need_etcd(&self) -> bool {
        self.platform() != Platform::LeftOut || self.parts().need_etcd()
    }
}
