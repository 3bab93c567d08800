//! The store volume: a directory of logs and small files that is saved as a `.tar.gz` and loaded again, beside GNU tar, alone and
//! with pigz. No gateway has a part in it.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use deis_store_tests::error::{Context as _, Result};
use deis_store_tests::random::Sequence;

use crate::files;
use crate::measure::run;
use crate::rounds::{At, Job, Results};
use crate::workload::Workload;

const SEED: u64 = 20_151_126;

/// The programs that save a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Saver {
    Ours,
    Tar,
    Pigz,
}

impl Saver {
    const ALL: [Self; 3] = [Self::Ours, Self::Tar, Self::Pigz];

    fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Tar => "tar czf",
            Self::Pigz => "tar | pigz",
        }
    }

    fn archive(self, work: &Path) -> PathBuf {
        work.join(format!("{self:?}.tar.gz"))
    }

    fn save(self, ours: &Path, directory: &Path, work: &Path) -> Command {
        let archive = self.archive(work);
        match self {
            Self::Ours => {
                let mut command = Command::new(ours);
                command.arg("volume-save").args([directory, &archive]);
                command
            }
            Self::Tar => {
                let mut command = Command::new("tar");
                command.arg("-czf").arg(archive).arg("-C").arg(directory).arg(".");
                command
            }
            Self::Pigz => {
                let mut command = Command::new("tar");
                command
                    .args(["--use-compress-program=pigz", "-cf"])
                    .arg(archive)
                    .arg("-C")
                    .arg(directory)
                    .arg(".");
                command
            }
        }
    }

    /// How it loads an archive. Each loads the one that it has made.
    fn load(self, ours: &Path, directory: &Path, work: &Path) -> Command {
        let archive = self.archive(work);
        match self {
            Self::Ours => {
                let mut command = Command::new(ours);
                command.arg("volume-load").args([&archive, directory]);
                command
            }
            Self::Tar | Self::Pigz => {
                let mut command = Command::new("tar");
                let unpack = if self == Self::Tar { "-xzf" } else { "-xf" };
                if self == Self::Pigz {
                    command.arg("--use-compress-program=pigz");
                }
                command.arg(unpack).arg(archive).arg("-C").arg(directory);
                command
            }
        }
    }
}

impl At<'_> {
    /// Measures saves of the logs and the small files together, and loads of the logs alone.
    pub(crate) fn volumes(&self, workload: &Workload, runs: u8, results: &mut Results) -> Result<()> {
        let work = &self.place.work;
        let volume = work.join("volume");
        eprintln!("Planting {} MiB of logs and {} small files", workload.log_mib, workload.log_files);
        plant(&volume, workload)?;
        let save = |saver: Saver, directory: &Path| {
            // Ours replaces no file.
            let archive = saver.archive(work);
            if archive.exists() {
                fs::remove_file(&archive).context(archive.display())?;
            }
            run(&saver.save(&self.place.ours, directory, work), Path::new("/dev/null"), work)
        };
        for round in 0..runs {
            for saver in turned(round) {
                let sample = save(saver, &volume)?;
                results.add(Job::VolumeSave, saver.name(), sample);
                let archive = saver.archive(work);
                results.add_size(saver.name(), fs::metadata(&archive).context(archive.display())?.len());
            }
        }
        let logs = volume.join("logs");
        for saver in Saver::ALL {
            save(saver, &logs)?;
        }
        for round in 0..runs {
            for saver in turned(round) {
                let to = work.join("loaded");
                fs::create_dir(&to).context(to.display())?;
                let sample = run(&saver.load(&self.place.ours, &to, work), Path::new("/dev/null"), work)?;
                files::same(&logs, &to).context(saver.name())?;
                fs::remove_dir_all(&to).context(to.display())?;
                results.add(Job::VolumeLoad, saver.name(), sample);
            }
        }
        for saver in Saver::ALL {
            let archive = saver.archive(work);
            fs::remove_file(&archive).context(archive.display())?;
        }
        fs::remove_dir_all(&volume).context(volume.display())
    }
}

fn turned(round: u8) -> [Saver; 3] {
    let mut savers = Saver::ALL;
    savers.rotate_left(usize::from(round) % 3);
    savers
}

/// Writes logs as a platform's router and applications do, in files of 128 MiB, and many small ones.
fn plant(directory: &Path, workload: &Workload) -> Result<()> {
    let mut numbers = Sequence::new(SEED);
    let (logs, small) = (directory.join("logs"), directory.join("small"));
    for made in [&logs, &small] {
        fs::create_dir_all(made).context(made.display())?;
    }
    let mut left = workload.log_mib;
    for number in 0.. {
        let mib = left.min(128);
        if mib == 0 {
            break;
        }
        let path = logs.join(format!("app-{number:02}.log"));
        log(&path, u64::from(mib) << 20, &mut numbers).context(path.display())?;
        left -= mib;
    }
    for number in 0..workload.log_files {
        let path = small.join(format!("app-{number:05}.log"));
        log(&path, 500 + numbers.next_number() % 4000, &mut numbers).context(path.display())?;
    }
    Ok(())
}

fn log(path: &Path, size_bytes: u64, numbers: &mut Sequence) -> std::io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let (mut written, mut line, mut second) = (0, String::new(), 0_u64);
    while written < size_bytes {
        line.clear();
        second += numbers.next_number() % 3;
        append_line(&mut line, second, numbers);
        file.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    file.flush()
}

/// A line of the router, or of an application.
fn append_line(line: &mut String, second: u64, numbers: &mut Sequence) {
    const WORDS: [&str; 16] = [
        "request",
        "completed",
        "user",
        "session",
        "cache",
        "miss",
        "hit",
        "queue",
        "job",
        "started",
        "finished",
        "timeout",
        "retry",
        "connection",
        "database",
        "query",
    ];
    const PATHS: [&str; 8] = [
        "/",
        "/login",
        "/api/v1/items",
        "/api/v1/users",
        "/static/app.js",
        "/static/app.css",
        "/health",
        "/search",
    ];
    let (hour, minute, of_minute) = (second / 3600 % 24, second / 60 % 60, second % 60);
    let day = second / 86_400 % 28 + 1;
    let mut pick = |below: u64| numbers.next_number() % below;
    let time = format!("2015-11-{day:02}T{hour:02}:{minute:02}:{of_minute:02}UTC");
    let word =
        |number: u64, words: &[&'static str]| words[usize::try_from(number).unwrap_or(0) % words.len()];
    if pick(3) > 0 {
        let (path, item) = (word(pick(8), &PATHS), pick(100_000));
        let _ = writeln!(
            line,
            "{time} app-{:02}[web.{}]: 10.{}.{}.{} - - \"GET {path}/{item} HTTP/1.1\" {} {} \"-\" \"Mozilla/5.0 (X11; Linux \
             x86_64; rv:42.0) Gecko/20100101 Firefox/42.0\" {}.{:03}",
            pick(20),
            pick(4) + 1,
            pick(4),
            pick(256),
            pick(256),
            [200, 200, 200, 304, 404, 500][usize::try_from(pick(6)).unwrap_or(0)],
            pick(40_000),
            pick(2),
            pick(1000)
        );
    } else {
        let words: Vec<_> = (0..pick(9) + 4).map(|_| word(pick(16), &WORDS)).collect();
        let _ = writeln!(
            line,
            "{time} app-{:02}[worker.{}]: level=info id={:016x} {} took={}ms",
            pick(20),
            pick(4) + 1,
            pick(u64::MAX),
            words.join(" "),
            pick(5000)
        );
    }
}
