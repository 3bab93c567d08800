//! Archives that were changed at random: nothing that is read panics or takes long. For the seconds that
//! `DEIS_STORE_FUZZ_SECONDS` says; with `tests/run --all` for ten minutes.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use deis_store::volume::fuzz;
use deis_store_tests::random::Sequence;

use super::expected::{fixtures, rows};

const BLOCK_BYTES: usize = 512;
/// The most that one archive may take, in a program that is not optimised.
const MOST_TIME: Duration = Duration::from_secs(20);
/// Longer ones are bombs, which have tests of their own.
const MOST_BYTES: usize = 64 << 10;
/// The places of a header's numbers, and their widths.
const NUMBERS: [(usize, usize); 9] =
    [(100, 8), (108, 8), (116, 8), (124, 12), (136, 12), (329, 8), (386, 12), (398, 12), (483, 12)];
const EXTREMES: [&[u8]; 12] = [
    b"000000000000",
    b"777777777777",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
    b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x80\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\0",
    b"-00000000001",
    b"            ",
    b"\0\0\0\0\0\0\0\0\0\0\0\0",
    b"00000001000\0",
    b"9x9x9x9x9x9x",
];
/// What pax headers say, to be put anywhere.
const RECORDS: [&[u8]; 10] = [
    b"18 path=logs/evil\n",
    b"16 path=../evil\n",
    b"13 size=1024\n",
    b"28 size=9223372036854775807\n",
    b"22 GNU.sparse.major=1\n",
    b"23 GNU.sparse.size=100\n",
    b"31 GNU.sparse.map=0,512,1024,1\n",
    b"27 GNU.sparse.numblocks=99\n",
    b"9 mtime=\n",
    b"99999999999999999999 path=x\n",
];

#[test]
fn archives_changed_at_random_neither_panic_nor_take_long() {
    let seconds = std::env::var("DEIS_STORE_FUZZ_SECONDS").map_or(5, |seconds| seconds.parse().unwrap());
    change_for(Duration::from_secs(seconds));
}

#[test]
#[ignore = "tests/run --all runs it"]
fn archives_changed_at_random_for_ten_minutes_neither_panic_nor_take_long() {
    change_for(Duration::from_mins(10));
}

/// A run begins with another seed each time, unless `DEIS_STORE_FUZZ_SEED` repeats one that was printed.
fn change_for(time: Duration) {
    let archives: Vec<(String, Vec<u8>)> = rows()
        .into_iter()
        .map(|row| (row.archive.clone(), fs::read(fixtures().join(row.archive)).unwrap()))
        .filter(|(_, bytes)| bytes.len() <= MOST_BYTES)
        .collect();
    let repeated = std::env::var("DEIS_STORE_FUZZ_SEED").ok().map(|seed| seed.parse::<u64>().unwrap());
    let first =
        repeated.unwrap_or_else(|| u64::from_le_bytes(deis_store_tests::random::bytes().unwrap()) >> 16);
    let (begun, mut seed) = (Instant::now(), first);
    while begun.elapsed() < time {
        one(&archives, seed);
        if repeated.is_some() {
            return;
        }
        seed += 1;
    }
    eprintln!("{} archives in {time:?}", seed - first);
    assert!(seed > first + 100, "only {} archives in {time:?}", seed - first);
}

/// Changes one of the archives as the seed says, and reads it.
fn one(archives: &[(String, Vec<u8>)], seed: u64) {
    let mut random = Random(Sequence::new(seed));
    let (name, archive) = &archives[random.below(archives.len())];
    let mut bytes = archive.clone();
    for _ in 0..=random.below(4) {
        change(&mut bytes, archives, &mut random);
    }
    let is_gzip = bytes.starts_with(b"\x1f\x8b");
    if !is_gzip && random.below(8) != 0 {
        sum_headers(&mut bytes);
    }
    if !is_gzip && random.below(8) == 0 {
        bytes = zipped(&bytes, 1 + random.below(2000));
        if random.below(2) == 0 {
            change(&mut bytes, archives, &mut random);
        }
    }
    let told = Told { name, seed, bytes: &bytes };
    let begun = Instant::now();
    fuzz(&bytes);
    assert!(begun.elapsed() < MOST_TIME, "it takes {:?}", begun.elapsed());
    std::mem::forget(told);
}

