//! The names of base backups and of their objects. Pure.

use super::packing::Packing;
use super::{sentinel_of, split};

/// The key of the sentinel and the number of a base backup's partition. WAL-E counts from 0, wal-g from 1.
pub(crate) fn partition_of(key: &str) -> Option<(String, u32)> {
    let (number, _) = partition(key)?;
    Some((sentinel_of(key)?, number))
}

/// How a partition is packed; nothing for other objects.
pub(crate) fn packing_of_partition(key: &str) -> Option<Packing> {
    partition(key).map(|(_, packing)| packing)
}

fn partition(key: &str) -> Option<(u32, Packing)> {
    let (_, name) = split(key)?;
    let (_, name) = name.split_once('/')?;
    let (number, suffix) = name.strip_prefix("tar_partitions/part_")?.split_once(".tar")?;
    let is_packing = suffix.is_empty() || suffix.starts_with('.') && !suffix.contains('/');
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let number = number.parse().ok().filter(|_| is_number && is_packing)?;
    Some((number, Packing::of(suffix)))
}
