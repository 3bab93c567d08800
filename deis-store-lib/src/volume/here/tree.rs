//! Trees for tests: nasty ones, and what is seen of one.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, SeekFrom, Timespec, Timestamps, UTIME_OMIT};

use super::attributes::Owners;
use super::unpack::Options;
use crate::archive::tar::{Policy, Special};

/// Everything that is to be the same of a tree, by path.
pub(super) fn seen(top: &Path) -> BTreeMap<Vec<u8>, String> {
    let (mut seen, mut first_names) = (BTreeMap::new(), BTreeMap::new());
    look(top, b"", &mut seen, &mut first_names);
    seen
}

/// The same without what a format does not have.
pub(super) fn to_the_second(seen: BTreeMap<Vec<u8>, String>) -> BTreeMap<Vec<u8>, String> {
    let cut = |line: String| match line.split_once(" ns") {
        Some((before, after)) => format!("{before}{}", after.split_once(' ').map_or("", |(_, after)| after)),
        None => line,
    };
    seen.into_iter().map(|(path, line)| (path, cut(line))).collect()
}

/// Fails with what differs alone.
pub(super) fn assert_same(one: &BTreeMap<Vec<u8>, String>, other: &BTreeMap<Vec<u8>, String>) {
    for path in one.keys().chain(other.keys()) {
        assert_eq!(one.get(path), other.get(path), "{}", String::from_utf8_lossy(path));
    }
}

fn look(
    top: &Path,
    path: &[u8],
    seen: &mut BTreeMap<Vec<u8>, String>,
    first_names: &mut BTreeMap<(u64, u64), Vec<u8>>,
) {
    let full = top.join(OsStr::from_bytes(path));
    let metadata = fs::symlink_metadata(&full).unwrap();
    let kind = metadata.file_type();
    let mut line = format!(
        "{:o} {}:{} {} ns{:09} ",
        metadata.mode(),
        metadata.uid(),
        metadata.gid(),
        metadata.mtime(),
        metadata.mtime_nsec()
    );
    if kind.is_symlink() {
        line += &format!("-> {}", fs::read_link(&full).unwrap().display());
    } else if kind.is_file() {
        line += &format!("{} bytes: {}", metadata.len(), content(&full, &metadata));
        if metadata.nlink() > 1 {
            let identity = (metadata.dev(), metadata.ino());
            let first = first_names.entry(identity).or_insert_with(|| path.to_vec());
            line += &format!(", is {}", String::from_utf8_lossy(first));
        }
    } else if kind.is_dir() {
        let mut names: Vec<_> =
            fs::read_dir(&full).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        for name in names {
            let below = if path.is_empty() { vec![] } else { [path, b"/"].concat() };
            look(top, &[&below, name.as_bytes()].concat(), seen, first_names);
        }
    }
    seen.insert(path.to_vec(), line);
}

/// A number for the bytes of a file and their places, however its holes lie.
fn content(path: &Path, metadata: &Metadata) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let (file, mut hasher, mut at) = (File::open(path).unwrap(), DefaultHasher::new(), 0);
    let mut block = [0; 4096];
    while at < metadata.len() {
        if metadata.blocks() * 512 < metadata.len() {
            match rustix::fs::seek(&file, SeekFrom::Data(at)) {
                Ok(data) => at = data / 4096 * 4096,
                Err(_) => break,
            }
        }
        let read = file.read_at(&mut block, at).unwrap();
        if block[..read].iter().any(|byte| *byte != 0) {
            (at, &block[..read]).hash(&mut hasher);
        }
        at += read.max(1) as u64;
    }
    hasher.finish()
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// How all is kept that the user can keep.
pub(super) fn everything() -> Options {
    let owners = if is_root() { Owners::Keep } else { Owners::Mine };
    Options { owners, room: None, members: None }
}

/// How an archive is read so that nothing of it is dropped.
pub(super) fn whole() -> Policy {
    Policy { special: Special::Keep, ..Policy::default() }
}

