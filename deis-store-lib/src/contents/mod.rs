//! What the objects of a bucket mean, from their names. Pure.

pub mod registry;
pub mod wal_e;
