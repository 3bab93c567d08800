//! The options of the commands that look after snapshots: `list` and `prune`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use deis_store::list::ListOptions;
use deis_store::part::PartName;
use deis_store::prune::PruneOptions;
use deis_store::snapshot::Keep;

use super::parts::advised;

#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Exit with 4 unless each part has a good snapshot that is no older: 90m, 26h, 7d
    #[arg(long, value_name = "AGE", value_parser = age)]
    max_age: Option<Duration>,
    /// Ask that of these parts alone: db_wal, registry, volume, sql, config, bucket.NAME
    #[arg(
        long,
        value_name = "PART,…",
        value_delimiter = ',',
        value_parser = advised::<PartName>,
        requires = "max_age"
    )]
    only: Vec<PartName>,
}

impl ListArgs {
    pub(crate) fn options(&self) -> ListOptions {
        ListOptions { max_age: self.max_age, only: self.only.iter().cloned().collect::<BTreeSet<_>>() }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct PruneArgs {
    #[command(flatten)]
    keep: KeepArgs,
    /// Only say what would be removed
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Slots are those of UTC; without any of these, nothing is removed.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct KeepArgs {
    /// Keep the last N snapshots
    #[arg(long = "keep-last", value_name = "N")]
    last: Option<NonZeroUsize>,
    /// Keep the last snapshot of each of the last N hours that have one
    #[arg(long = "keep-hourly", value_name = "N")]
    hourly: Option<NonZeroUsize>,
    /// … of each of the last N days, in UTC, that have one
    #[arg(long = "keep-daily", value_name = "N")]
    daily: Option<NonZeroUsize>,
    /// … of each of the last N weeks, from Monday, that have one
    #[arg(long = "keep-weekly", value_name = "N")]
    weekly: Option<NonZeroUsize>,
    /// … of each of the last N months that have one
    #[arg(long = "keep-monthly", value_name = "N")]
    monthly: Option<NonZeroUsize>,
}

impl PruneArgs {
    pub(crate) fn options(&self) -> PruneOptions {
        let number = |number: Option<NonZeroUsize>| number.map_or(0, NonZeroUsize::get);
        let keep = Keep {
            last: number(self.keep.last),
            hourly: number(self.keep.hourly),
            daily: number(self.keep.daily),
            weekly: number(self.keep.weekly),
            monthly: number(self.keep.monthly),
        };
        PruneOptions { keep, dry_run: self.dry_run }
    }
}

/// An age: a number of minutes, hours or days.
fn age(text: &str) -> Result<Duration, String> {
    let units = [('m', 60), ('h', 3600), ('d', 86_400)];
    let read = units.into_iter().find_map(|(unit, seconds)| {
        let number =
            text.strip_suffix(unit).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        number.parse::<u64>().ok()?.checked_mul(seconds)
    });
    // The calendar ends, too.
    read.filter(|seconds| (60..=86_400 * 36_500).contains(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| "not an age: minutes, hours or days, such as 90m, 26h, 7d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_of_minutes_hours_or_days() {
        let minutes = |text| age(text).map(|age| age.as_secs() / 60).ok();
        assert_eq!((minutes("30m"), minutes("26h"), minutes("7d")), (Some(30), Some(1560), Some(10_080)));
        for wrong in ["", "h", "26", "0h", "-1h", "1.5h", "1w", "26 h", "99999999999999999999d", "40000d"] {
            assert_eq!(minutes(wrong), None, "{wrong}");
        }
    }
}
