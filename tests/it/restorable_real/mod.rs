//! What `verify` says of the bucket of a real database, held against a real replay: WAL-E archives and fetches, `PostgreSQL` replays.

mod damages;
mod life;
mod replay;

use std::sync::LazyLock;

use deis_store::s3::ObjectKey;
use deis_store_tests::random::{Sequence, below};

use self::damages::{Copied, Harm, Objects, damages};
use self::life::{Life, MORE_THAN_A_SEGMENT};
use self::replay::{Reached, latest, says};
use crate::buckets::listed;
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};
use crate::program::Ran;

const BUCKET: &str = "real_wal";
/// The variable with which the random lives can be had again.
const SEED: &str = "DEIS_STORE_TESTS_SEED";
const LIVES: u64 = 50;
const SEGMENT_KEY: &str = "wal_005/000000020000000000000007.lzo";

/// A database's life, as it was looked at.
struct Lived {
    stages: Vec<Stage>,
    /// Before old base backups were deleted.
    before: Ran,
    /// What the bucket held at the end.
    objects: Objects,
    /// A segment behind the newest base backup, and not the last one.
    middle: String,
}

struct Stage {
    when: &'static str,
    said: Ran,
    reached: Reached,
    rows: String,
}

/// The one life of these tests. What is said of it is judged by the tests.
static LIVED: LazyLock<Lived> = LazyLock::new(|| {
    let mut stages = Vec::new();
    let mut look = |when, life: &Life| {
        let (said, reached) = life.verified_and_replayed();
        let rows = life.rows_by(&reached.end);
        stages.push(Stage { when, said, reached, rows });
    };
    let mut life = Life::begin(BUCKET);
    life.insert(3);
    life.base_backup();
    life.insert(100);
    life.switch();
    life.archived();
    look("one base backup", &life);

    life.insert(200);
    life.switch();
    life.base_backup();
    life.insert(300);
    life.switch();
    life.archived();
    let said = life.verified();
    let (mut life, reached) = life.promoted();
    let rows = life.rows_by(&reached.end);
    life.insert(400);
    life.switch();
    life.archived();
    look("timeline 2", &life);

    life.base_backup_over_two_segments();
    life.insert(50);
    life.switch();
    life.insert(60);
    life.switch();
    // The log ends within a record.
    life.insert(MORE_THAN_A_SEGMENT);
    life.archived();
    let before = life.verified();
    life.retain("2");
    look("old base backups deleted", &life);
    stages.insert(1, Stage { when: "two base backups", said, reached, rows });

    let objects = objects(BUCKET);
    let of_segment = |key: &&String| key.starts_with("wal_005/00000002") && key.len() == SEGMENT_KEY.len();
    let segments: Vec<_> = objects.keys().filter(of_segment).collect();
    let middle = segments[segments.len() - 2]["wal_005/".len()..].trim_end_matches(".lzo").to_owned();
    Lived { stages, before, objects, middle }
});

fn objects(name: &str) -> Objects {
    let (client, from) = (client(&a()), bucket(name));
    let get = |key: &str| {
        let key = ObjectKey::new(key).unwrap();
        block(client.get_bytes(&from, &key).at_most(64 << 20).into_future()).unwrap().0.to_vec()
    };
    listed(&client, &from)
        .iter()
        .map(|object| (object.key.as_str().to_owned(), get(object.key.as_str())))
        .collect()
}

#[test]
fn a_real_replay_ends_where_verify_says_at_each_stage_of_a_databases_life() {
    for Stage { when, said, reached, rows } in &LIVED.stages {
        assert_eq!(said.code, Some(0), "{when}: {said:#?}");
        let report = &said.json()["report"];
        assert_eq!(report["findings"].as_array().map(Vec::len), Some(0), "{when}: {report:#}");
        assert_eq!(latest(report)["restorable"], true, "{when}: {report:#}");
        says(report, reached, when);
        assert_eq!(&reached.rows, rows, "{when}: each transaction up to the end is in the restored database");
    }
    let last = LIVED.stages.last().unwrap();
    let (before, after) = (LIVED.before.json(), last.said.json());
    assert_eq!(latest(&before["report"]), latest(&after["report"]), "a deletion of what is old moves no end");
    let count = |report: &serde_json::Value| {
        report["report"]["restorable"]["databases"][0]["base_backups"].as_array().unwrap().len()
    };
    assert_eq!((count(&before), count(&after)), (3, 2));
}

