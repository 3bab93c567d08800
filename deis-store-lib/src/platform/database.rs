//! The check that the database came back from the base backup and was not made anew: by its journal, its identity in etcd, the
//! latest base backup, and its tables.

use super::latest;
use super::stage::Stage;
use super::unit_names::DATABASE;
use super::version::Version;
use crate::cluster::database::query;
use crate::error::{At, Error, ErrorKind, Result};
use crate::fleet::Machine;

/// Where a database says which one it is.
pub(super) const INIT_ID: &str = "/deis/database/initId";

const REMEDY: &str = "stop it at once (deisctl stop database), since it writes into the bucket, and does so once more when it stops; then \
                      remove its data there (docker rm -v deis-database-data), empty the bucket, and run the restore again";

/// More lines than a start has, with a long replay of the log.
const JOURNAL_LINES: &str = "20000";

const ANEW: &str = "no backups found. Initializing a new database";
const RESTORED: &str = "restoring from backup";

/// The check.
pub(super) async fn check(stage: &mut Stage<'_>) -> Result<String> {
    match look(stage).await {
        Err(error) if error.kind() == ErrorKind::Damaged => {
            // The remedy is a restore of it from the beginning.
            stage.record.forget_database().await?;
            Err(error)
        }
        looked => looked,
    }
}

async fn look(stage: &Stage<'_>) -> Result<String> {
    let (machine, journal) = journal(stage).await?;
    let history = story(&journal);
    if history == Story::Anew {
        return Err(made_anew(&machine, "its journal says so"));
    }
    identity(stage, &machine).await?;
    let apps = count(stage, "select count(*) from api_app").await?;
    let (now, meant) = (latest::now(stage).await?, latest::meant(stage)?);
    if history == Story::Unknown && now != meant && !is_later(&now, &meant) {
        return Err(made_anew(&machine, &format!("LATEST is {now} now, and {meant} was meant")));
    }
    Ok(format!("it came back from {meant}, with {apps} applications"))
}

/// The check that the database is another one than etcd had named before: it names itself anew when it is restored.
async fn identity(stage: &Stage<'_>, machine: &Machine) -> Result<()> {
    if stage.version().await?.is_some_and(|version| version < Version::NAMES_DATABASE) {
        return Ok(());
    }
    let Some(now) = stage.text(INIT_ID).await? else {
        let what = "the database has not said which one it is";
        return Err(Error::new(ErrorKind::NotReady, what)
            .at(At::Key, INIT_ID)
            .todo("look at its journal: deisctl journal database"));
    };
    if stage.record.database_before() == Some(now.as_str()) {
        let what = "the database is the one that was there before, and was not restored";
        return Err(Error::new(ErrorKind::Damaged, what)
            .at(At::Unit, DATABASE)
            .at(At::Host, &machine.address)
            .todo(REMEDY));
    }
    Ok(())
}

/// The answer of a query that counts.
async fn count(stage: &Stage<'_>, sql: &str) -> Result<u64> {
    let answer = ask(stage, sql).await?;
    answer
        .trim()
        .parse()
        .map_err(|_| Error::new(ErrorKind::Protocol, "the database's answer to a count is no number"))
}

/// The answer to a query of the controller's database, on the machine where it runs.
pub(super) async fn ask(stage: &Stage<'_>, sql: &str) -> Result<String> {
    let name = stage.text("/deis/database/name").await?.unwrap_or_else(|| "deis".to_owned());
    let machine = stage.machine_of(DATABASE).await?;
    query(&*stage.host(&machine.address).await?, &name, sql).await
}

async fn journal(stage: &Stage<'_>) -> Result<(Machine, String)> {
    let machine = stage.machine_of(DATABASE).await?;
    let journal = stage.journal(DATABASE, &machine.address, JOURNAL_LINES).await?;
    Ok((machine, journal))
}

/// What a journal tells of how the database came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Story {
    Restored,
    Anew,
    /// The journal does not reach back that far.
    Unknown,
}

/// The last time counts: an earlier database of this machine has said the same.
fn story(journal: &str) -> Story {
    let told = journal.lines().rev().find_map(|line| match line {
        line if line.contains(ANEW) => Some(Story::Anew),
        line if line.contains(RESTORED) => Some(Story::Restored),
        _ => None,
    });
    told.unwrap_or(Story::Unknown)
}

/// Whether a base backup's place in the log is later than another's. A new database begins at the log's beginning.
fn is_later(now: &str, meant: &str) -> bool {
    let place = |key: &str| key.rsplit("base_").next().and_then(|rest| rest.get(8..24).map(str::to_owned));
    place(now).zip(place(meant)).is_some_and(|(now, meant)| now > meant)
}

fn made_anew(machine: &Machine, why: &str) -> Error {
    Error::new(ErrorKind::Damaged, format!("the database was made anew and not restored ({why})"))
        .at(At::Unit, DATABASE)
        .at(At::Host, &machine.address)
        .todo(REMEDY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_story_of_a_journal_counts() {
        let restored = "database: no backups found. Initializing a new database...\nx\ndatabase: restoring from backup...\n";
        assert_eq!(story(restored), Story::Restored);
        assert_eq!(
            story(&format!("{restored}database: no backups found. Initializing a new database...\n")),
            Story::Anew
        );
        assert_eq!(story("database: postgres is running...\n"), Story::Unknown);
    }

    #[test]
    fn a_base_backup_is_later_by_its_place_in_the_log_and_not_by_its_timeline() {
        let key = |place: &str| format!("basebackups_005/base_{place}_00000040_backup_stop_sentinel.json");
        assert!(is_later(&key("000000010000000200000001"), &key("0000000300000001000000A8")));
        assert!(!is_later(&key("000000010000000000000002"), &key("0000000100000002000000A8")));
        assert!(!is_later("nothing", &key("0000000100000002000000A8")));
    }
}
