//! The goals of the measurements, and whether they are reached. Pure.

use serde::Serialize;

use crate::measure::{Sample, median};
use crate::rounds::{Job, Results};
use crate::tool::{EQUAL, Tool};

/// A goal and its measured value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) wanted: f64,
    /// Whether less is better.
    pub(crate) at_most: bool,
    pub(crate) passes: bool,
}

impl Goal {
    fn at_least(what: impl Into<String>, measured: f64, wanted: f64) -> Self {
        // If nothing could be measured, the value is NaN and the goal does not pass.
        Self { what: what.into(), measured, wanted, at_most: false, passes: measured >= wanted }
    }

    fn at_most(what: impl Into<String>, measured: f64, wanted: f64) -> Self {
        Self { what: what.into(), measured, wanted, at_most: true, passes: measured <= wanted }
    }
}

/// All goals, computed from medians.
#[expect(clippy::cast_precision_loss, reason = "an archive is far below 2^52 bytes")]
pub(crate) fn goals(results: &Results) -> Vec<Goal> {
    let ours = Tool::Ours(None).name();
    let equal = Tool::Ours(Some(EQUAL)).name();
    let of = |job, tool: &str, what: Field| medians(results, job, what).find(|(name, _)| *name == tool);
    let own = |job, what| of(job, &ours, what).map_or(f64::NAN, |(_, value)| value);
    let best = |job, what: Field, among: &str| {
        medians(results, job, what)
            // No variant of ours is a peer, and neither is the floor, which throws the bytes away.
            .filter(|(name, _)| !name.starts_with("ours") && name.starts_with(among))
            .map(|(_, value)| value)
            .fold(f64::NAN, f64::min)
    };
    let wall: Field = |sample| sample.wall_seconds;
    let cpu: Field = |sample| sample.cpu_seconds;
    let mib: Field = |sample| kib_to_mib(sample.peak_kib);

    let rclone_equal =
        of(Job::Download, &Tool::Rclone(EQUAL).name(), wall).map_or(f64::NAN, |(_, value)| value);
    let ours_equal = of(Job::Download, &equal, wall).map_or(f64::NAN, |(_, value)| value);
    let rate = |ours: bool| {
        let rates = results.small_gets.iter().filter(|rates| rates.tool.starts_with("ours") == ours);
        rates.map(|rates| median(rates.per_second.iter().copied())).fold(f64::NAN, f64::max)
    };
    let size = |tool: &str| results.archive_bytes.get(tool).map_or(f64::NAN, |bytes| *bytes as f64);
    let ratio = |job, what, among| best(job, what, among) / own(job, what);
    vec![
        Goal::at_least("download: best peer's time / ours", ratio(Job::Download, wall, ""), 1.6),
        Goal::at_least(
            format!("download, {EQUAL} connections each: rclone's time / ours"),
            rclone_equal / ours_equal,
            3.0,
        ),
        Goal::at_least(
            format!("small GETs, {EQUAL} connections: our rate / the gateway's"),
            rate(true) / rate(false),
            0.9,
        ),
        Goal::at_least("upload: best peer's time / ours", ratio(Job::Upload, wall, ""), 1.3),
        Goal::at_least(
            "download: rclone's least processor time / ours",
            ratio(Job::Download, cpu, "rclone"),
            2.0,
        ),
        Goal::at_least(
            "upload: rclone's least processor time / ours",
            ratio(Job::Upload, cpu, "rclone"),
            2.0,
        ),
        Goal::at_most("download: our peak memory, MiB", own(Job::Download, mib), 32.0),
        Goal::at_most("upload: our peak memory, MiB", own(Job::Upload, mib), 32.0),
        Goal::at_least("listing: best peer's time / ours", ratio(Job::List, wall, ""), 2.0),
        Goal::at_most("listing: our peak memory, MiB", own(Job::List, mib), 24.0),
        Goal::at_most(
            "listing ten times as many: our peak memory / that for one",
            own(Job::ListTenfold, mib) / own(Job::ListScripted, mib),
            1.1,
        ),
        Goal::at_most(
            "second run of a sync: our time / that of our listing",
            own(Job::SyncAgain, wall) / own(Job::SyncListing, wall),
            1.2,
        ),
        Goal::at_least("second run of a sync: best peer's time / ours", ratio(Job::SyncAgain, wall, ""), 1.0),
        Goal::at_most("second run of the largest sync: our peak memory, MiB", own(Job::SyncMany, mib), 32.0),
        Goal::at_most(
            "first backup: our time / that of our sync",
            own(Job::BackupFirst, wall) / own(Job::BackupFirstSync, wall),
            1.2,
        ),
        Goal::at_most(
            "later backup: our time / that of our listing",
            own(Job::BackupAgain, wall) / own(Job::BackupListing, wall),
            1.3,
        ),
        Goal::at_least("later backup: best peer's time / ours", ratio(Job::BackupAgain, wall, ""), 2.0),
        Goal::at_most(
            "later backup of the most objects: our peak memory, MiB",
            own(Job::BackupMany, mib),
            48.0,
        ),
        Goal::at_least("volume, save: tar czf's time / ours", ratio(Job::VolumeSave, wall, "tar czf"), 3.4),
        Goal::at_least(
            "volume, save: tar | pigz's time / ours",
            ratio(Job::VolumeSave, wall, "tar | pigz"),
            1.45,
        ),
        Goal::at_most("volume, save: our size / tar czf's", size("ours") / size("tar czf"), 0.95),
        Goal::at_least(
            "volume, load of logs: tar xzf's time / ours",
            ratio(Job::VolumeLoad, wall, "tar czf"),
            2.0,
        ),
        Goal::at_most("volume, save: our peak memory, MiB", own(Job::VolumeSave, mib), 48.0),
        Goal::at_most("volume, load: our peak memory, MiB", own(Job::VolumeLoad, mib), 48.0),
    ]
}

type Field = fn(&Sample) -> f64;

fn medians(results: &Results, job: Job, what: Field) -> impl Iterator<Item = (&str, f64)> {
    let of_job = results.jobs.iter().filter(move |series| series.job == job);
    of_job.map(move |series| (series.tool.as_str(), median(series.runs.iter().map(what))))
}

/// Converts kibibytes to mebibytes, for people.
#[expect(clippy::cast_precision_loss, reason = "a size in memory is far below 2^52 KiB")]
pub(crate) fn kib_to_mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rounds::Series;

    fn series(job: Job, tool: &str, walls: &[f64]) -> Series {
        let sample = |&wall_seconds| Sample { wall_seconds, cpu_seconds: 1.0, peak_kib: 32 << 10 };
        Series { job, tool: tool.to_owned(), runs: walls.iter().map(sample).collect() }
    }

    #[test]
    fn a_ratio_is_taken_to_the_best_peer_and_ours_are_no_peers() {
        let jobs = vec![
            series(Job::Download, "ours", &[1.0, 1.0, 9.0]),
            series(Job::Download, "ours, 16 connections", &[0.5]),
            series(Job::Download, "rclone, 16 transfers", &[4.0]),
            series(Job::Download, "rclone, 64 transfers", &[1.5, 1.7, 1.7]),
        ];
        let goals = goals(&Results { jobs, ..Results::default() });
        assert!((goals[0].measured - 1.7).abs() < 1e-9 && goals[0].passes, "{goals:?}");
        assert!((goals[1].measured - 8.0).abs() < 1e-9 && goals[1].passes, "{goals:?}");
        assert!(!goals[2].passes, "what was not measured does not pass");
        assert!(!goals[4].passes && goals[6].passes, "{goals:?}");
    }
}
