//! `put -r`, `get -r` and `sync` in all directions beside s3cmd, with trees, slashes and patterns at random: the same
//! files and keys are left, but that we delete nothing in a directory that is left out, and nothing beside the source's
//! name.

mod case;
mod patterns;
mod side;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread::scope;

use self::case::{Case, Tree, Word};
use self::side::{Side, Tool};
use crate::clusters::a;

/// How many cases there are for 256 of other properties; with `tests/run --all` there are most of them.
const CASES: u64 = 20;
const MOST_CASES: u64 = 300;
const THREADS: u64 = 2;

#[test]
fn s3cmd_and_we_leave_the_same_with_any_tree_slash_and_pattern() {
    let number = |variable: &str| std::env::var(variable).ok().and_then(|text| text.parse::<u64>().ok());
    let cases = (number("PROPTEST_CASES").unwrap_or(256) * CASES / 256).clamp(1, MOST_CASES);
    let first_seed = number("DEIS_STORE_TEST_SEED").unwrap_or(1);
    eprintln!("{cases} cases from seed {first_seed} on (DEIS_STORE_TEST_SEED)");
    let (next, a) = (AtomicU64::new(first_seed), a());
    let ends: Vec<Vec<(Word, End)>> = scope(|threads| {
        let work = |thread: u64| {
            let (next, a) = (&next, &a);
            move || {
                let sides = [Tool::S3cmd, Tool::Ours].map(|tool| Side::new(a, tool, thread));
                let mut ends = Vec::new();
                loop {
                    let seed = next.fetch_add(1, Relaxed);
                    if seed >= first_seed + cases {
                        return ends;
                    }
                    let case = Case::new(seed);
                    ends.push((case.word, compare(&case, &sides)));
                }
            }
        };
        let threads: Vec<_> = (0..THREADS).map(|thread| threads.spawn(work(thread))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut tally = BTreeMap::new();
    ends.concat().into_iter().for_each(|end| *tally.entry(end).or_insert(0_u64) += 1);
    eprintln!("{tally:?}");
    let refused: u64 =
        tally.iter().filter(|((_, end), _)| *end == End::Refused).map(|(_, count)| count).sum();
    let changed: u64 =
        tally.iter().filter(|((_, end), _)| *end == End::Changed).map(|(_, count)| count).sum();
    assert!(refused * 8 < cases && changed * 3 > cases, "too few cases show anything: {tally:?}");
}

/// How a case ended, if the two did not differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// Something was changed.
    Changed,
    /// Both left everything as it was.
    Unchanged,
    /// s3cmd refused it, and we did not change what is there.
    Refused,
}

fn compare(case: &Case, [theirs, ours]: &[Side; 2]) -> End {
    let before = ours.prepare(case);
    theirs.prepare(case);
    let (they, we) = (theirs.run(case), ours.run(case));
    let (their_state, our_state) = (theirs.state(case), ours.state(case));
    let context = || format!("seed {}: {case:#?}\ns3cmd {they:#?}\nwe {we:#?}", case.seed);
    // 5 is that nothing was deleted since the source is empty, of which s3cmd says a warning.
    assert!(matches!(we.code, Some(0 | 5)), "{}", context());
    let safe = |key: &str| before.contains_key(key) && is_safe(case, key);
    let differ: Vec<&String> = their_state
        .keys()
        .chain(our_state.keys())
        .filter(|key| their_state.get(*key) != our_state.get(*key))
        .filter(|key| !(!their_state.contains_key(*key) && case.delete_removed && safe(key)))
        .collect();
    if they.code != Some(0) && our_state == before {
        return End::Refused;
    }
    assert!(differ.is_empty(), "{differ:#?}\ns3cmd: {their_state:#?}\nwe: {our_state:#?}\n{}", context());
    if our_state == before { End::Unchanged } else { End::Changed }
}

/// Whether s3cmd deletes what we do not.
fn is_safe(case: &Case, key: &str) -> bool {
    let beside = case.word == Word::Up && key.contains("tree2/");
    let directories = key.match_indices('/').map(|(end, _)| format!("{}/{}", case.source, &key[..=end]));
    beside
        || directories.into_iter().any(|directory| {
            case.excluded_directories().any(|pattern| {
                let text: Vec<char> = directory.chars().collect();
                let pattern: Vec<char> = pattern.trim_matches(['(', ')', '$']).chars().collect();
                (0..=text.len()).any(|begin| matches(&pattern, &text[begin..]))
            })
        })
}

fn matches(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['*', pattern @ ..], _) => (0..=text.len()).any(|begin| matches(pattern, &text[begin..])),
        (['[', '!', 'a', ']', pattern @ ..], [first, text @ ..]) => *first != 'a' && matches(pattern, text),
        (['[', 'a', '-', 's', ']', pattern @ ..], [first, text @ ..]) => {
            ('a'..='s').contains(first) && matches(pattern, text)
        }
        ([one, pattern @ ..], [first, text @ ..]) => (*one == '?' || one == first) && matches(pattern, text),
        _ => false,
    }
}