/// A tree with one of everything that is hard.
pub(super) fn nasty(top: &Path) {
    let path = |name: &[u8]| top.join(OsStr::from_bytes(name));
    let write = |name: &[u8], bytes: &[u8]| {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), bytes).unwrap();
    };
    for (size, name) in [(0, "0"), (1, "1"), (511, "511"), (512, "512"), (513, "513"), ((2 << 20) + 3, "2M")]
    {
        let bytes: Vec<u8> = (0..size).map(|at| u8::try_from(at * 31 % 251).unwrap()).collect();
        write(format!("sizes/{name}").as_bytes(), &bytes);
    }
    for name in [
        &[b'n'; 255][..],
        &[0xff; 255],
        b"\xe9t\xe9 \xff",
        b"-rf",
        b"line\nfeed",
        b" ",
        b"\xc3\xbcml\xc3\xa4ut",
        b"~",
        b"\\101",
    ] {
        write(&[b"names/", name].concat(), name);
        write(&[b"names/in ", &name[..name.len().min(250)], b"/file"].concat(), name);
    }
    for length in [98, 99, 100, 101, 254, 255] {
        write(&[b"names/", &vec![b'l'; length][..]].concat(), b"long");
    }
    let deep: Vec<_> = (0..15).map(|at| format!("{at:0>200}")).collect();
    write(format!("deep/{}/file", deep.join("/")).as_bytes(), b"deep");
    fs::create_dir_all(path(b"empty/empty")).unwrap();
    sparse(&path(b"sparse"));
    links(top);
    for (name, mode) in [("setuid", 0o4755), ("setgid", 0o2711), ("none", 0), ("all", 0o777)] {
        write(format!("modes/{name}").as_bytes(), b"x");
        write(format!("modes/in {name}/file").as_bytes(), b"x");
        if is_root() || mode < 0o1000 && mode > 0 {
            mode_of(&path(format!("modes/{name}").as_bytes()), mode);
        }
    }
    for (number, owner) in [(0, 0), (12345, 54321), (3_000_000, 4_000_000_000)].into_iter().enumerate() {
        let name = path(format!("owners/{number}").as_bytes());
        fs::create_dir_all(&name).unwrap();
        if is_root() {
            std::os::unix::fs::chown(&name, Some(owner.0), Some(owner.1)).unwrap();
            let _ = fs::remove_file(name.join("link"));
            symlink("x", name.join("link")).unwrap();
            std::os::unix::fs::lchown(name.join("link"), Some(owner.0), Some(owner.1)).unwrap();
        }
    }
    for seconds in [0, 1, -1, -2_000_000_000, 1_500_000_000, 8_589_934_591, 8_589_934_592, 10_000_000_000] {
        for nanoseconds in [0, 1, 500_000_000, 999_999_999] {
            let name = format!("times/{seconds}.{nanoseconds}");
            write(name.as_bytes(), b"");
            time_of(&path(name.as_bytes()), seconds, nanoseconds);
        }
    }
    for (name, mode) in [("modes/in setgid", 0o2775), ("modes/in all", 0o1777), ("modes/in none", 0)] {
        if is_root() || mode > 0 {
            mode_of(&path(name.as_bytes()), mode);
        }
    }
    for name in ["modes/in none", "times", "names", "empty/empty", "empty", "links", ""] {
        time_of(&path(name.as_bytes()), 1_234_567_890, 123_456_789);
    }
    mode_of(top, 0o750);
    time_of(top, 1_111_111_111, 1);
}

fn sparse(top: &Path) {
    fs::create_dir_all(top).unwrap();
    let nine = 9 << 30;
    for (name, places) in [
        ("nothing", &[][..]),
        ("middle", &[5 << 30]),
        ("ends", &[0, nine - 5000]),
        ("four", &[0, 1 << 20, 2 << 20, 3 << 20]),
        ("five", &[0, 1 << 20, 2 << 20, 3 << 20, 4 << 20]),
    ] {
        let file = File::create(top.join(name)).unwrap();
        file.set_len(nine).unwrap();
        for at in places {
            file.write_all_at(&[b's'; 5000], *at).unwrap();
        }
    }
    let file = File::create(top.join("many")).unwrap();
    for at in 0..200 {
        file.write_all_at(b"s", at * 65536).unwrap();
    }
}

fn links(top: &Path) {
    let path = |name: &str| top.join("links").join(name);
    fs::create_dir_all(path("below")).unwrap();
    fs::write(path("z"), "linked").unwrap();
    for name in ["a", "below/b", &"h".repeat(200), &format!("below/{}", "i".repeat(255))] {
        fs::hard_link(path("z"), path(name)).unwrap();
    }
    fs::write(path(&"j".repeat(255)), "long first name").unwrap();
    fs::hard_link(path(&"j".repeat(255)), path("k")).unwrap();
    let (long, longest) = ("t/".repeat(100), "t".repeat(4095));
    for (name, target) in [
        ("dangling", "nowhere"),
        ("absolute", "/etc/passwd"),
        ("up", "../../../.."),
        ("self", "self"),
        ("to directory", "below"),
        ("slashes", "a//b/./"),
        ("long", &long),
    ] {
        symlink(target, path(name)).unwrap();
        time_of(&path(name), 1_000_000_000, 7);
    }
    // Some file systems take but what fits into a block.
    let _ = symlink(longest, path("longest"));
    symlink(OsStr::from_bytes(b"\xff\n"), path("bytes")).unwrap();
    symlink("a", path(&"s".repeat(255))).unwrap();
}

pub(super) fn mode_of(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(super) fn time_of(path: &Path, seconds: i64, nanoseconds: i64) {
    let last_access = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
    let last_modification = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    let times = Timestamps { last_access, last_modification };
    rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW).unwrap();
}

/// How many files and directories below a path this process has open.
pub(super) fn open_below(top: &Path) -> usize {
    let open = fs::read_dir("/proc/self/fd").unwrap();
    open.filter(|entry| fs::read_link(entry.as_ref().unwrap().path()).is_ok_and(|to| to.starts_with(top)))
        .count()
}

/// A directory in another one, down so many steps.
pub(super) fn deep(steps: usize) -> PathBuf {
    std::iter::repeat_n("d", steps).collect()
}

/// Does something as a user with no rights.
pub(super) fn as_nobody<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::spawn(|| {
        become_nobody();
        work()
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The same for what runs in a runtime.
pub(super) fn block_on_as_nobody<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    as_nobody(|| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.on_thread_start(become_nobody).build().unwrap().block_on(work)
    })
}

/// On Linux each thread has rights of its own.
fn become_nobody() {
    use rustix::fs::{Gid, Uid};
    use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};
    if is_root() {
        let (user, group) = (Uid::from_raw(65534), Gid::from_raw(65534));
        set_thread_groups(&[]).unwrap();
        set_thread_res_gid(group, group, group).unwrap();
        set_thread_res_uid(user, user, user).unwrap();
    }
}