#[test]
fn each_damage_of_a_real_bucket_is_named_and_its_end_is_that_of_a_real_replay() {
    let lived = &*LIVED;
    let whole = &lived.stages.last().unwrap().reached;
    let copied = Copied::new(&lived.objects);
    let report = copied.verified(0);
    let base = latest(&report)["name"].as_str().unwrap().to_owned();
    let sentinel = &lived.objects[&format!("basebackups_005/{base}_backup_stop_sentinel.json")];
    let sentinel: serde_json::Value = serde_json::from_slice(sentinel).unwrap();
    let stop = sentinel["wal_segment_backup_stop"].as_str().unwrap();
    assert!(base[5..29] < *stop && *stop < *lived.middle, "{base}, {stop}, {}", lived.middle);
    let damages = damages(&lived.objects, &base, stop, &lived.middle);
    assert_eq!(damages.len(), 12);

    // The real replay of the bucket with a hole, while the damages are looked at in two lanes.
    let (shorter, reports) = std::thread::scope(|threads| {
        let lanes = [0, 1].map(|lane| {
            let damages = &damages;
            threads.spawn(move || {
                let copied = Copied::new(&lived.objects);
                let mut reports = Vec::new();
                for damage in damages.iter().skip(lane).step_by(2) {
                    copied.change(&damage.key, damage.body.as_deref());
                    reports.push((damage, copied.verified(4)));
                    copied.change(&damage.key, Some(&lived.objects[&damage.key]));
                }
                reports
            })
        });
        assert_eq!(damages[0].harms, Harm::Shorter);
        copied.change(&damages[0].key, None);
        let shorter = copied.replayed();
        (shorter, lanes.into_iter().flat_map(|lane| lane.join().unwrap()).collect::<Vec<_>>())
    });
    assert_ne!(&shorter.end, &whole.end);
    for (damage, report) in &reports {
        damage.is_said(report, whole, &shorter);
    }
    let (hole, report) = &reports[0];
    assert_eq!(hole.key, damages[0].key);
    says(report, &shorter, hole.what);
}

#[test]
#[ignore = "50 lives of half a minute each: tests/run --all"]
fn fifty_random_lives_are_restorable_to_where_verify_says_with_all_their_rows() {
    let seed = std::env::var(SEED).map_or_else(|_| below(1 << 32).unwrap(), |seed| seed.parse().unwrap());
    println!("{SEED}={seed}");
    for number in 0..LIVES {
        let when = format!("life {number} of {SEED}={seed}");
        let life = random_life(&format!("real_life_{number:02}"), seed.wrapping_add(number));
        let (said, reached) = life.verified_and_replayed();
        assert_eq!(said.code, Some(0), "{when}: {said:#?}");
        let report = &said.json()["report"];
        assert_eq!(latest(report)["restorable"], true, "{when}: {report:#}");
        says(report, &reached, &when);
        assert_eq!(reached.rows, life.rows_by(&reached.end), "{when}");
        println!("{when}: as said");
    }
}

/// One to three base backups and at most one promotion, with rows and ends of segments between them. Its last commit is archived.
fn random_life(bucket: &str, seed: u64) -> Life {
    let mut random = Sequence::new(seed);
    let base_backups = *random.choose(&[1, 2, 3]);
    let promoted_after = *random.choose(&[None, Some(1), Some(base_backups)]);
    let mut life = Life::begin(bucket);
    life.insert(3);
    for number in 1..=base_backups {
        if *random.choose(&[true, false]) {
            life.base_backup_over_two_segments();
        } else {
            life.base_backup();
        }
        for _ in 0..*random.choose(&[1, 2, 3]) {
            life.insert(*random.choose(&[1, 40, 3000, MORE_THAN_A_SEGMENT]));
            if *random.choose(&[true, false]) {
                life.switch();
            }
        }
        if promoted_after == Some(number) {
            life.archived();
            life = life.promoted().0;
        }
    }
    life.insert(7);
    life.switch();
    if *random.choose(&[true, false]) {
        // The log ends within a record.
        life.insert(MORE_THAN_A_SEGMENT);
    }
    life.archived();
    life
}
