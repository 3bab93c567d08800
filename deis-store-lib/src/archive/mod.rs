//! Archives as they stream by: gzip, tar and dumps of `pg_dumpall`, and whether each is whole.
//!
//! It works on readers alone, knows neither http nor hosts nor files, and holds no archive in memory.

pub mod gzip;
pub mod sql;
pub mod tar;
