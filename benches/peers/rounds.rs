//! The measurements. In each round every program has its turn, so that a disturbance of the machine hits all alike.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deis_store_tests::error::{Context as _, Error, Result};
use deis_store_tests::faulty::{FaultyGateway, LAST_MODIFIED};
use serde::Serialize;

use crate::gateway::Gateway;
use crate::measure::{Sample, run};
use crate::tool::{EQUAL, Place, Tool, at_script, write_s3cfg};
use crate::workload::Workload;
use crate::{bucket, files, wrk};

/// The bucket that is listed.
const LISTED: &str = "peers_list";

/// The bucket that is downloaded.
pub(crate) const DATA: &str = "peers_data";

/// The name of the floor, below which no program can be: a client that throws the bytes away.
const FLOOR: &str = "ours, nothing checked or written";

/// The amount of data to measure, and the number of runs.
#[derive(Clone, Debug)]
pub(crate) struct Rounds {
    pub(crate) runs: u8,
    pub(crate) workload: Workload,
    /// The one part to measure, if it is not all.
    pub(crate) only: Option<Part>,
}

/// A part of the measurements that can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    Download,
    SmallGets,
    Upload,
    List,
    Sync,
    Backup,
    Volume,
}

/// A job that a program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Job {
    Download,
    Upload,
    /// The longer listing.
    List,
    /// The same listing from a scripted gateway.
    ListScripted,
    /// A listing ten times as long from a scripted gateway: filling a real one would take hours.
    ListTenfold,
    /// A second run of a sync of the listed bucket, over a directory that already equals it.
    SyncAgain,
    /// The listing with which a sync begins, in the same rounds.
    SyncListing,
    /// The same second run with far more objects in one directory, from a scripted gateway.
    SyncMany,
    /// The first backup of the downloaded bucket.
    BackupFirst,
    /// A sync of the same into an empty directory, in the same rounds.
    BackupFirstSync,
    /// A later backup, when one of a hundred objects has changed.
    BackupAgain,
    /// The listing with which it begins, in the same rounds.
    BackupListing,
    /// A later backup of far more objects, from a scripted gateway.
    BackupMany,
    /// A directory of logs and small files that becomes a `.tar.gz`.
    VolumeSave,
    /// An archive of logs that becomes a directory.
    VolumeLoad,
}

/// All runs of a program at a job.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Series {
    pub(crate) job: Job,
    pub(crate) tool: String,
    pub(crate) runs: Vec<Sample>,
}

/// The rates of fetching small objects over and over: requests a second, for each run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Rates {
    pub(crate) tool: String,
    pub(crate) per_second: Vec<f64>,
}

/// All results.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Results {
    pub(crate) jobs: Vec<Series>,
    pub(crate) small_gets: Vec<Rates>,
    /// The sizes of the archives of one directory, by program.
    pub(crate) archive_bytes: BTreeMap<String, u64>,
}

impl Results {
    pub(crate) fn add(&mut self, job: Job, tool: &str, sample: Sample) {
        eprintln!(
            "{job:?}, {tool}: {:.2} s, CPU {:.2} s, {} KiB",
            sample.wall_seconds, sample.cpu_seconds, sample.peak_kib
        );
        match self.jobs.iter_mut().find(|series| series.job == job && series.tool == tool) {
            Some(series) => series.runs.push(sample),
            None => self.jobs.push(Series { job, tool: tool.to_owned(), runs: vec![sample] }),
        }
    }

    pub(crate) fn add_size(&mut self, tool: &str, bytes: u64) {
        self.archive_bytes.insert(tool.to_owned(), bytes);
    }

    fn add_rate(&mut self, tool: &str, rate: f64) {
        eprintln!("small GETs, {tool}: {rate:.0} /s");
        match self.small_gets.iter_mut().find(|rates| rates.tool == tool) {
            Some(rates) => rates.per_second.push(rate),
            None => self.small_gets.push(Rates { tool: tool.to_owned(), per_second: vec![rate] }),
        }
    }
}

