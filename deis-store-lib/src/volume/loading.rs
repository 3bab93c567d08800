//! Loads an archive into a directory, which must be empty.

use std::path::Path;
use std::time::Instant;

use tokio::io::AsyncRead;

use super::archive_file::{Plain, of_members, opened, plain};
use super::directory::Directory;
use super::here::{self, Owners};
use super::host;
use super::members::{Members, require_all};
use super::options::LoadOptions;
use super::ratio::Ratio;
use super::report::LoadReport;
use crate::archive::tar::{Oddities, Policy, Special};
use crate::disk::Root;
use crate::error::{At, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Level, Run, TaskKind, TaskResult, milliseconds};

/// What to do about members that the archive does not have.
const LOOK: &str = "look for them in the list of the archive; what was found is there";

/// Loads an archive, compressed or not, into an empty directory. If it is refused or not whole, the directory stays empty.
///
/// What would reach beyond the directory, and what could be read in two ways, is refused by name. What is no file, directory or
/// link is passed over by name, and setuid, setgid and sticky bits of files are dropped by name, unless the options keep them.
/// Owners are kept if we are root, and else become ours.
pub async fn load(
    directory: &Directory,
    archive: impl AsyncRead + Send + Unpin + 'static,
    options: &LoadOptions,
    run: &Run,
) -> Result<LoadReport> {
    let members = members(options)?;
    load_plain(directory, plain(archive, ratio(options)).await?, (options, members), run).await
}

/// The same of a file. If its index is given, only the members that are wanted are read.
pub async fn load_file(
    directory: &Directory,
    archive: &Path,
    options: &LoadOptions,
    run: &Run,
) -> Result<LoadReport> {
    let members = members(options)?;
    let plain = match (&options.index, &members) {
        (Some(index), Some(members)) => of_members(archive, index.clone(), members.clone()),
        _ => opened(archive, ratio(options)).await?,
    };
    load_plain(directory, plain, (options, members), run)
        .await
        .map_err(|error| error.at(At::File, archive.display()))
}

fn ratio(options: &LoadOptions) -> Ratio {
    if options.any_ratio { Ratio::Any } else { Ratio::Usual }
}

fn members(options: &LoadOptions) -> Result<Option<Members>> {
    if options.members.is_empty() { Ok(None) } else { Members::new(&options.members).map(Some) }
}

async fn load_plain(
    directory: &Directory,
    plain: Plain,
    (options, members): (&LoadOptions, Option<Members>),
    run: &Run,
) -> Result<LoadReport> {
    let start = Instant::now();
    let running = run.begin(None, TaskKind::Verb, "load");
    let special = if options.keep_special_modes { Special::Keep } else { Special::Drop };
    let policy = Policy { special, ..Policy::default() };
    let mut findings = Findings::default();
    let (entries, file_bytes) = match directory {
        Directory::Here(path) => {
            if let Some(warning) = host::require_volume_here(path)? {
                running.note(Level::Warning, "volume-mount", &warning);
            }
            let owners = if is_root() { Owners::Keep } else { Owners::Mine };
            let room = Some(Root::open(path)?.room()?);
            let options = here::Options { owners, room, members };
            let loaded = run.stop.cancels(Box::pin(here::load_into(path, plain, policy, options))).await?;
            require_all(&loaded.unpacked.missing, LOOK)?;
            add_oddities(&mut findings, None, &loaded.archive.oddities);
            if !loaded.dressed {
                let what = "it keeps its own mode and time, since it is another user's";
                findings.push(Finding::new(None, ".", FindingKind::NotKept, what));
            }
            (loaded.unpacked.entries, loaded.unpacked.file_bytes)
        }
        Directory::On { host, path } => {
            let loaded =
                run.stop.cancels(Box::pin(host::load(&**host, path, plain, (policy, members)))).await?;
            require_all(&loaded.missing, LOOK)?;
            if let Some(warning) = &loaded.warning {
                running.note(Level::Warning, "volume-mount", warning);
            }
            add_oddities(&mut findings, None, &loaded.scanned.oddities);
            (loaded.entries, loaded.file_bytes)
        }
    };
    running.done(TaskResult::Good);
    Ok(LoadReport { entries, file_bytes, findings, milliseconds: milliseconds(start.elapsed()) })
}

/// What was passed over, or is not as it was.
pub(crate) fn add_oddities(findings: &mut Findings, part: Option<&Part>, oddities: &Oddities) {
    for odd in oddities.list() {
        findings.push(Finding::new(part, &odd.name, FindingKind::NotKept, format!("it {}", odd.what)));
    }
    findings.leave_out(oddities.count() - oddities.list().len() as u64);
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
