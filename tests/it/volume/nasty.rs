//! A tree with each kind of file that a directory of Linux may have, and names that are easy to get wrong.

use std::ffi::OsStr;
use std::fs::{self, File, FileTimes, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, PermissionsExt as _, chown, lchown, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{AtFlags, CWD, FileType, Mode, Timespec, Timestamps, mknodat, utimensat};

/// What a tree has besides files that all programs store alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum With {
    /// A file of 9 GiB with three pages of content: some programs would store all of its zeros.
    Sparse,
    /// Times that not all programs write: between two seconds before 1970, and just before a second.
    OddTimes,
    /// setuid, setgid and sticky files.
    SpecialModes,
    /// 100,000 small files.
    Many,
}

/// The size of the sparse file.
pub(crate) const SPARSE_BYTES: u64 = 9 << 30;
pub(crate) const SPARSE: &str = "sparse";
/// A fifo and a socket, which are no content.
pub(crate) const FIFO: &str = "kinds/fifo";
pub(crate) const SOCKET: &str = "kinds/socket";
pub(crate) const SETUID: &str = "modes/setuid";

/// 2015-09-03 00:00 UTC.
const LONG_AGO: i64 = 1_441_238_400;

/// Fills an empty directory. Only root can.
pub(crate) fn fill(root: &Path, with: &[With]) {
    names(&directory(root, "names"));
    kinds(&directory(root, "kinds"));
    modes(&directory(root, "modes"), with.contains(&With::SpecialModes));
    times(&directory(root, "times"), with.contains(&With::OddTimes));
    if with.contains(&With::Sparse) {
        sparse(&root.join(SPARSE));
    }
    long(&directory(root, "long"));
    if with.contains(&With::Many) {
        many(&directory(root, "many"));
    }
    dress_directories(root);
}

fn directory(root: &Path, name: &str) -> PathBuf {
    let path = root.join(name);
    fs::create_dir(&path).unwrap();
    path
}

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::write(path, content).unwrap();
    set_time(path, LONG_AGO, 123_456_789);
}

/// Sets the time of a file, or of a symlink itself.
fn set_time(path: &Path, seconds: i64, nanoseconds: i64) {
    let time = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access: time, last_modification: time };
    utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

fn names(directory: &Path) {
    let long = "n".repeat(255);
    let around_a_header: [String; 4] = [99, 100, 101, 156].map(|bytes| "h".repeat(bytes));
    let names: [&[u8]; 17] = [
        b" with spaces ",
        "größe-日志-😀".as_bytes(),
        "e\u{301} and \u{e9}".as_bytes(),
        b"invalid \xff\xfe\xc3",
        b"new\nline",
        b"tab\tand'quotes\"`$(true)",
        b"-rf",
        b"--checkpoint=1",
        b"back\\slash",
        b"\x1b[31mred\x7f",
        b"..two",
        b"...",
        b".hidden",
        b"*?[x]",
        b"Case",
        b"case",
        long.as_bytes(),
    ];
    for name in names.into_iter().chain(around_a_header.iter().map(String::as_bytes)) {
        write(&directory.join(OsStr::from_bytes(name)), name);
    }
    // A path that fits into a header's two fields, and one that does not.
    for part in ["p".repeat(80), "q".repeat(255)] {
        let below = directory.join(&part).join(&part);
        fs::create_dir_all(&below).unwrap();
        write(&below.join("x"), &part);
        symlink(
            below.join("x").strip_prefix(directory).unwrap(),
            directory.join(format!("to-{}", part.len())),
        )
        .unwrap();
        fs::hard_link(below.join("x"), directory.join(format!("also-{}", part.len()))).unwrap();
    }
}

