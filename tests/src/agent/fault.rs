//! The faults that a test can set.

/// Something that is wrong until it is mended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The unit does not get beyond `activating` on the machine with this address.
    Stuck {
        /// The whole name, with `.service`.
        unit: &'static str,
        /// The machine.
        address: &'static str,
    },
    /// The unit is `failed` on the machine with this address, even if it was running.
    Fails {
        /// The whole name, with `.service`.
        unit: &'static str,
        /// The machine.
        address: &'static str,
    },
    /// The gateways' keys are not refreshed.
    GatewayNotRefreshed,
    /// Only the leading gateway is published, as old releases do.
    LeaderOnly,
    /// The published gateway greets, but answers this status to every signed request.
    GatewayAnswers(u16),
    /// No gateway listens at the published address.
    GatewayNowhere,
    /// The machine with this address has a container `deis-database-data`, which was initialised under this id.
    DataContainer {
        /// The machine.
        address: &'static str,
        /// The content of its file `initialized`.
        init_id: &'static str,
    },
    /// The unit that mounts the volume runs, but nothing is mounted. For the next start of the unit.
    VolumeNotMounted,
    /// The mounted volume is of another type. For the next start of the unit.
    VolumeOfType(&'static str),
    /// Nothing in the controller's container reaches etcd, so that it writes no keys.
    ControllerWithoutEtcd,
    /// The database finds no backups, whatever there is.
    NoBackupsFound,
    /// `deisctl` installs nothing, and ends with 0 as always.
    DeisctlFails,
    /// WAL-E ends with 1 when it is asked for a base backup.
    BackupFails,
}