/// Plants the data and measures all jobs.
pub(crate) fn measure(rounds: &Rounds, place: &Place, gateway: &Gateway) -> Result<Results> {
    write_s3cfg(place, gateway)?;
    let originals = place.work.join("originals");
    rounds.workload.plant(&originals)?;
    bucket::plant(gateway, DATA, &originals)?;
    let at = At { place, gateway, originals };
    let mut results = Results::default();
    let wants = |part| rounds.only.is_none_or(|only| only == part);
    if wants(Part::Download) {
        (0..rounds.runs).try_for_each(|round| at.downloads(round, &mut results))?;
    }
    if wants(Part::SmallGets) {
        let seconds = rounds.workload.small_gets_seconds;
        (0..rounds.runs).try_for_each(|_| at.small_gets(seconds, &mut results))?;
    }
    if wants(Part::Upload) {
        (0..rounds.runs).try_for_each(|round| at.uploads(round, &mut results))?;
    }
    if wants(Part::Backup) {
        (0..rounds.runs).try_for_each(|_| at.first_backups(&mut results))?;
        at.later_backups(&rounds.workload, rounds.runs, &mut results)?;
        at.backup_many(rounds.workload.synced_objects, &mut results)?;
    }
    if wants(Part::Volume) {
        at.volumes(&rounds.workload, rounds.runs, &mut results)?;
    }
    let listed = rounds.workload.listed_objects;
    if wants(Part::List) || wants(Part::Sync) {
        eprintln!("Planting {listed} objects");
        bucket::plant_many(gateway, LISTED, listed)?;
    }
    if wants(Part::List) {
        (0..rounds.runs).try_for_each(|round| at.listings(round, listed, &mut results))?;
    }
    if wants(Part::Sync) {
        at.syncs(&rounds.workload, rounds.runs, &mut results)?;
    }
    if wants(Part::List) {
        for (job, objects) in [(Job::ListScripted, listed), (Job::ListTenfold, 10 * listed)] {
            at.scripted_listings(rounds.runs, job, objects, &mut results)?;
        }
    }
    Ok(results)
}

pub(crate) struct At<'a> {
    pub(crate) place: &'a Place,
    pub(crate) gateway: &'a Gateway,
    pub(crate) originals: PathBuf,
}

