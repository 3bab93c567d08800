//! The parts of a platform that a backup holds. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{At, Error, ErrorKind};

/// A part of the platform, in the order in which a backup takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The bucket of the database's write-ahead log and base backups.
    DbWal,
    /// The bucket of the applications' images.
    Registry,
    /// The store volume.
    Volume,
    /// A dump of the database.
    Sql,
    /// The operator's configuration in etcd.
    Config,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::DbWal, Self::Registry, Self::Volume, Self::Sql, Self::Config];

    /// Its name: on the command line, in the manifest, and of its directory.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DbWal => "db_wal",
            Self::Registry => "registry",
            Self::Volume => "volume",
            Self::Sql => "sql",
            Self::Config => "config",
        }
    }

    /// Whether it is a bucket: a directory of objects with lists.
    #[must_use]
    pub fn is_bucket(self) -> bool {
        self.file_name().is_none()
    }

    /// The file of a part that is not a bucket.
    #[must_use]
    pub fn file_name(self) -> Option<&'static str> {
        match self {
            Self::DbWal | Self::Registry => None,
            Self::Volume => Some("store_file_backup.tar.gz"),
            Self::Sql => Some("dump_all.sql.gz"),
            Self::Config => Some("config.json"),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Part {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
            let names = Self::ALL.map(Self::name).join(", ");
            Error::new(ErrorKind::Usage, "there is no such part")
                .at(At::Part, name)
                .todo(format!("use one of {names}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_one_name_everywhere() {
        for part in Part::ALL {
            assert_eq!(part.to_string().parse::<Part>().unwrap(), part);
            assert_eq!(serde_json::to_string(&part).unwrap(), format!("\"{part}\""));
        }
        assert_eq!("dbwal".parse::<Part>().unwrap_err().kind(), ErrorKind::Usage);
    }
}
