//! Archives that announce much, or are much, made while the test runs: the program's memory stays the same.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::expected::{faults_of_any_run, fixtures};
use super::sandbox::{Canary, Sandbox};
use crate::program::{path, with_peak_memory};

const BLOCK_BYTES: usize = 512;
/// The most memory of the program as it is tested, which is not optimised.
const MOST_KB: u64 = 64 << 10;
const GIB: u64 = 1 << 30;
/// The exit codes when something is wrong with an archive, or there is more of it than is allowed.
const REFUSED: [i32; 2] = [4, 5];

/// What may come of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// It is refused when it is loaded, and when it is listed.
    Refused,
    /// It is only listed, since there is much in it: that ends in one way or the other.
    Listed,
}

/// Looks at an archive that `write` writes.
#[track_caller]
fn look(name: &str, outcome: Outcome, write: impl FnOnce(&File)) {
    let scratch = TempDir::new().unwrap();
    let archive = scratch.path().join(name);
    write(&File::create(&archive).unwrap());
    let list = volume(&["list".as_ref(), &archive]);
    match outcome {
        Outcome::Refused => {
            ends_with(&REFUSED, list);
            let _canary = Canary::new();
            let sandbox = Sandbox::new();
            let before = sandbox.surroundings();
            ends_with(
                &REFUSED,
                volume(&["load".as_ref(), &archive, "--yes".as_ref(), "--path".as_ref(), sandbox.target()]),
            );
            assert_eq!(sandbox.tree().len(), 1, "{:?}", sandbox.tree().keys());
            assert_eq!(before, sandbox.surroundings());
        }
        Outcome::Listed => ends_with(&[0, 4, 5], list),
    }
}

fn volume(words: &[&Path]) -> Command {
    let mut command = Command::new(path());
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").arg("volume").args(words);
    command
}

#[track_caller]
fn ends_with(codes: &[i32], mut command: Command) {
    let (mut ran, peak_kb) = with_peak_memory(&mut command);
    // A list of so much is of no interest.
    ran.stdout.truncate(ran.stdout.floor_char_boundary(2000));
    let faults = faults_of_any_run(&ran, codes);
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(peak_kb < MOST_KB, "{peak_kb} kB: {ran:#?}");
}

/// A header of GNU tar, with its size in the binary form.
fn header(name: &str, kind: u8, size_bytes: u64) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES];
    block[..name.len()].copy_from_slice(name.as_bytes());
    for (at, number) in [(100, "0000644"), (108, "0000000"), (116, "0000000"), (136, "12571706600")] {
        block[at..at + number.len()].copy_from_slice(number.as_bytes());
    }
    block[124] = 0x80;
    block[128..136].copy_from_slice(&size_bytes.to_be_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar  \0");
    summed(block)
}

