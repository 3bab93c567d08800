//! The made store volume as a tar: logs of apps and of the platform, and entries that are easy to get wrong. Pure.
//!
//! Paths begin with `./`, as in tar's archive of a directory `.`. The archive must not be held in memory: only one log
//! at a time is.

use std::fmt::Write as _;
use std::io::{Result, Write};

use super::sequence::Sequence;
use super::tar::{self, Entry};

/// 2015-09-03 00:00 UTC.
const MODIFIED: u64 = 1_441_238_400;
/// The logs, each with its number of lines.
const LOGS: [(&str, u64); 8] = [
    ("peachy-waxworks", 12_000),
    ("golden-kennels", 6000),
    ("shop", 300),
    ("deis-builder", 900),
    ("deis-controller", 2500),
    ("deis-database", 900),
    ("deis-registry", 1500),
    ("deis-router", 9000),
];

pub(super) fn write(seed: u64, out: &mut dyn Write) -> Result<()> {
    let mut archive = Archive { out, buffer: Vec::new() };
    archive.add(&Entry::directory("./", MODIFIED), b"")?;
    archive.add(&Entry::directory("./logs/", MODIFIED + 60).with_mode(0o777), b"")?;
    for (source, lines) in LOGS {
        let name = format!("./logs/{source}.log");
        let log = log(source, lines, &mut Sequence::new(seed, source));
        archive.add(&Entry::file(&name, MODIFIED + lines), log.as_bytes())?;
    }
    oddities(&mut archive)?;
    archive.out.write_all(&tar::END)
}

struct Archive<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
}

impl Archive<'_> {
    fn add(&mut self, entry: &Entry<'_>, content: &[u8]) -> Result<()> {
        self.buffer.clear();
        entry.append(&mut self.buffer, content);
        self.out.write_all(&self.buffer)
    }
}

fn oddities(archive: &mut Archive<'_>) -> Result<()> {
    // The last second of 1999, long before Deis. Some entries have time 0 instead.
    const OLD: u64 = 946_684_799;
    archive.add(&Entry::directory("./odd/", OLD), b"")?;
    let long = "x".repeat(200);
    let names =
        ["with space.log", "größe-日志.log", "new\nline", "-rf", "tab\tand'quote\"", "back\\slash", &long];
    for name in names {
        let path = format!("./odd/{name}");
        archive.add(&Entry::file(&path, OLD), format!("{name}\n").as_bytes())?;
    }
    let file = |name, mode, (user, group)| Entry::file(name, 0).with_mode(mode).with_owner(user, group);
    archive.add(&file("./odd/private", 0o600, (1000, 1000)), b"mine\n")?;
    archive.add(&file("./odd/read-only", 0o444, (12_345, 54_321)), b"ours\n")?;
    archive.add(&file("./odd/executable", 0o755, (0, 0)), b"#!/bin/sh\n")?;
    archive.add(&file("./odd/zeros", 0o640, (0, 4)), &vec![0; 70_000])?;
    archive.add(&Entry::file("./odd/empty", OLD), b"")?;
    archive.add(&Entry::directory("./odd/empty directory/", OLD).with_mode(0o700), b"")?;
    let shared = Entry::directory("./odd/setgid/", OLD).with_mode(0o2775).with_owner(1000, 1000);
    archive.add(&shared, b"")?;
    archive.add(&Entry::link("./odd/link", "../logs/shop.log", OLD).with_owner(1000, 1000), b"")?;
    archive.add(&Entry::link("./odd/dangling", "/nowhere", OLD), b"")
}

/// Lines in the form of Deis' logger, one for each second.
fn log(source: &str, lines: u64, chance: &mut Sequence) -> String {
    const METHODS: [&str; 6] = ["GET", "GET", "GET", "POST", "PUT", "DELETE"];
    const STATUSES: [&str; 7] = ["200", "200", "200", "201", "304", "404", "500"];
    const PATHS: [&str; 6] = ["/", "/healthz", "/v1/apps/", "/login", "/static/logo.png", "/suche?q=größe"];
    let mut text = String::new();
    for second in 0..lines {
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        let (method, path, status) =
            (chance.choose(&METHODS), chance.choose(&PATHS), chance.choose(&STATUSES));
        let (micros, id) = (chance.below(900_000), chance.number());
        let _ = writeln!(
            text,
            "2015-09-03T{hour:02}:{minute:02}:{second:02}UTC {source}[web.1]: {method} {path} {status} {micros}us id={id:016x}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tar::inspect;

    #[tokio::test]
    async fn the_volume_is_a_whole_archive_of_a_few_mib() {
        let mut archive = Vec::new();
        write(1, &mut archive).unwrap();
        let summary = inspect(&archive[..]).await.unwrap();
        assert_eq!((summary.entries, summary.archive_bytes), (27, archive.len() as u64));
        assert!((2 << 20..5 << 20).contains(&archive.len()), "{}", archive.len());
    }

    #[test]
    fn what_the_sink_cannot_take_is_an_error() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> Result<usize> {
                Err(std::io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> Result<()> {
                Ok(())
            }
        }
        assert_eq!(write(1, &mut Full).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
    }
}