fn kinds(directory: &Path) {
    write(&directory.join("empty"), "");
    for size in [1, 511, 512, 513, 10_240, 1 << 20, (1 << 20) + 1] {
        let content: Vec<u8> =
            (0..size).map(|at: u32| at.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        write(&directory.join(format!("of-{size}")), content);
    }
    write(&directory.join("zeros"), vec![0; 300_000]);
    for (name, target) in [
        ("link", "empty"),
        ("dangling", "nowhere"),
        ("absolute", "/etc/passwd"),
        ("out", "../../../../etc/passwd"),
        ("to-itself", "to-itself"),
        ("to-a-directory", "."),
        ("odd", "new\nline and größe"),
    ] {
        symlink(target, directory.join(name)).unwrap();
    }
    symlink("t".repeat(4000), directory.join("far")).unwrap();
    lchown(directory.join("link"), Some(1000), Some(1001)).unwrap();
    set_time(&directory.join("link"), LONG_AGO - 1, 0);
    // Two groups of names, one of them across directories.
    let hard = directory.join("hard");
    fs::create_dir(&hard).unwrap();
    write(&directory.join("one"), "one file, three names\n");
    fs::hard_link(directory.join("one"), hard.join("two")).unwrap();
    fs::hard_link(directory.join("one"), directory.join("zwei")).unwrap();
    write(&hard.join("a"), "one file, two names\n");
    fs::hard_link(hard.join("a"), hard.join("b")).unwrap();
    fs::create_dir_all(directory.join("hollow/hollow")).unwrap();
    mknodat(CWD, directory.join("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    // It is left behind when it is closed.
    drop(UnixListener::bind(directory.join("socket")).unwrap());
}

fn modes(directory: &Path, special: bool) {
    let modes = [0o000, 0o200, 0o400, 0o600, 0o644, 0o755, 0o777];
    for (mode, owner) in modes.into_iter().zip([0, 1, 1000, 65_534, 2_097_151, 2_097_152, 3_000_000_000]) {
        give(&directory.join(format!("{mode:03o}")), mode, owner);
    }
    if special {
        for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2755), ("sticky", 0o1644), ("all", 0o7777)] {
            give(&directory.join(name), mode, 1000);
        }
    }
    // The files in them come after their entries, whatever their modes are.
    for (name, mode) in [("closed", 0o000), ("read-only", 0o555), ("shared", 0o2775), ("sticky", 0o1777)] {
        let below = directory.join(format!("directory-{name}"));
        fs::create_dir(&below).unwrap();
        write(&below.join("x"), name);
        chown(&below, Some(1000), Some(1000)).unwrap();
        fs::set_permissions(&below, Permissions::from_mode(mode)).unwrap();
    }
}

fn give(path: &Path, mode: u32, owner: u32) {
    fs::write(path, format!("{mode:o}\n")).unwrap();
    // The change of an owner removes special bits.
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    set_time(path, LONG_AGO, 0);
}

fn times(directory: &Path, odd: bool) {
    for (name, seconds, nanoseconds) in [
        ("nanosecond", LONG_AGO, 1),
        ("tenth", LONG_AGO, 100_000_000),
        ("1970", 0, 0),
        ("before-1970", -86_400, 0),
        ("1969", -1, 0),
        ("2100", 4_102_444_800, 0),
    ] {
        write(&directory.join(name), name);
        set_time(&directory.join(name), seconds, nanoseconds);
    }
    if odd {
        for (name, seconds, nanoseconds) in
            [("last-nanosecond", LONG_AGO, 999_999_999), ("before-1970-too", -2, 750_000_000)]
        {
            write(&directory.join(name), name);
            set_time(&directory.join(name), seconds, nanoseconds);
        }
    }
}

/// Three pages of content: at the begin, beyond 8 GiB and in between, and a hole at the end.
fn sparse(path: &Path) {
    let file = File::create(path).unwrap();
    file.set_len(SPARSE_BYTES).unwrap();
    for (at, byte) in [(0, b'a'), (5 << 30, b'b'), ((17 << 29) + 4096, b'c')] {
        file.write_all_at(&[byte; 4096], at).unwrap();
    }
    let time = UNIX_EPOCH + Duration::from_secs(LONG_AGO.unsigned_abs());
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}

/// A file 14 directories down, each with a name of 250 bytes: a system takes no more than 4,096 bytes of a path.
fn long(directory: &Path) {
    let below = (0..14).fold(directory.to_owned(), |path, _| path.join("l".repeat(250)));
    fs::create_dir_all(&below).unwrap();
    write(&below.join("x"), "deep\n");
}

fn many(directory: &Path) {
    for group in 0..100 {
        let below = directory.join(format!("{group:02}"));
        fs::create_dir(&below).unwrap();
        for number in 0..1000 {
            fs::write(
                below.join(format!("{number:03}.log")),
                format!("{group} {number}\n").repeat(number % 7),
            )
            .unwrap();
        }
    }
}

/// Gives the directories times and owners of their own, which is last, since each new file changes the time.
fn dress_directories(root: &Path) {
    for (number, name) in (1..).zip(["names", "kinds", "modes", "times"]) {
        chown(root.join(name), Some(number), Some(number)).unwrap();
        set_time(&root.join(name), LONG_AGO + i64::from(number), 500_000_000);
    }
    fs::set_permissions(root, Permissions::from_mode(0o1775)).unwrap();
    chown(root, Some(7), Some(8)).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    // An hour ago, to the second, so that it is not the time at which a copy of it is made.
    set_time(root, i64::try_from(now.as_secs()).unwrap() - 3600, 0);
}
