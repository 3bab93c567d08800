//! The files of a store volume: the logs of apps and of the platform, and files that are easy to get wrong in a tar.

use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Context, Result};
use crate::random::Sequence;

/// The file to which the cluster's keeper appends without end.
pub const GROWING: &str = "logs/deis-router.log";

const APPS: &[&str] = &["peachy-waxworks", "golden-kennels", "dev", "shop"];
const COMPONENTS: &[&str] = &["deis-builder", "deis-controller", "deis-database", "deis-registry"];
/// 2015-09-03 00:00 UTC.
const LONG_AGO: Duration = Duration::from_hours(400_344);

/// Fills an empty directory, each time with the same bytes, names, owners, modes and times.
pub fn fill(volume: &Path) -> Result<()> {
    let mut random = Sequence::new(1);
    let logs = volume.join("logs");
    make_directory(&logs, 0o777)?;
    for (number, app) in (1..).zip(APPS) {
        let log = logs.join(format!("{app}.log"));
        write(&log, &log_lines(app, number * 4000, &mut random), 0o644, (0, 0))?;
    }
    for component in COMPONENTS {
        let log = logs.join(format!("{component}.log"));
        write(&log, &log_lines(component, 1500, &mut random), 0o644, (0, 0))?;
    }
    // Large, so that a tar is busy with it while the keeper appends.
    let growing = log_lines("deis-router", 120_000, &mut random);
    write(&volume.join(GROWING), &growing, 0o644, (0, 0))?;
    fill_oddities(&volume.join("odd"), &mut random)?;
    // Last, since each new entry changes the time of its directory.
    for directory in [&logs, &volume.to_owned()] {
        set_time(directory)?;
    }
    Ok(())
}

fn fill_oddities(odd: &Path, random: &mut Sequence) -> Result<()> {
    make_directory(odd, 0o755)?;
    let long = "x".repeat(200);
    let names: [&str; 7] =
        ["with space.log", "größe-日志.log", "new\nline", "-rf", "tab\tand'quote\"", "back\\slash", &long];
    for name in names {
        write(&odd.join(name), &format!("{name}\n"), 0o644, (0, 0))?;
    }
    // Nothing setuid: an archive with that is not unpacked as root.
    let modes = [
        ("private", 0o600, (1000, 1000)),
        ("read-only", 0o444, (12345, 54321)),
        ("executable", 0o755, (0, 0)),
    ];
    for (name, mode, owner) in modes {
        write(&odd.join(name), &log_lines(name, 20, random), mode, owner)?;
    }
    write(&odd.join("empty"), "", 0o644, (0, 0))?;
    write(&odd.join(OsStr::new("zeros")), &"\0".repeat(70_000), 0o640, (0, 4))?;
    symlink("../logs/shop.log", odd.join("link")).context("Make a link")?;
    symlink("/nowhere", odd.join("dangling")).context("Make a link")?;
    lchown(odd.join("link"), Some(1000), Some(1000)).context("Give away a link")?;
    let (hollow, shared) = (odd.join("empty directory"), odd.join("setgid"));
    make_directory(&hollow, 0o700)?;
    make_directory(&shared, 0o755)?;
    write(&shared.join("inside"), "inherited\n", 0o664, (1000, 1000))?;
    chown(&shared, Some(1000), Some(1000)).context("Give away a directory")?;
    // After chown, which removes these bits.
    fs::set_permissions(&shared, Permissions::from_mode(0o2775)).context("Set a mode")?;
    for directory in [&hollow, &shared, &odd.to_owned()] {
        set_time(directory)?;
    }
    Ok(())
}

fn log_lines(source: &str, count: u32, random: &mut Sequence) -> String {
    let methods = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
    let paths =
        ["/", "/healthz", "/v1/apps/", "/v1/hooks/push", "/login", "/static/logo.png", "/suche?q=größe"];
    let statuses = ["200", "200", "200", "201", "304", "404", "500"];
    let mut text = String::new();
    for line in 0..u64::from(count) {
        let (hour, minute, second) = (line / 3600 % 24, line / 60 % 60, line % 60);
        let (method, path, status) =
            (random.choose(&methods), random.choose(&paths), random.choose(&statuses));
        let (id, micros) = (random.next_number(), random.next_number() % 900_000);
        let _ = writeln!(
            text,
            "2015-09-03T{hour:02}:{minute:02}:{second:02}UTC {source}[web.1]: {method} {path} {status} {micros}us id={id:016x}"
        );
    }
    text
}

fn make_directory(path: &Path, mode: u32) -> Result<()> {
    fs::create_dir(path).context(path.display())?;
    fs::set_permissions(path, Permissions::from_mode(mode)).context(path.display())
}

fn write(path: &Path, text: &str, mode: u32, (user, group): (u32, u32)) -> Result<()> {
    fs::write(path, text).context(path.display())?;
    chown(path, Some(user), Some(group)).context(path.display())?;
    fs::set_permissions(path, Permissions::from_mode(mode)).context(path.display())?;
    set_time(path)
}

/// Sets a time with a fraction of a second. It differs from file to file, but not from run to run.
fn set_time(path: &Path) -> Result<()> {
    let spread =
        path.file_name().map_or(0, |name| name.as_encoded_bytes().iter().map(|&byte| u64::from(byte)).sum());
    let time: SystemTime = UNIX_EPOCH + LONG_AGO + Duration::from_millis(spread * 1_000_457);
    let times = FileTimes::new().set_modified(time).set_accessed(time);
    File::open(path).and_then(|file| file.set_times(times)).context(path.display())
}