/// Says, when it is dropped by a panic, which archive it was.
struct Told<'a> {
    name: &'a str,
    seed: u64,
    bytes: &'a [u8],
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        let kept = PathBuf::from(format!("/tmp/deis-store-fuzz-{}", self.seed));
        let _ = fs::write(&kept, self.bytes);
        eprintln!("{} with DEIS_STORE_FUZZ_SEED={}: {}", self.name, self.seed, kept.display());
    }
}

struct Random(Sequence);

impl Random {
    /// A number less than the limit, which is 1 at least.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.0.next_number() % limit.max(1) as u64).unwrap()
    }

    fn choose<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        self.0.choose(from)
    }

    /// The begin of a block of so many bytes.
    fn block(&mut self, bytes: usize) -> usize {
        self.below(bytes / BLOCK_BYTES) * BLOCK_BYTES
    }
}

fn change(bytes: &mut Vec<u8>, archives: &[(String, Vec<u8>)], random: &mut Random) {
    if bytes.len() < BLOCK_BYTES {
        bytes.push(0);
        return;
    }
    match random.below(10) {
        // Bits.
        0 => {
            let at = random.below(bytes.len());
            bytes[at] ^= 1 << random.below(8);
        }
        1 => {
            let at = random.below(bytes.len());
            bytes[at] = *random.choose(&[0, 1, 0x20, 0x2f, 0x30, 0x39, 0x7f, 0x80, 0xff]);
        }
        // Numbers.
        2 | 3 => {
            let (at, width) = *random.choose(&NUMBERS);
            let at = random.block(bytes.len()) + at;
            bytes[at..at + width].copy_from_slice(&random.choose(&EXTREMES)[12 - width..]);
        }
        // The type.
        4 => {
            let at = random.block(bytes.len()) + 156;
            bytes[at] = *random.choose(b"0123457SLKxgXDVMNA\0");
        }
        // Blocks in another order, twice, or missing.
        5 => {
            let (left, right) = (random.block(bytes.len()), random.block(bytes.len()));
            for at in 0..BLOCK_BYTES {
                bytes.swap(left + at, right + at);
            }
        }
        6 => {
            let (from, to) = (random.block(bytes.len()), random.block(bytes.len()));
            let block = bytes[from..from + BLOCK_BYTES].to_vec();
            bytes.splice(to..to, block);
        }
        7 if random.below(2) == 0 => {
            let at = random.block(bytes.len());
            bytes.drain(at..at + BLOCK_BYTES);
        }
        7 => bytes.truncate(random.below(bytes.len())),
        // The begin of it, and the end of another one.
        8 => {
            let (_, other) = random.choose(archives);
            bytes.truncate(random.block(bytes.len()));
            bytes.extend_from_slice(&other[random.block(other.len()).min(other.len())..]);
        }
        _ => {
            let (record, at) = (random.choose(&RECORDS), random.block(bytes.len()));
            bytes[at..at + record.len()].copy_from_slice(record);
        }
    }
}

/// Sums up each block that could be a header, so that a change of it does not end the reading.
fn sum_headers(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(BLOCK_BYTES).filter(|block| block.iter().any(|byte| *byte != 0)) {
        if &block[257..262] == b"ustar" {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

/// Members of gzip that hold so many bytes each, which are not compressed.
fn zipped(bytes: &[u8], member_bytes: usize) -> Vec<u8> {
    bytes
        .chunks(member_bytes)
        .flat_map(|piece| {
            let length = u16::try_from(piece.len()).unwrap();
            let mut member = b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x01".to_vec();
            member.extend([length.to_le_bytes(), (!length).to_le_bytes()].concat());
            member.extend_from_slice(piece);
            member.extend(crc32(piece).to_le_bytes());
            member.extend(u32::from(length).to_le_bytes());
            member
        })
        .collect()
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum, byte| {
        (0..8).fold(
            sum ^ u32::from(*byte),
            |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xedb8_8320 } else { sum >> 1 },
        )
    })
}

#[test]
fn an_archive_in_members_of_ours_is_one_to_gunzip() {
    let archive = fs::read(fixtures().join("hard-link-chain.tar")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), zipped(&archive, 100)).unwrap();
    let gunzip =
        std::process::Command::new("gunzip").arg("-c").stdin(file.reopen().unwrap()).output().unwrap();
    assert!(gunzip.status.success() && gunzip.stdout == archive);
}
