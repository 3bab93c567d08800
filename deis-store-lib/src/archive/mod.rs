//! Streams of archives: gzip, tar and dumps of `pg_dumpall`, with a check that each is whole.
//!
//! This module works on readers alone. It knows neither http nor hosts nor files, and holds no archive in memory.

pub(crate) mod gzip;
pub(crate) mod sql;
pub(crate) mod tar;
