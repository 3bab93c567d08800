//! The programs, and the best way to call each. `benches/README.md` gives the reasons.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deis_store_tests::error::{Context as _, Error, Result};
use deis_store_tests::faulty::KEYS;

use crate::gateway::Gateway;

/// The paths of the programs, and the directory in which they may write.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) work: PathBuf,
    pub(crate) ours: PathBuf,
    pub(crate) rclone: PathBuf,
    pub(crate) s5cmd: PathBuf,
}

impl Place {
    /// Finds the programs. The error names one that is not installed.
    pub(crate) fn find(work: &Path) -> Result<Self> {
        let beside = std::env::current_exe().context("Find ours")?.with_file_name("ours");
        let installed = |variable: &str, usual: &str| {
            std::env::var_os(variable).map_or_else(|| PathBuf::from(usual), PathBuf::from)
        };
        let rclone = installed("DEIS_STORE_TESTS_RCLONE", "/var/cache/deis-store-tests/rclone");
        let s5cmd = installed("DEIS_STORE_BENCHES_S5CMD", "/var/cache/deis-store-tests/s5cmd");
        let place = Self {
            work: work.to_owned(),
            ours: beside,
            rclone: rclone.join("bin/rclone"),
            // The program itself: the file in bin/ is a Python script that calls it.
            s5cmd: s5cmd.join("lib/python3.11/site-packages/s5cmd/bin/s5cmd"),
        };
        let others = ["/usr/bin/s3cmd", "/usr/bin/wrk", "/usr/bin/time", "/usr/bin/pigz"].map(PathBuf::from);
        for program in [&place.ours, &place.rclone, &place.s5cmd].into_iter().chain(&others) {
            if !program.exists() {
                return Err(Error::new(format!("No {}: use benches/run", program.display())));
            }
        }
        Ok(place)
    }
}

/// The option with which rclone does not list the destination.
const NOTHING_THERE: &str = "--no-check-dest";

/// The number of requests in flight for ours and rclone, in the comparison with equal connections.
pub(crate) const EQUAL: u16 = 16;

/// A program, with the setting that distinguishes two ways of calling it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tool {
    /// Our program, with this number of requests in flight. Without a number, the library chooses.
    Ours(Option<u16>),
    S3cmd,
    /// rclone, with this number of transfers.
    Rclone(u16),
    /// s5cmd, with this number of workers. Without a number, it uses its own 256.
    S5cmd(Option<u16>),
}

impl Tool {
    /// The programs that move data.
    pub(crate) const MOVERS: [Self; 8] = [
        Self::Ours(None),
        Self::Ours(Some(EQUAL)),
        Self::Rclone(EQUAL),
        Self::Rclone(64),
        Self::Rclone(128),
        Self::S5cmd(None),
        Self::S5cmd(Some(64)),
        Self::S3cmd,
    ];
    /// The programs that list. A listing takes one page after the other, so the numbers change nothing.
    pub(crate) const LISTERS: [Self; 4] =
        [Self::Ours(None), Self::Rclone(EQUAL), Self::S5cmd(None), Self::S3cmd];

    /// The programs that take what has changed.
    pub(crate) const COPIERS: [Self; 3] = [Self::Ours(None), Self::Rclone(EQUAL), Self::S3cmd];

    /// The programs that compare a bucket with a directory.
    pub(crate) const SYNCERS: [Self; 4] = Self::LISTERS;

