//! The steps by which a platform is brought up around its data, in their order. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{At, Error, ErrorKind};

/// A step of bringing a platform up. Steps are ordered as they are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum StepName {
    /// All units are installed.
    Units,
    /// The store's settings are set, before its first monitor starts.
    StoreSettings,
    /// The monitors run, and have set the store up.
    StoreMonitor,
    /// The daemons run, each with its number.
    StoreDaemon,
    /// The metadata servers run, and have made the file system.
    StoreMetadata,
    /// The gateways run, are published, and list buckets for the platform's keys.
    StoreGateway,
    /// The store volume is mounted.
    StoreVolume,
    /// A router runs, where the gateways are reached through it.
    Router,
    /// The parts of the snapshot are restored.
    Data,
    /// WAL-E will take the base backup that is meant.
    Latest,
    /// No database has been started, and none is left on a machine.
    NoDatabase,
    /// The logger runs.
    Logger,
    /// logspout runs on all machines.
    Logspout,
    /// Database, registry and controller run.
    ControlPlane,
    /// The database came back from the base backup, and is no new one.
    Database,
    /// The builder runs.
    Builder,
    /// The publisher runs on all machines.
    Publisher,
    /// The routers run.
    Routers,
    /// The controller has written its applications, domains and keys into etcd.
    Controller,
    /// A base backup of the new cluster is in the store.
    BaseBackup,
    /// What is left to do by hand is told.
    Left,
}

impl StepName {
    /// All steps, in order.
    pub const ALL: [Self; 21] = [
        Self::Units,
        Self::StoreSettings,
        Self::StoreMonitor,
        Self::StoreDaemon,
        Self::StoreMetadata,
        Self::StoreGateway,
        Self::StoreVolume,
        Self::Router,
        Self::Data,
        Self::Latest,
        Self::NoDatabase,
        Self::Logger,
        Self::Logspout,
        Self::ControlPlane,
        Self::Database,
        Self::Builder,
        Self::Publisher,
        Self::Routers,
        Self::Controller,
        Self::BaseBackup,
        Self::Left,
    ];

    /// Its stable name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::StoreSettings => "store-settings",
            Self::StoreMonitor => "store-monitor",
            Self::StoreDaemon => "store-daemon",
            Self::StoreMetadata => "store-metadata",
            Self::StoreGateway => "store-gateway",
            Self::StoreVolume => "store-volume",
            Self::Router => "router",
            Self::Data => "data",
            Self::Latest => "latest",
            Self::NoDatabase => "no-database",
            Self::Logger => "logger",
            Self::Logspout => "logspout",
            Self::ControlPlane => "control-plane",
            Self::Database => "database",
            Self::Builder => "builder",
            Self::Publisher => "publisher",
            Self::Routers => "routers",
            Self::Controller => "controller",
            Self::BaseBackup => "base-backup",
            Self::Left => "left",
        }
    }

    /// Whether it is before the data.
    #[must_use]
    pub(crate) fn is_before_data(self) -> bool {
        self < Self::Data
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for StepName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|step| step.as_str() == name).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|step| step.as_str()).collect();
            Error::new(ErrorKind::Usage, "there is no such step")
                .at(At::Name, name)
                .todo(format!("use one of {}", names.join(", ")))
        })
    }
}

impl Serialize for StepName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_gone_in_the_order_of_their_list_and_have_names() {
        assert!(StepName::ALL.is_sorted());
        for step in StepName::ALL {
            assert_eq!(step.as_str().parse::<StepName>().unwrap(), step);
        }
        let error = "start".parse::<StepName>().unwrap_err();
        assert!(error.kind() == ErrorKind::Usage && error.advice().unwrap().contains("store-monitor"));
    }
}