impl At<'_> {
    fn downloads(&self, round: u8, results: &mut Results) -> Result<()> {
        for tool in in_turn(Tool::MOVERS, round) {
            let to = self.place.work.join("download");
            fs::create_dir(&to).context(to.display())?;
            let command = tool.download(self.place, self.gateway, DATA, &to);
            let sample = run(&command, Path::new("/dev/null"), &self.place.work)?;
            files::same(&self.originals, &to).context(tool.name())?;
            fs::remove_dir_all(&to).context(to.display())?;
            results.add(Job::Download, &tool.name(), sample);
        }
        let command = Tool::Ours(None).fetch(self.place, self.gateway, DATA);
        let sample = run(&command, Path::new("/dev/null"), &self.place.work)?;
        results.add(Job::Download, FLOOR, sample);
        Ok(())
    }

    fn uploads(&self, round: u8, results: &mut Results) -> Result<()> {
        for tool in in_turn(Tool::MOVERS, round) {
            let bucket = "peers_upload";
            bucket::create(self.gateway, bucket)?;
            let command = tool.upload(self.place, self.gateway, &self.originals, bucket);
            let sample = run(&command, Path::new("/dev/null"), &self.place.work)?;
            bucket::same(self.gateway, bucket, &self.originals).context(tool.name())?;
            self.gateway.remove(bucket)?;
            results.add(Job::Upload, &tool.name(), sample);
        }
        Ok(())
    }

    fn listings(&self, round: u8, objects: u32, results: &mut Results) -> Result<()> {
        for tool in in_turn(Tool::LISTERS, round) {
            let sample = self.listing(&tool.list(self.place, self.gateway, LISTED), objects)?;
            results.add(Job::List, &tool.name(), sample);
        }
        Ok(())
    }

    /// Measures our program alone, for its memory.
    fn scripted_listings(&self, runs: u8, job: Job, objects: u32, results: &mut Results) -> Result<()> {
        let script = FaultyGateway::start()?;
        for number in 0..objects {
            script.store(LISTED, &format!("{number:08}"), b"");
        }
        for _ in 0..runs {
            let sample =
                self.listing(at_script(self.place, &script.url()).args(["list", LISTED]), objects)?;
            results.add(job, &Tool::Ours(None).name(), sample);
        }
        Ok(())
    }

    /// Measures runs of a sync that find everything there.
    fn syncs(&self, workload: &Workload, runs: u8, results: &mut Results) -> Result<()> {
        let mirror = self.place.work.join("mirror");
        self.sync(&Tool::Ours(None).sync(self.place, self.gateway, LISTED, &mirror), None)?;
        for round in 0..runs {
            for tool in in_turn(Tool::SYNCERS, round) {
                let command = tool.sync(self.place, self.gateway, LISTED, &mirror);
                let unchanged = matches!(tool, Tool::Ours(_)).then_some(workload.listed_objects);
                let sample = self.sync(&command, unchanged)?;
                results.add(Job::SyncAgain, &tool.name(), sample);
            }
            let ours = Tool::Ours(None);
            let listing = ours.list(self.place, self.gateway, LISTED);
            let sample = self.listing(&listing, workload.listed_objects)?;
            results.add(Job::SyncListing, &ours.name(), sample);
        }
        fs::remove_dir_all(&mirror).context(mirror.display())?;
        self.sync_many(workload.synced_objects, &mirror, results)
    }

    /// Measures our program alone and once, for its memory.
    fn sync_many(&self, objects: u32, mirror: &Path, results: &mut Results) -> Result<()> {
        eprintln!("Planting {objects} files");
        let script = FaultyGateway::start()?;
        let time = httpdate::parse_http_date(LAST_MODIFIED).context("The script's time")?;
        let directory = mirror.join("wal_005");
        fs::create_dir_all(&directory).context(directory.display())?;
        for number in 0..objects {
            let name = format!("{number:024X}.lzo");
            let path = directory.join(&name);
            let file = fs::File::create(&path).context(path.display())?;
            file.set_modified(time).context(path.display())?;
            script.store(LISTED, &format!("wal_005/{name}"), b"");
        }
        let mut command = at_script(self.place, &script.url());
        let sample = self.sync(command.args(["sync", LISTED]).arg(mirror), Some(objects))?;
        results.add(Job::SyncMany, &Tool::Ours(None).name(), sample);
        fs::remove_dir_all(mirror).context(mirror.display())
    }

    /// Measures a sync. With `unchanged`, the program must print that it copied nothing and found this many unchanged.
    fn sync(&self, command: &Command, unchanged: Option<u32>) -> Result<Sample> {
        let output = self.place.work.join("printed");
        let sample = run(command, &output, &self.place.work)?;
        let printed = fs::read_to_string(&output).context(output.display())?;
        match unchanged {
            Some(unchanged) if printed != format!("0 {unchanged}\n") => {
                Err(Error::new(format!("copied and unchanged: {printed}")))
            }
            _ => Ok(sample),
        }
    }

    pub(crate) fn listing(&self, command: &Command, objects: u32) -> Result<Sample> {
        let output = self.place.work.join("listing");
        let sample = run(command, &output, &self.place.work)?;
        let text = fs::read_to_string(&output).context(output.display())?;
        match text.lines().count() {
            count if count == objects as usize => Ok(sample),
            count => Err(Error::new(format!("{} listed {count} lines", command.get_program().display()))),
        }
    }

    fn small_gets(&self, seconds: u64, results: &mut Results) -> Result<()> {
        let output = self.place.work.join("printed");
        let printed = || fs::read_to_string(&output).context(output.display());
        let keys: Vec<String> =
            files::files(&self.originals)?.into_keys().filter(|key| key.starts_with("small/")).collect();
        wrk::prepare(self.gateway, DATA, &keys, &self.place.work)?;
        for connections in wrk::CONNECTIONS {
            let command = wrk::command(self.gateway, connections, seconds, &self.place.work);
            run(&command, &output, &self.place.work)?;
            results.add_rate(&format!("wrk, {connections} connections"), wrk::rate(&printed()?)?);
        }
        let ours = Tool::Ours(Some(EQUAL));
        run(&ours.small(self.place, self.gateway, DATA, seconds), &output, &self.place.work)?;
        let rate = printed()?.trim().parse().context("ours prints its rate")?;
        results.add_rate(&ours.name(), rate);
        Ok(())
    }
}

/// The order of a round. Another program begins in each round, so that no program always follows the same one.
pub(crate) fn in_turn<const N: usize>(mut tools: [Tool; N], round: u8) -> [Tool; N] {
    tools.rotate_left(usize::from(round) % N);
    tools
}
