//! Threads that hash at the same time put their messages together, four to a processor: that is three times as fast as
//! each by itself. A thread that comes while nobody hashes does so, for itself and for those that come meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

use bytes::Bytes;
use md5::block_api::compress;

use super::lanes::{self, Block, LANES, Words};

/// So many blocks are hashed before somebody else may join in: 64 KiB, a tenth of a millisecond.
const STEP_BLOCKS: usize = 1024;

/// Fewer blocks are hashed by the thread that has them: to wait for others would take longer.
const FEW_BLOCKS: usize = 512;

/// Where threads that hash at the same time meet.
pub(super) struct Md5Pool(Mutex<Meeting>);

struct Meeting {
    waiting: VecDeque<Message>,
    /// How many more threads may hash now.
    turns: usize,
}

/// Whole blocks of a message.
struct Message {
    words: Words,
    bytes: Bytes,
    owner: Arc<Owner>,
    /// Which one of its owner's.
    index: usize,
}

/// A thread that waits for messages of its own.
struct Owner {
    thread: Thread,
    results: Mutex<Vec<Words>>,
    /// How many of its messages are not done.
    left: AtomicUsize,
}

impl Md5Pool {
    /// The one place of the process. Half of the cores: the others read, write and wait for sockets.
    pub(super) fn shared() -> &'static Self {
        static SHARED: LazyLock<Md5Pool> = LazyLock::new(|| {
            Md5Pool::new(thread::available_parallelism().map_or(1, |cores| cores.get() / 2))
        });
        &SHARED
    }

    /// A place where so many threads hash at once, each for up to four.
    fn new(threads: usize) -> Self {
        Self(Mutex::new(Meeting { waiting: VecDeque::new(), turns: threads.max(1) }))
    }

    /// The states of MD5s after so many more whole blocks each.
    pub(super) fn compress(&self, messages: Vec<(Words, Bytes)>) -> Vec<Words> {
        let blocks: usize = messages.iter().map(|(_, bytes)| blocks_of(bytes).len()).sum();
        if blocks < FEW_BLOCKS {
            let alone = |(mut words, bytes): (Words, Bytes)| {
                compress(&mut words, blocks_of(&bytes));
                words
            };
            return messages.into_iter().map(alone).collect();
        }
        let owner = Arc::new(Owner {
            thread: thread::current(),
            results: Mutex::new(vec![Words::default(); messages.len()]),
            left: AtomicUsize::new(messages.len()),
        });
        let mine = messages.into_iter().enumerate();
        let mine = mine.map(|(index, (words, bytes))| Message { words, bytes, owner: owner.clone(), index });
        self.lock().waiting.extend(mine);
        // A thread that has just been woken, too, may have a message by then: on a busy machine it would have to wait.
        thread::yield_now();
        while !owner.is_done() {
            if self.takes_turn(&owner) {
                self.hash_until_done(&owner);
            } else {
                // The thread that hashes a message of ours, or leaves while one waits, wakes us.
                thread::park();
            }
        }
        std::mem::take(&mut *owner.results())
    }

    /// Whether it is for this thread to hash: a turn is free, and nobody else has taken up all of its messages.
    fn takes_turn(&self, owner: &Arc<Owner>) -> bool {
        let mut meeting = self.lock();
        let takes = meeting.turns > 0 && meeting.waiting.iter().any(|message| message.is_of(owner));
        meeting.turns -= usize::from(takes);
        takes
    }

    fn hash_until_done(&self, owner: &Arc<Owner>) {
        let mut group = Vec::with_capacity(LANES);
        loop {
            let mut meeting = self.lock();
            let of_others = group.iter().all(|message: &Message| !message.is_of(owner));
            let own = meeting.waiting.iter().position(|message| message.is_of(owner));
            match own {
                // The rest of ours is in another thread's hands, or done.
                None if of_others => return Self::leave(meeting, group),
                Some(own) if of_others && group.len() < LANES => group.extend(meeting.waiting.remove(own)),
                _ => {}
            }
            while group.len() < LANES
                && let Some(message) = meeting.waiting.pop_front()
            {
                group.push(message);
            }
            drop(meeting);
            step(&mut group);
        }
    }

    fn leave(mut meeting: MutexGuard<'_, Meeting>, group: Vec<Message>) {
        group.into_iter().rev().for_each(|message| meeting.waiting.push_front(message));
        meeting.turns += 1;
        if let Some(next) = meeting.waiting.front() {
            next.owner.thread.unpark();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Meeting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes on with all messages by as much as the shortest has, and takes away those that are done.
fn step(group: &mut Vec<Message>) {
    let blocks = group.iter().map(|message| blocks_of(&message.bytes).len()).min().unwrap_or(0);
    let blocks = blocks.min(STEP_BLOCKS);
    let now = |message: &Message| message.bytes.slice(..blocks * size_of::<Block>());
    if let [message] = &mut group[..] {
        let bytes = now(message);
        compress(&mut message.words, blocks_of(&bytes));
    } else if !group.is_empty() {
        // A lane that nobody needs gets the first message once more.
        let lane = |lane: usize| &group[if lane < group.len() { lane } else { 0 }];
        let mut words: [Words; LANES] = std::array::from_fn(|index| lane(index).words);
        let bytes: [Bytes; LANES] = std::array::from_fn(|index| now(lane(index)));
        lanes::compress(&mut words, bytes.each_ref().map(blocks_of));
        group.iter_mut().zip(words).for_each(|(message, words)| message.words = words);
    }
    for message in &mut *group {
        let _done = message.bytes.split_to(blocks * size_of::<Block>());
    }
    group.extract_if(.., |message| message.bytes.is_empty()).for_each(Message::end);
}

fn blocks_of(bytes: &Bytes) -> &[Block] {
    bytes.as_chunks().0
}

impl Message {
    fn is_of(&self, owner: &Arc<Owner>) -> bool {
        Arc::ptr_eq(&self.owner, owner)
    }

    fn end(self) {
        let Self { words, bytes, owner, index } = self;
        // Its owner may want to read into the same memory again.
        drop(bytes);
        if let Some(result) = owner.results().get_mut(index) {
            *result = words;
        }
        if owner.left.fetch_sub(1, SeqCst) == 1 {
            owner.thread.unpark();
        }
    }
}

impl Owner {
    fn is_done(&self) -> bool {
        self.left.load(SeqCst) == 0
    }

    fn results(&self) -> MutexGuard<'_, Vec<Words>> {
        self.results.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alone((mut words, bytes): (Words, Bytes)) -> Words {
        compress(&mut words, blocks_of(&bytes));
        words
    }

    #[test]
    fn many_threads_that_hash_at_once_each_get_what_is_theirs() {
        for turns in [1, 3] {
            let md5_pool = Md5Pool::new(turns);
            thread::scope(|scope| {
                for number in 0..12_u32 {
                    let md5_pool = &md5_pool;
                    scope.spawn(move || {
                        let mut numbers = fastrand::Rng::with_seed(number.into());
                        for _ in 0..40 {
                            let messages: Vec<(Words, Bytes)> = (0..numbers.usize(0..7))
                                .map(|_| {
                                    let words = Words::from([numbers.u32(..), number, 2, 3]);
                                    let mut bytes = vec![0; 64 * numbers.usize(0..900)];
                                    numbers.fill(&mut bytes);
                                    (words, bytes.into())
                                })
                                .collect();
                            let expected: Vec<Words> = messages.iter().cloned().map(alone).collect();
                            assert_eq!(md5_pool.compress(messages), expected);
                        }
                    });
                }
            });
            let meeting = md5_pool.lock();
            assert!(meeting.waiting.is_empty() && meeting.turns == turns);
        }
    }
}