fn summed(mut block: Vec<u8>) -> Vec<u8> {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// Writes a header, and so many bytes after it that take no room on the disk; and then an entry and the end.
fn with_hole(file: &File, first: &[u8], hole_bytes: u64) {
    file.write_all_at(first, 0).unwrap();
    let rest = [header("evil", b'0', 0), vec![0; 2 * BLOCK_BYTES]].concat();
    file.write_all_at(&rest, BLOCK_BYTES as u64 + hole_bytes).unwrap();
}

#[test]
fn a_name_or_pax_header_of_gibibytes_that_really_come_is_refused() {
    for kind in *b"LKxg" {
        look("name", Outcome::Refused, |file| {
            with_hole(file, &header("././@LongLink", kind, 8 * GIB), 8 * GIB);
        });
    }
}

#[test]
fn a_thousand_long_names_before_one_entry_are_refused() {
    look("names", Outcome::Refused, |file| {
        let mut file = BufWriter::new(file);
        for _ in 0..1000 {
            file.write_all(&header("././@LongLink", b'L', 900_000)).unwrap();
            file.write_all(&vec![b'n'; 900_000_usize.next_multiple_of(BLOCK_BYTES)]).unwrap();
        }
    });
}

#[test]
fn a_sparse_map_without_end_does_not_fill_the_memory() {
    // Four million parts: 100 MB of map.
    look("map", Outcome::Refused, |file| {
        let mut block = header("evil", b'S', 0);
        block[482] = 1;
        block[483..494].copy_from_slice(b"77777777777");
        let mut file = BufWriter::new(file);
        file.write_all(&summed(block)).unwrap();
        for number in 0..200_000 {
            let parts = (0..21).flat_map(|part| [octal((number * 21 + part) * 2), octal(0)]);
            let mut more: Vec<u8> = parts.flatten().collect();
            more.resize(BLOCK_BYTES, 0);
            more[504] = 1;
            file.write_all(&more).unwrap();
        }
    });
}

/// Eleven octal digits and a NUL.
fn octal(number: u64) -> [u8; 12] {
    let digit = |place: usize| b'0' + u8::try_from(number >> (3 * (10 - place)) & 7).unwrap();
    std::array::from_fn(|place| if place < 11 { digit(place) } else { 0 })
}

#[test]
fn a_sparse_map_in_the_content_without_end_does_not_fill_the_memory() {
    for digits in [&b"1\n"[..], b"1"] {
        look("map-1.0", Outcome::Refused, |file| {
            let records = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n24 GNU.sparse.name=evil\n30 GNU.sparse.realsize=999999\n";
            let mut file = BufWriter::new(file);
            file.write_all(&header("pax", b'x', records.len() as u64)).unwrap();
            file.write_all(records).unwrap();
            file.write_all(&vec![0; records.len().next_multiple_of(BLOCK_BYTES) - records.len()]).unwrap();
            file.write_all(&header("evil", b'0', GIB / 4)).unwrap();
            file.write_all(b"99999999\n").unwrap();
            let piece = digits.repeat((1 << 20) / digits.len());
            for _ in 0..256 {
                file.write_all(&piece).unwrap();
            }
        });
    }
}

#[test]
fn a_header_of_gzip_without_end_does_not_fill_the_memory() {
    for flag in [8, 16] {
        look("name.gz", Outcome::Refused, |file| {
            file.write_all_at(&[0x1f, 0x8b, 8, flag, 0, 0, 0, 0, 0, 3], 0).unwrap();
            for mebibyte in 0..256 {
                file.write_all_at(&vec![b'n'; 1 << 20], 10 + (mebibyte << 20)).unwrap();
            }
        });
    }
}

#[test]
fn a_bomb_does_not_fill_the_memory() {
    // It announces a tebibyte; a quarter of a gibibyte comes.
    let bomb = fs::read(fixtures().join("zip-bomb-announced.tar.gz")).unwrap();
    let zeros = zipped_zeros();
    look("bomb.gz", Outcome::Refused, |mut file| {
        file.write_all(&bomb).unwrap();
        for _ in 0..15 {
            file.write_all(&zeros).unwrap();
        }
    });
}

/// 16 MiB of zeros, as gzip makes them.
fn zipped_zeros() -> Vec<u8> {
    let output = Command::new("sh").args(["-c", "head -c 16777216 /dev/zero | gzip -9"]).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

#[test]
fn three_hundred_thousand_entries_do_not_fill_the_memory() {
    // A name has 97 bytes: 30 MB of names, each of which could be there twice.
    for kind in *b"025" {
        look("entries", Outcome::Listed, |file| {
            let mut file = BufWriter::new(file);
            for number in 0..300_000 {
                let name = format!("{number:06}/{}", "n".repeat(90));
                let mut block = header(&name, kind, 0);
                if kind == b'2' {
                    block[157..257].fill(b't');
                    block = summed(block);
                }
                file.write_all(&block).unwrap();
            }
            file.write_all(&[0; 2 * BLOCK_BYTES]).unwrap();
        });
    }
}

#[test]
fn zeros_after_the_end_are_read_to_their_end() {
    look("padding", Outcome::Listed, |file| file.set_len(2 * GIB).unwrap());
}
