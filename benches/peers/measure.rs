//! One run of a program, measured from outside: wall time, processor time and peak memory, by GNU time.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use deis_store_tests::error::{Context as _, Error, Result};
use deis_store_tests::interrupt;
use serde::Serialize;

/// The measured values of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// The time from start to end.
    pub(crate) wall_seconds: f64,
    /// User and system time of the program and of all programs that it started, in steps of 10 ms.
    pub(crate) cpu_seconds: f64,
    /// The largest resident set.
    pub(crate) peak_kib: u64,
}

/// Runs a program to its end. Its output goes to `output`. Only a success counts.
pub(crate) fn run(command: &Command, output: &Path, work: &Path) -> Result<Sample> {
    interrupt::check()?;
    let (usage, errors) = (work.join("usage"), work.join("errors"));
    let open = |path: &Path| File::create(path).context(path.display());
    // GNU time waits with wait4, which needs unsafe code here. It is also small: memory that a fork takes over from its
    // parent would count as the child's.
    let mut timed = Command::new("/usr/bin/time");
    timed
        .args(["-q", "-f", "%U %S %M", "-o"])
        .arg(&usage)
        .arg(command.get_program())
        .args(command.get_args());
    // No variable of our own environment: proxies, certificates, configuration.
    timed.env_clear().env("PATH", "/usr/bin:/bin").env("LANG", "C.UTF-8").env("HOME", work);
    timed.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    timed.current_dir(work).stdin(Stdio::null()).stdout(open(output)?).stderr(open(&errors)?);
    let begun = Instant::now();
    let status = timed.status().context("/usr/bin/time")?;
    let wall_seconds = begun.elapsed().as_secs_f64();
    interrupt::check()?;
    let what = command.get_program().to_string_lossy();
    if !status.success() {
        let said = fs::read_to_string(&errors).unwrap_or_default();
        return Err(Error::new(format!("{what}: {status}\n{said}")));
    }
    let text = fs::read_to_string(&usage).context(usage.display())?;
    parse(&text, wall_seconds).ok_or_else(|| Error::new(format!("{what}: GNU time says {text:?}")))
}

fn parse(usage: &str, wall_seconds: f64) -> Option<Sample> {
    let mut fields = usage.split_whitespace();
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some(Sample { wall_seconds, cpu_seconds: user + system, peak_kib: fields.next()?.parse().ok()? })
}

/// The middle one of some numbers, or the mean of the two middle ones.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_not_moved_by_one_that_was_disturbed() {
        assert!((median([2.0, 90.0, 1.0]) - 2.0).abs() < 1e-9);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).is_nan());
    }

    #[test]
    fn a_program_that_fails_is_no_measurement_and_one_that_works_is() {
        let work = tempfile::tempdir().unwrap();
        let output = work.path().join("output");
        let mut command = Command::new("sh");
        command.args(["-c", "echo $WORD; exit $CODE"]).env("WORD", "word");
        let sample = run(command.env("CODE", "0"), &output, work.path()).unwrap();
        assert!(sample.wall_seconds > 0.0 && sample.peak_kib > 100, "{sample:?}");
        assert_eq!(fs::read_to_string(&output).unwrap(), "word\n");
        assert!(run(command.env("CODE", "3"), &output, work.path()).is_err());
    }
}
