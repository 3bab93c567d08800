//! A machine: its host, and the files by which the programs on the host know its containers and journals.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use super::options::{Options, Release};
use crate::environment::Postgres;
use crate::error::{Context, Result};
use crate::host::{Host, Setup, write};
use crate::process::{program, run};

/// One machine of a cluster.
#[derive(Debug)]
pub struct Machine {
    id: String,
    address: String,
    name: String,
    bin: PathBuf,
    host: Mutex<Host>,
    /// Held while one of the files changes.
    files: Mutex<()>,
}

impl Machine {
    /// Starts the machine of this number: no container runs, and no volume is mounted.
    pub(crate) fn start(
        number: usize,
        directory: &Path,
        database: &Postgres,
        options: &Options,
    ) -> Result<Self> {
        let address = format!("127.0.0.{number}");
        let setup = Setup {
            address: address.clone(),
            directory: directory.join(format!("host{number}")),
            login_key: directory.join("login_key"),
        };
        let host = Host::start_with(setup, None, &[], Some(database))?;
        let bin = host.bin();
        install_programs(&bin, options.deisctl && number == 1)?;
        let Release(major, minor, patch) = options.release;
        let variables = format!(
            "export PGHOST='{}' PGPORT={} RELEASE={major}.{minor}.{patch} KEY_DELAY={}\n",
            database.socket_dir.display(),
            database.port,
            options.key_delay.as_secs_f64()
        );
        write(&bin.join("exec-deis-controller/environment"), &variables, 0o644)?;
        if options.release_file {
            let text = format!("DEIS_RELEASE={}\n", options.release);
            write(&bin.join("deis-release"), &text, 0o644)?;
        }
        let id = format!("5277b5e9c0f94b5d8a3e1d2c3b4a596{number}");
        let name = format!("deis-{number}");
        Ok(Self { id, address, name, bin, host: Mutex::new(host), files: Mutex::default() })
    }

    /// Fleet's name for it.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its sshd and mounts, to kill and start again. Nothing else of the agent goes on meanwhile that needs them.
    pub fn host(&self) -> MutexGuard<'_, Host> {
        self.host.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of the running containers.
    #[must_use]
    pub fn containers(&self) -> Vec<String> {
        self.names("containers").into_iter().collect()
    }

    /// Its host name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Has a container run.
    pub(super) fn run_container(&self, name: &str) -> Result<()> {
        self.change("containers", |names| _ = names.insert(name.to_owned()))
    }

    /// Removes a container that runs.
    pub(super) fn remove_container(&self, name: &str) -> Result<()> {
        self.change("containers", |names| _ = names.remove(name))
    }

    /// Has a container be there that holds data and does not run.
    pub(super) fn keep_data(&self, name: &str) -> Result<()> {
        self.change("stopped", |names| _ = names.insert(name.to_owned()))
    }

    /// Removes such a container.
    pub(super) fn remove_data(&self, name: &str) -> Result<()> {
        self.change("stopped", |names| _ = names.remove(name))
    }

    /// Writes into a unit's journal.
    pub(super) fn say(&self, unit: &str, message: &str) {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let lines: String = message.lines().map(|line| format!("{seconds}\t{line}\n")).collect();
        let journal = OpenOptions::new().create(true).append(true).open(self.journal(unit));
        if let Err(error) = journal.and_then(|mut file| file.write_all(lines.as_bytes())) {
            eprintln!("Journal of {unit}: {error}");
        }
    }

    /// All messages in a unit's journal.
    pub(super) fn messages(&self, unit: &str) -> String {
        let journal = fs::read_to_string(self.journal(unit)).unwrap_or_default();
        journal.lines().filter_map(|line| Some(format!("{}\n", line.split_once('\t')?.1))).collect()
    }

    /// Mounts the volume, and says that it is of this type.
    pub(super) fn mount(&self, volume: &Path, kind: &str) -> Result<()> {
        write(&self.bin.join("mount-kind"), kind, 0o644)?;
        self.host().mount(volume)
    }

    /// The directory in which commands ask the agent.
    pub(super) fn requests(&self) -> PathBuf {
        self.bin.join("requests")
    }

    /// The commands of `manage.py` that were run by hand.
    pub(super) fn manage_runs(&self) -> Vec<String> {
        let log = fs::read_to_string(self.bin.join("manage.log")).unwrap_or_default();
        log.lines().map(str::to_owned).collect()
    }

    /// Whether programs in the controller's container reach etcd.
    pub(super) fn lets_controller_reach_etcd(&self, reaches: bool) -> Result<()> {
        let file = self.bin.join("no-etcd");
        if reaches {
            fs::remove_file(&file)
                .or_else(|error| if file.exists() { Err(error) } else { Ok(()) })
                .context("etcd")
        } else {
            write(&file, "", 0o644)
        }
    }

    /// Runs the controller's `manage.py` as the container's own process does, and returns what it says.
    pub(super) fn manage(&self, etcd: &str, command: &str) -> Result<String> {
        let place = self.bin.join("exec-deis-controller");
        let script = "set -a; . ../environment; exec ./manage.py \"$0\" 2>&1";
        let mut manage = program("/bin/sh");
        manage
            .args(["-c", script, command])
            .current_dir(place.join("app"))
            .env("ETCD", etcd)
            .env("AT_BOOT", "1");
        run("manage.py", manage)
    }

    fn journal(&self, unit: &str) -> PathBuf {
        self.bin.join("journal").join(unit)
    }

    fn names(&self, file: &str) -> BTreeSet<String> {
        let names = fs::read_to_string(self.bin.join(file)).unwrap_or_default();
        names.lines().map(str::to_owned).collect()
    }

    fn change(&self, file: &str, change: impl FnOnce(&mut BTreeSet<String>)) -> Result<()> {
        let _guard = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = self.names(file);
        change(&mut names);
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        // Renamed into place, since a program may read it at any time.
        let (new, place) = (self.bin.join(format!("{file}.new")), self.bin.join(file));
        write(&new, &text, 0o644)?;
        fs::rename(new, &place).context(place.display())
    }
}

/// The programs that a machine has besides `docker`.
fn install_programs(bin: &Path, deisctl: bool) -> Result<()> {
    for directory in ["requests", "journal", "exec-deis-controller/app"] {
        fs::create_dir_all(bin.join(directory)).context(bin.display())?;
    }
    write(&bin.join("mount-kind"), "ceph", 0o644)?;
    let programs = [
        ("request", include_str!("../../fixtures/request.sh")),
        ("cat", include_str!("../../fixtures/cat.sh")),
        ("journalctl", include_str!("../../fixtures/journalctl.sh")),
        ("exec-deis-database/sudo", include_str!("../../fixtures/in_database.sh")),
        ("exec-deis-controller/sh", include_str!("../../fixtures/in_controller.sh")),
        ("exec-deis-controller/app/manage.py", include_str!("../../fixtures/manage.py")),
    ];
    let deisctl = deisctl.then_some(("deisctl", include_str!("../../fixtures/deisctl.sh")));
    for (name, text) in programs.into_iter().chain(deisctl) {
        write(&bin.join(name), &text.replace("@DIRECTORY@", &bin.display().to_string()), 0o755)?;
    }
    Ok(())
}
