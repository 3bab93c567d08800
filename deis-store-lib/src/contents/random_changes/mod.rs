//! Bytes that were changed at random, for as long as is asked: nothing that is read panics or takes long.

mod change;

use std::time::{Duration, Instant};

pub(crate) use change::{change, sum_headers};

/// The most that one case may take, in a program that is not optimised.
const MOST_TIME: Duration = Duration::from_secs(20);

/// Tries cases for the seconds that `DEIS_STORE_FUZZ_SECONDS` says, or for one minute. A run begins with another seed each time,
/// unless `DEIS_STORE_FUZZ_SEED` repeats the one case of a seed that was printed.
pub(crate) fn try_cases(name: &str, mut one: impl FnMut(&mut fastrand::Rng)) {
    let number = |variable: &str| std::env::var(variable).ok().map(|number| number.parse::<u64>().unwrap());
    let time = Duration::from_secs(number("DEIS_STORE_FUZZ_SECONDS").unwrap_or(60));
    let repeated = number("DEIS_STORE_FUZZ_SEED");
    let first = repeated.unwrap_or_else(|| fastrand::u64(..) >> 16);
    eprintln!("{name} from DEIS_STORE_FUZZ_SEED={first} on");
    let (begun, mut seed) = (Instant::now(), first);
    while begun.elapsed() < time {
        let told = Told { name, seed };
        let case = Instant::now();
        one(&mut fastrand::Rng::with_seed(seed));
        assert!(case.elapsed() < MOST_TIME, "it takes {:?}", case.elapsed());
        std::mem::forget(told);
        if repeated.is_some() {
            return;
        }
        seed += 1;
    }
    eprintln!("{name}: {} cases in {time:?}", seed - first);
    assert!(seed - first > time.as_secs(), "only {} cases in {time:?}", seed - first);
}

/// Says, when it is dropped by a panic, which case it was.
struct Told<'a> {
    name: &'a str,
    seed: u64,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        eprintln!("{} with DEIS_STORE_FUZZ_SEED={}", self.name, self.seed);
    }
}

/// One of these.
pub(crate) fn choose<'a, T>(random: &mut fastrand::Rng, from: &'a [T]) -> &'a T {
    &from[random.usize(..from.len())]
}
