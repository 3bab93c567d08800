//! Backups: the first one beside a sync of the same, and later ones beside the programs that take what has changed.

use std::fs;
use std::path::Path;
use std::process::Command;

use deis_store_tests::error::{Context as _, Error, Result};
use deis_store_tests::faulty::FaultyGateway;

use crate::bucket;
use crate::measure::{Sample, run};
use crate::rounds::{At, DATA, Job, Results, in_turn};
use crate::tool::{Tool, at_script};
use crate::workload::Workload;

/// The bucket that is backed up again and again.
const BACKED_UP: &str = "peers-again";

impl At<'_> {
    /// Measures a sync into an empty directory, and a backup of the same into an empty repository.
    pub(crate) fn first_backups(&self, results: &mut Results) -> Result<()> {
        let ours = Tool::Ours(None);
        let to = self.place.work.join("first");
        fs::create_dir(&to).context(to.display())?;
        let sync = ours.download(self.place, self.gateway, DATA, &to);
        results.add(
            Job::BackupFirstSync,
            &ours.name(),
            run(&sync, Path::new("/dev/null"), &self.place.work)?,
        );
        fs::remove_dir_all(&to).context(to.display())?;
        let backup = ours.copy_again(self.place, self.gateway, DATA, &to);
        results.add(Job::BackupFirst, &ours.name(), run(&backup, Path::new("/dev/null"), &self.place.work)?);
        fs::remove_dir_all(&to).context(to.display())
    }

    /// Measures what each program takes for one of a hundred objects that has changed.
    pub(crate) fn later_backups(&self, workload: &Workload, runs: u8, results: &mut Results) -> Result<()> {
        let objects = workload.backed_up_objects;
        eprintln!("Planting {objects} objects");
        bucket::plant_many(self.gateway, BACKED_UP, objects)?;
        let to = |tool: Tool| self.place.work.join(format!("again {}", tool.name()));
        let rclone = to(Tool::COPIERS[1]);
        for tool in [Tool::COPIERS[0], Tool::COPIERS[1]] {
            self.backup(&tool.copy_again(self.place, self.gateway, BACKED_UP, &to(tool)), None)?;
        }
        // It takes a quarter of an hour for its first copy.
        let copied = Command::new("cp").arg("-a").arg(&rclone).arg(to(Tool::S3cmd)).status();
        if !copied.context("Copy")?.success() {
            return Err(Error::new("The copy for s3cmd was not made"));
        }
        for round in 0..runs {
            let changed = bucket::change(self.gateway, BACKED_UP, objects, u32::from(round))?;
            for tool in in_turn(Tool::COPIERS, round) {
                let command = tool.copy_again(self.place, self.gateway, BACKED_UP, &to(tool));
                let expected = matches!(tool, Tool::Ours(_)).then_some((changed, objects - changed));
                results.add(Job::BackupAgain, &tool.name(), self.backup(&command, expected)?);
            }
            let ours = Tool::Ours(None);
            let listing = ours.list(self.place, self.gateway, BACKED_UP);
            results.add(Job::BackupListing, &ours.name(), self.listing(&listing, objects)?);
        }
        Tool::COPIERS.iter().try_for_each(|tool| {
            let directory = to(*tool);
            fs::remove_dir_all(&directory).context(directory.display())
        })
    }

    /// Measures our program alone and once, for its memory.
    pub(crate) fn backup_many(&self, objects: u32, results: &mut Results) -> Result<()> {
        let repository = self.place.work.join("many");
        let script = FaultyGateway::start()?;
        for number in 0..objects {
            script.store(BACKED_UP, &format!("wal_005/{number:024X}.lzo"), b"");
        }
        let command = || {
            let mut command = at_script(self.place, &script.url());
            command.args(["backup", BACKED_UP]).arg(&repository);
            command
        };
        self.backup(&command(), Some((objects, 0)))?;
        let sample = self.backup(&command(), Some((0, objects)))?;
        results.add(Job::BackupMany, &Tool::Ours(None).name(), sample);
        fs::remove_dir_all(&repository).context(repository.display())
    }

    /// Measures a backup; ours must have stored and shared so many objects.
    fn backup(&self, command: &Command, expected: Option<(u32, u32)>) -> Result<Sample> {
        let output = self.place.work.join("printed");
        let sample = run(command, &output, &self.place.work)?;
        let printed = fs::read_to_string(&output).context(output.display())?;
        match expected {
            Some((stored, unchanged)) if printed != format!("{stored} {unchanged}\n") => {
                Err(Error::new(format!("stored and unchanged: {printed}")))
            }
            _ => Ok(sample),
        }
    }
}