    /// The program's name in tables.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Ours(None) => "ours".to_owned(),
            Self::Ours(Some(in_flight)) => format!("ours, {in_flight} connections"),
            Self::S3cmd => "s3cmd".to_owned(),
            Self::Rclone(transfers) => format!("rclone, {transfers} transfers"),
            Self::S5cmd(None) => "s5cmd".to_owned(),
            Self::S5cmd(Some(workers)) => format!("s5cmd, {workers} workers"),
        }
    }

    /// The command that downloads a whole bucket into an empty directory.
    pub(crate) fn download(self, place: &Place, gateway: &Gateway, bucket: &str, to: &Path) -> Command {
        let mut command = self.command(place, gateway);
        match self {
            Self::Ours(_) => command.args(["sync", bucket]).arg(to),
            Self::S3cmd => command
                .args(["get", "--quiet", "--recursive", "--no-progress", "--no-preserve"])
                .arg(format!("s3://{bucket}/"))
                .arg(slashed(to)),
            Self::Rclone(_) => command
                .args(["copy", NOTHING_THERE, "--s3-no-head-object"])
                .arg(format!("peer:{bucket}"))
                .arg(to),
            Self::S5cmd(_) => command.arg("cp").arg(format!("s3://{bucket}/*")).arg(slashed(to)),
        };
        command
    }

    /// The command that downloads a whole bucket and throws it away. Only our program has it.
    pub(crate) fn fetch(self, place: &Place, gateway: &Gateway, bucket: &str) -> Command {
        let mut command = self.command(place, gateway);
        command.args(["fetch", bucket]);
        command
    }

    /// The command that uploads a directory into an empty bucket.
    pub(crate) fn upload(self, place: &Place, gateway: &Gateway, from: &Path, bucket: &str) -> Command {
        let mut command = self.command(place, gateway);
        match self {
            Self::Ours(_) => command.arg("upload").arg(from).arg(bucket),
            Self::S3cmd => command
                .args([
                    "put",
                    "--quiet",
                    "--recursive",
                    "--no-progress",
                    "--no-preserve",
                    "--disable-multipart",
                ])
                .arg(slashed(from))
                .arg(format!("s3://{bucket}/")),
            Self::Rclone(_) => command
                .args(["copy", NOTHING_THERE, "--s3-no-head", "--s3-no-check-bucket"])
                .arg(from)
                .arg(format!("peer:{bucket}")),
            Self::S5cmd(_) => command.arg("cp").arg(slashed(from)).arg(format!("s3://{bucket}/")),
        };
        command
    }

    /// The command that prints the keys of a bucket, one line each.
    pub(crate) fn list(self, place: &Place, gateway: &Gateway, bucket: &str) -> Command {
        let mut command = self.command(place, gateway);
        match self {
            Self::Ours(_) => command.args(["list", bucket]),
            Self::S3cmd => command.args(["ls", "--recursive"]).arg(format!("s3://{bucket}/")),
            Self::Rclone(_) => command
                .args(["lsf", "--recursive", "--files-only", "--fast-list"])
                .arg(format!("peer:{bucket}")),
            Self::S5cmd(_) => command.arg("ls").arg(format!("s3://{bucket}/*")),
        };
        command
    }

    /// The command that makes a directory equal to a bucket.
    pub(crate) fn sync(self, place: &Place, gateway: &Gateway, bucket: &str, to: &Path) -> Command {
        let mut command = self.command(place, gateway);
        match self {
            Self::Ours(_) => command.args(["sync", bucket]).arg(to),
            Self::S3cmd => command
                .args(["sync", "--quiet", "--no-progress", "--no-preserve", "--no-check-md5"])
                .arg(format!("s3://{bucket}/"))
                .arg(slashed(to)),
            Self::Rclone(_) => command.args(["sync", "--fast-list"]).arg(format!("peer:{bucket}")).arg(to),
            Self::S5cmd(_) => command.arg("sync").arg(format!("s3://{bucket}/*")).arg(slashed(to)),
        };
        command
    }

    /// The command that takes what has changed in a bucket into a copy of it, by size and time.
    pub(crate) fn copy_again(self, place: &Place, gateway: &Gateway, bucket: &str, to: &Path) -> Command {
        match self {
            Self::Ours(_) => {
                let mut command = self.command(place, gateway);
                command.args(["backup", bucket]).arg(to);
                command
            }
            Self::Rclone(_) => {
                let mut command = self.command(place, gateway);
                command.args(["copy", "--fast-list"]).arg(format!("peer:{bucket}")).arg(to);
                command
            }
            Self::S3cmd | Self::S5cmd(_) => self.sync(place, gateway, bucket, to),
        }
    }

    /// The command that fetches the small objects of a bucket over and over. Only our program has it.
    pub(crate) fn small(self, place: &Place, gateway: &Gateway, bucket: &str, seconds: u64) -> Command {
        let mut command = self.command(place, gateway);
        command.args(["small", bucket, "--prefix", "small/", "--seconds", &seconds.to_string()]);
        command
    }

    fn command(self, place: &Place, gateway: &Gateway) -> Command {
        let url = format!("http://{}", gateway.address());
        let mut command;
        match self {
            Self::Ours(in_flight) => {
                command = Command::new(&place.ours);
                command.args(["--gateway", &url]);
                command.args(in_flight.map(|number| format!("--in-flight={number}")));
                keys(&mut command, gateway);
            }
            Self::S3cmd => {
                command = Command::new("/usr/bin/s3cmd");
                command.arg("--config").arg(place.work.join("s3cfg"));
            }
            Self::Rclone(transfers) => {
                command = Command::new(&place.rclone);
                let (transfers, settings) = (transfers.to_string(), rclone_settings(gateway, &url));
                command.envs(settings).args(["--config", "/dev/null"]);
                command.args(["--transfers", &transfers, "--checkers", &transfers]);
                // So rclone reads no times from metadata, which would need a HEAD for each object.
                command.args(["--use-server-modtime", "--no-update-modtime", "--no-update-dir-modtime"]);
            }
            Self::S5cmd(workers) => {
                command = Command::new(&place.s5cmd);
                command.args(["--endpoint-url", &url]);
                command.args(workers.map(|number| format!("--numworkers={number}")));
                command.env("AWS_REGION", "us-east-1");
                keys(&mut command, gateway);
            }
        }
        command
    }
}

