//! The choice of parts, and of what `verify` reads.

use std::str::FromStr;

use deis_store::Error;
use deis_store::part::{BucketPart, Part, PartChoice, PartName};
use deis_store::verify::{Percent, Share};

#[derive(Debug, clap::Args)]
pub(crate) struct Buckets {
    /// Another bucket, as the part bucket.NAME; CONTENTS is plain (the default), wal-e or registry. Give it again for each.
    /// With --gateway and keys, these buckets alone are meant
    #[arg(long = "bucket", value_name = "NAME[:CONTENTS]", value_parser = advised::<BucketPart>)]
    pub(crate) buckets: Vec<BucketPart>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Parts {
    /// Only these: db_wal, registry, volume, sql, config, bucket.NAME
    #[arg(
        long,
        value_name = "PART,…",
        value_delimiter = ',',
        value_parser = advised::<PartName>,
        conflicts_with = "without"
    )]
    pub(crate) only: Vec<PartName>,
    /// All but these
    #[arg(long, value_name = "PART,…", value_delimiter = ',', value_parser = advised::<PartName>)]
    pub(crate) without: Vec<PartName>,
}

/// A value that the library reads. Its advice, such as the names that there are, is part of what clap says.
pub(super) fn advised<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: Error| match error.advice() {
        Some(advice) => format!("{error}: {advice}"),
        None => error.to_string(),
    })
}

impl Parts {
    pub(crate) fn choice(&self) -> PartChoice {
        let names = |names: &[PartName]| names.iter().cloned().collect();
        match (self.only.as_slice(), self.without.as_slice()) {
            ([], []) => PartChoice::All,
            ([], without) => PartChoice::AllBut(names(without)),
            (only, _) => PartChoice::Only(names(only)),
        }
    }
}

impl Parts {
    /// Whether etcd must answer: the volume and the dump alone need only a host.
    pub(crate) fn need_etcd(&self) -> bool {
        let of_host = [Part::Volume, Part::Sql].map(|part| PartName::from(&part));
        self.only.is_empty() || !self.only.iter().all(|name| of_host.contains(name))
    }
}

/// The guards of a backup.
#[derive(Debug, clap::Args)]
pub(crate) struct Guards {
    /// Exit 4 if a part has lost more than so many of a hundred of its objects or bytes since the newest good snapshot;
    /// 100 allows any loss
    #[arg(long, value_name = "PERCENT", default_value_t = 10)]
    pub(crate) max_loss: u8,
    /// Begin the first backup although there seems to be no room for it
    #[arg(long)]
    pub(crate) despite_space: bool,
}

/// The choice of the objects that `verify` reads.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct ReadArgs {
    /// Presence and sizes only
    #[arg(long)]
    pub(crate) quick: bool,
    /// Read a random PERCENT of the objects
    #[arg(long, value_name = "PERCENT")]
    pub(crate) sample: Option<Percent>,
    /// Read the Nth of M fixed shares of the objects: M runs read everything
    #[arg(long, value_name = "N/M")]
    pub(crate) share: Option<Share>,
}
