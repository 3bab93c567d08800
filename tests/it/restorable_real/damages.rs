//! The bucket of a real database in a gateway in which it may be damaged, and the damages.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

use deis_store_tests::environment::{Environment, Postgres};
use deis_store_tests::faulty::{FaultyGateway, KEYS};
use deis_store_tests::process::{program_as_postgres, run};
use serde_json::Value;

use super::life::place;
use super::replay::{NOT_ARCHIVED, Reached, Restored, latest};
use crate::clusters::a;
use crate::whole::at;

/// The objects of a bucket by their keys.
pub(super) type Objects = BTreeMap<String, Vec<u8>>;

/// What is done to the objects of a bucket, and what is said of it.
pub(super) struct Damage {
    pub(super) what: &'static str,
    pub(super) key: String,
    /// What the object is then; nothing if it is gone.
    pub(super) body: Option<Vec<u8>>,
    /// The kind of the finding that names it.
    pub(super) kind: &'static str,
    pub(super) harms: Harm,
}

/// What is left of the newest base backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Harm {
    /// It cannot be restored.
    None,
    /// Its replay ends before the damaged segment.
    Shorter,
    /// All of it.
    Whole,
}

/// A copy of a bucket, in a gateway in this process.
pub(super) struct Copied(FaultyGateway);

impl Copied {
    pub(super) fn new(objects: &Objects) -> Self {
        let gateway = FaultyGateway::start().unwrap();
        for (key, body) in objects {
            gateway.store("wal", key, body);
        }
        Self(gateway)
    }

    pub(super) fn change(&self, key: &str, body: Option<&[u8]>) {
        match body {
            Some(body) => self.0.store("wal", key, body),
            None => self.0.delete("wal", key),
        }
    }

    pub(super) fn verified(&self, code: i32) -> Value {
        let words = ["verify", "s3://wal", "--as", "wal-e", "--json"];
        at(&self.0, &words).code(code).json()["report"].clone()
    }

    /// Where a real replay of it ends.
    pub(super) fn replayed(&self) -> Reached {
        let from = Environment {
            gateways: vec![self.0.url()],
            access_key: KEYS.0.to_owned(),
            secret_key: KEYS.1.to_owned(),
            ..a()
        };
        let place = place();
        Restored::start("wal", &from, &place.path().join("replayed"), |_| NOT_ARCHIVED.to_owned()).reached()
    }
}

impl Damage {
    /// Whether the report of the damaged bucket names it, and says of the newest base backup what is left of it: all, or
    /// what is before the hole.
    #[track_caller]
    pub(super) fn is_said(&self, report: &Value, whole: &Reached, shorter: &Reached) {
        let (what, latest) = (self.what, latest(report));
        let findings = report["findings"].as_array().unwrap();
        let name = |finding: &Value| finding["name"].as_str().unwrap().to_owned();
        // A hole is named by its segment, without the suffix of an object.
        let names = |finding: &Value| finding["kind"] == self.kind && self.key.starts_with(&name(finding));
        let why_not = latest["why_not"].as_str().unwrap_or_default();
        let is_in_why_not = self.kind == "lacking" && why_not.contains(&self.key);
        assert!(is_in_why_not || findings.iter().any(names), "{what}: {} is not named: {report:#}", self.key);
        assert_eq!(latest["restorable"], self.harms != Harm::None, "{what}: {report:#}");
        let end = match self.harms {
            Harm::None => return,
            Harm::Shorter => &shorter.end,
            Harm::Whole => &whole.end,
        };
        assert_eq!(latest["end"], end.as_str(), "{what}: {report:#}");
    }
}

/// The twelve damages of a bucket. Its newest base backup, `base`, needs the segments up to `stop`; behind that the replay goes over
/// `middle` to a later one.
pub(super) fn damages(objects: &Objects, base: &str, stop: &str, middle: &str) -> Vec<Damage> {
    let segment = |name: &str| format!("wal_005/{name}.lzo");
    let first = segment(&base[5..29]);
    let (stop, middle) = (segment(stop), segment(middle));
    let timeline = &base[5..13];
    let sentinel = format!("basebackups_005/{base}_backup_stop_sentinel.json");
    let partition = format!("basebackups_005/{base}/tar_partitions/part_00000000.tar.lzo");
    let history = format!("wal_005/{timeline}.history.lzo");
    let flipped = |key: &str| {
        let (whole, middle) = (&objects[key], objects[key].len() / 2);
        let mut flips = (middle..whole.len()).map(|place| {
            let mut body = whole.clone();
            body[place] ^= 0x10;
            body
        });
        // Where the same bytes come over and over, LZO can say so in many ways: what is unpacked may be the same.
        let unpacked_before = unpacked(whole);
        flips.find(|body| unpacked(body) != unpacked_before)
    };
    let cut = Some(objects[&middle][..objects[&middle].len() / 2].to_vec());
    let foreign = Some(of_another_system(&middle[8..32]));
    let damage = |what, key: &str, body, kind, harms| Damage { what, key: key.to_owned(), body, kind, harms };
    vec![
        damage("a segment in the middle is gone", &middle, None, "gap", Harm::Shorter),
        damage("the first segment of a base backup is gone", &first, None, "gap", Harm::None),
        damage("the last segment that a base backup needs is gone", &stop, None, "gap", Harm::None),
        damage("a segment is cut off", &middle, cut, "broken", Harm::Shorter),
        damage("a bit of a segment is flipped", &middle, flipped(&middle), "broken", Harm::Shorter),
        damage("a segment is another one", &middle, Some(objects[&stop].clone()), "broken", Harm::Shorter),
        damage("a segment is another database's", &middle, foreign, "mixed", Harm::Shorter),
        damage("a partition is gone", &partition, None, "lacking", Harm::None),
        damage("a bit of a partition is flipped", &partition, flipped(&partition), "broken", Harm::None),
        damage("the history of the timeline is gone", &history, None, "gap", Harm::Whole),
        damage("a sentinel is cut off", &sentinel, Some(b"{\"wal_segm".to_vec()), "broken", Harm::None),
        damage("a history is none", &history, Some(b"garbage".to_vec()), "broken", Harm::None),
    ]
}

/// A segment of this name that another database has written, packed.
fn of_another_system(name: &str) -> Vec<u8> {
    let place = place();
    let postgres = Postgres::prepare(&place.path().join("other")).unwrap();
    postgres.initialize().unwrap();
    let mut reset = program_as_postgres(program("pg_resetwal"));
    reset.args(["-f", "-l", name, "-D"]).arg(&postgres.data_dir);
    run("pg_resetwal", reset).unwrap();
    packed(&std::fs::read(postgres.data_dir.join("pg_wal").join(name)).unwrap())
}

/// Packs as WAL-E does.
fn packed(bytes: &[u8]) -> Vec<u8> {
    lzop(bytes, "-c").expect("lzop packs anything")
}

/// What is packed, if it can be unpacked.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    lzop(bytes, "-dc")
}

fn lzop(bytes: &[u8], how: &str) -> Option<Vec<u8>> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut lzop = Command::new("lzop");
    let output = lzop.arg(how).stdin(file.reopen().unwrap()).output().unwrap();
    output.status.success().then_some(output.stdout)
}

/// One of the programs of the newest `PostgreSQL`.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let paths = versions.map(|version| version.unwrap().path());
    let number = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u32>().ok();
    let newest = paths.filter(|path| path.join("bin").join(name).exists()).max_by_key(number);
    newest.expect("PostgreSQL is installed").join("bin").join(name)
}