/// Our program at a gateway that checks no keys. The caller adds the job.
pub(crate) fn at_script(place: &Place, url: &str) -> Command {
    let mut command = Command::new(&place.ours);
    command.args(["--gateway", url]);
    command.envs([("AWS_ACCESS_KEY_ID", KEYS.0), ("AWS_SECRET_ACCESS_KEY", KEYS.1)]);
    command
}

/// Writes the settings that s3cmd cannot take from its arguments.
pub(crate) fn write_s3cfg(place: &Place, gateway: &Gateway) -> Result<()> {
    let (access, secret, host) = (gateway.access_key(), gateway.secret_key(), gateway.address());
    let text = format!(
        "[default]\naccess_key = {access}\nsecret_key = {secret}\nhost_base = {host}\nhost_bucket = {host}\n\
         signature_v2 = True\nuse_https = False\n"
    );
    fs::write(place.work.join("s3cfg"), text).context("Write s3cfg")
}

fn keys(command: &mut Command, gateway: &Gateway) {
    command.env("AWS_ACCESS_KEY_ID", gateway.access_key());
    command.env("AWS_SECRET_ACCESS_KEY", gateway.secret_key());
}

fn rclone_settings(gateway: &Gateway, url: &str) -> Vec<(String, String)> {
    let settings = [
        ("TYPE", "s3"),
        ("PROVIDER", "Ceph"),
        ("V2_AUTH", "true"),
        ("ACCESS_KEY_ID", gateway.access_key()),
        ("SECRET_ACCESS_KEY", gateway.secret_key()),
        ("ENDPOINT", url),
    ];
    settings.map(|(name, value)| (format!("RCLONE_CONFIG_PEER_{name}"), value.to_owned())).into()
}

/// A path with a slash at its end: s3cmd and s5cmd then take the content of the directory.
fn slashed(path: &Path) -> String {
    format!("{}/", path.display())
}
