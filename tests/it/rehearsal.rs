//! `rehearse`, as a new user types it: it prints its steps, finds damage, and leaves nothing behind.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deis_store::rehearse::{Sample, SampleObject};
use deis_store_tests::process::signal;
use deis_store_tests::wal_e::installed;

use crate::clusters::{a, b};
use crate::program::{Ran, alone, command, on, ran, with_peak_memory};

/// The most memory that a rehearsal may need: 72 MiB on two cores. Some 3 MiB of it are for each core, since all compress.
const MOST_MEMORY_KB: u64 = 72 << 10;
/// The time limit for an unoptimised run beside all other tests. An optimised run takes seconds.
const LIMIT: Duration = Duration::from_mins(3);
/// The time limit for a run to stop.
const STOP_LIMIT: Duration = Duration::from_secs(10);

const STEPS: [&str; 5] = ["made", "backed up", "verified", "restored", "compared"];

/// The place in which the program runs: an empty directory for its files, and an empty current directory.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        for name in ["tmp", "cwd"] {
            std::fs::create_dir(directory.path().join(name)).unwrap();
        }
        Self { directory }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.env("TMPDIR", self.path("tmp")).current_dir(self.path("cwd"));
        command.args(["--progress", "plain"]).args(arguments);
        command
    }

    fn rehearse(&self, arguments: &[&str]) -> Ran {
        let ran = ran(&mut self.command(&[&["rehearse"], arguments].concat()));
        assert!(self.left().is_empty(), "it leaves {:?}: {ran:?}", self.left());
        ran
    }

    fn begin(&self) -> Child {
        let mut command = self.command(&["rehearse"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// The names of all files that the program has left.
    fn left(&self) -> Vec<String> {
        ["tmp", "cwd"].iter().flat_map(|name| names(&self.path(name))).collect()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn sample() -> Vec<SampleObject> {
    Sample::new(1).buckets().into_iter().flat_map(|bucket| bucket.objects).collect()
}

#[test]
fn a_rehearsal_prints_its_steps_needs_little_and_leaves_nothing() {
    let place = Place::new();
    let began = Instant::now();
    let (ran, most) = with_peak_memory(&mut place.command(&["rehearse"]));
    assert!(began.elapsed() < LIMIT, "it ends in time");
    let text = ran.code(0).stdout;
    assert!((1000..=MOST_MEMORY_KB).contains(&most), "{most} kB");
    assert!(place.left().is_empty(), "it leaves {:?}", place.left());

    let steps: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(steps.len(), STEPS.len(), "{text}");
    for (line, step) in steps.iter().zip(STEPS) {
        let words = line.trim_start().strip_prefix(step).unwrap_or_else(|| panic!("{step}: {line}"));
        assert!(words.contains(" MiB") && line.ends_with(" s"), "{line}");
        assert_eq!(line.len(), steps[0].len(), "it is a table: {text}");
    }
    assert!(text.lines().last().unwrap().starts_with("What came back is what was there, in "), "{text}");
}

#[test]
fn a_rehearsal_of_another_cluster_reports_json() {
    let report = Place::new().rehearse(&["--json", "--seed", "7"]).code(0).json();
    assert_eq!(
        (&report["schema"], &report["command"], &report["exit"]),
        (&1.into(), &"rehearse".into(), &0.into())
    );
    let report = &report["report"];
    assert_eq!(report["verdict"], "good");
    assert_eq!(report["findings"], serde_json::json!([]));
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.iter().map(|step| step["name"].as_str().unwrap()).collect::<Vec<_>>(), STEPS);
    for step in steps {
        assert!(step["objects"].as_u64() > Some(80) && step["bytes"].as_u64() > Some(20 << 20), "{step}");
    }
    let made: u64 = steps.iter().map(|step| step["milliseconds"].as_u64().unwrap()).sum();
    assert!(report["milliseconds"].as_u64().unwrap() >= made, "{report}");
}

#[test]
fn a_damaged_object_is_named_wherever_it_is() {
    let objects = sample();
    let find = |what: &str, found: &dyn Fn(&SampleObject) -> bool| {
        objects.iter().find(|object| found(object)).unwrap_or_else(|| panic!("{what}")).key.clone()
    };
    let segment = find("a segment", &|object| object.key.starts_with("wal_005/0"));
    let layer = find("a layer of several parts", &|object| {
        object.part_size_bytes.is_some_and(|part| object.bytes().len() as u64 > part)
    });
    let odd = find("two slashes and a percent sign", &|object| object.key.starts_with("notes//100%"));

    let ran = Place::new().rehearse(&["--damage", &segment]).code(4);
    assert!(ran.stdout.contains(&segment) && ran.stdout.contains("DAMAGED"), "{ran:?}");
    assert!(!ran.stdout.contains("restored"), "it ends where the damage is found: {ran:?}");

    // Nothing tells in what parts the layer was uploaded, so the comparison may be the first to see the damage.
    let ran = Place::new().rehearse(&["--damage", &layer]).code(4);
    assert!(ran.stdout.contains(&layer) && ran.stdout.contains("DAMAGED"), "{ran:?}");

    let report = Place::new().rehearse(&["--json", "--damage", &odd]).code(4).json();
    assert_eq!((&report["exit"], &report["report"]["verdict"]), (&4.into(), &"damaged".into()));
    let findings = report["report"]["findings"].as_array().unwrap();
    assert!(!findings.is_empty() && findings.iter().all(|finding| finding["name"] == *odd), "{report}");
}

#[test]
fn damage_that_can_hit_nothing_is_refused() {
    Place::new().rehearse(&["--damage", "nope"]).code(2).says(&["no such object", "key nope", "to do:"]);
    let empty = sample().into_iter().find(|object| object.bytes().is_empty()).unwrap().key;
    Place::new().rehearse(&["--damage", &empty]).code(2).says(&[&empty, "no byte", "to do:"]);
}

#[test]
fn a_rehearsal_without_a_place_says_where_it_wanted_one() {
    let mut command = command();
    command.env("TMPDIR", "/nonexistent/tmp").args(["rehearse"]);
    ran(&mut command).code(1).says(&["/nonexistent/tmp", "to do:"]);
}

#[test]
fn a_rehearsal_on_a_full_disk_names_the_disk_and_not_the_gateway() {
    let scratch = tempfile::tempdir().unwrap();
    for size in ["1m", "20m", "60m"] {
        let mut full = on_a_small_disk(size, scratch.path());
        full.arg("rehearse").env("TMPDIR", scratch.path());
        let ran = ran(&mut full).code(1).says(&[
            "No space left",
            "free some space",
            scratch.path().to_str().unwrap(),
        ]);
        assert!(!ran.stderr.contains("gateway"), "{size}: {ran:?}");
    }
}

/// The program, where this directory is a file system of its own.
fn on_a_small_disk(size: &str, place: &Path) -> Command {
    let script = format!("mount -t tmpfs -o size={size},mode=711 none \"$0\" && exec \"$@\"");
    let mut small = Command::new("unshare");
    small.args(["--mount", "sh", "-c", &script]).arg(place).arg(crate::program::path());
    small.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    small
}

#[test]
fn an_interrupted_rehearsal_leaves_nothing_whenever_that_is() {
    // The first moments lie close together, since most files are made then. Later ones hit each step once.
    let moments = (1..=8).map(|step| step * 200).chain([2500, 4000, 6000, 8000, 11_000]);
    let signals = [["INT", ""], ["TERM", ""], ["INT", "TERM"]];
    let runs: Vec<(u64, [&str; 2])> = moments.zip(signals.into_iter().cycle()).collect();
    let interrupted: usize = std::thread::scope(|threads| {
        let lanes: Vec<_> = (0..3)
            .map(|lane| {
                let runs = runs.iter().skip(lane).step_by(3);
                threads.spawn(move || runs.filter(|(moment, signals)| interrupt(*moment, *signals)).count())
            })
            .collect();
        lanes.into_iter().map(|lane| lane.join().unwrap()).sum()
    });
    assert!(interrupted >= 6, "most of them were still running: {interrupted} of {}", runs.len());
}

/// Runs a rehearsal and sends it signals; an empty name is no signal. Tells whether it was still running then.
fn interrupt(moment_ms: u64, signals: [&str; 2]) -> bool {
    let place = Place::new();
    let mut child = place.begin();
    std::thread::sleep(Duration::from_millis(moment_ms));
    let finished = child.try_wait().unwrap().is_some();
    for name in signals.into_iter().filter(|name| !name.is_empty()) {
        signal(name, &child.id().to_string());
    }
    let asked = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(asked.elapsed() < STOP_LIMIT, "it stops: {signals:?} after {moment_ms} ms");
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(place.left().is_empty(), "{signals:?} after {moment_ms} ms leaves {:?}", place.left());
    if finished {
        assert!(status.success());
    } else if !status.success() {
        assert_eq!(status.code(), Some(130), "{signals:?} after {moment_ms} ms");
    }
    !finished
}

/// A snapshot of the filled cluster, and a scratch directory into which the user postgres may go.
fn of_a(scratch: &Path) -> (String, String) {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::set_permissions(scratch, std::fs::Permissions::from_mode(0o711)).unwrap();
    let (repository, place) = (scratch.join("backup"), scratch.join("place"));
    std::fs::create_dir(&place).unwrap();
    let backup = on(&a(), &["backup", repository.to_str().unwrap(), "--json"]).code(0).json();
    let snapshot = backup["report"]["snapshot"].as_str().unwrap().to_owned();
    (snapshot, place.to_str().unwrap().to_owned())
}

fn not_given(report: &serde_json::Value) -> Vec<&str> {
    let proofs = report["proofs"].as_array().unwrap().iter();
    proofs.filter(|proof| proof["given"] == false).map(|proof| proof["what"].as_str().unwrap()).collect()
}

#[test]
fn a_snapshot_is_restored_beside_itself_and_its_database_comes_back_with_the_tables_of_its_dump() {
    let directory = tempfile::tempdir().unwrap();
    let (snapshot, place) = of_a(directory.path());
    let wal_e = installed("wal-e").unwrap();
    let rehearse = ["rehearse", &snapshot, "--scratch", &place, "--json"];
    let with_wal_e = [&rehearse[..], &["--wal-e", wal_e.to_str().unwrap()]].concat();
    let report = alone(&with_wal_e).code(0).json()["report"].clone();
    assert_eq!((&report["verdict"], not_given(&report)), (&"good".into(), Vec::new()), "{report:#}");
    let database = &report["databases"][0];
    let tables = &database["tables"];
    assert!(tables["equal"].as_u64().unwrap() >= 5, "{report:#}");
    assert_eq!((&tables["differ"], &tables["missing"], &tables["added"]), (&0.into(), &0.into(), &0.into()));
    assert!(database["replayed_to"].as_str().unwrap().starts_with("0/"), "{report:#}");
    assert!(names(Path::new(&place)).is_empty());
    let took = report["restore_milliseconds"].as_u64().unwrap();
    let plan = on(&b(), &["restore", &snapshot, "--only", "registry", "--dry-run", "--json"]).json();
    assert_eq!(plan["report"]["rehearsed"]["restore_milliseconds"], took, "{plan:#}");
    let text = on(&b(), &["restore", &snapshot, "--only", "registry", "--dry-run"]).code(0).stdout;
    assert!(text.contains("rehearsed at") && text.contains("tables"), "{text}");

    // Without the programs that give a proof, it is named and not counted.
    let report = alone(&rehearse).code(0).json()["report"].clone();
    assert_eq!(not_given(&report), ["database of db_wal"], "{report:#}");
    let text = alone(&rehearse[..4]).code(0).stdout;
    assert!(text.contains("NOT PROVED  database of db_wal: WAL-E is not installed here"), "{text}");
    let postgres = [&with_wal_e[..], &["--postgres", "/usr/bin"]].concat();
    let report = alone(&postgres).code(0).json()["report"].clone();
    assert_eq!(not_given(&report), ["database of db_wal"], "{report:#}");
}

#[test]
fn a_database_for_which_there_is_no_room_is_not_called_damaged() {
    let directory = tempfile::tempdir().unwrap();
    let (snapshot, place) = of_a(directory.path());
    let wal_e = installed("wal-e").unwrap();
    for size in ["8m", "30m", "60m"] {
        let mut small = on_a_small_disk(size, Path::new(&place));
        small.args(["rehearse", &snapshot, "--scratch", &place, "--wal-e", wal_e.to_str().unwrap()]);
        let ran = ran(&mut small).code(1).says(&[&place, "to do: free some space"]);
        assert!(!ran.stderr.contains("come back") && !ran.stdout.contains("come back"), "{size}: {ran:?}");
    }
}

#[test]
fn a_rehearsal_that_is_killed_leaves_no_server_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (snapshot, place) = of_a(directory.path());
    let wal_e = installed("wal-e").unwrap();
    let mut command = command();
    command.args(["rehearse", &snapshot, "--scratch", &place, "--wal-e", wal_e.to_str().unwrap()]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let servers = || {
        let found = Command::new("pgrep").args(["-f", &format!("postgres -D {place}")]).output().unwrap();
        String::from_utf8(found.stdout).unwrap().lines().count()
    };
    let begun = Instant::now();
    while servers() == 0 {
        assert!(child.try_wait().unwrap().is_none() && begun.elapsed() < LIMIT, "no server has run");
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let killed = Instant::now();
    while servers() > 0 {
        assert!(killed.elapsed() < STOP_LIMIT, "the server runs on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
