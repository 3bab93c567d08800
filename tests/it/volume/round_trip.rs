//! A tree with everything in it, packed by one program and unpacked by another: nothing of it is lost or changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::nasty::{FIFO, SETUID, SOCKET, SPARSE, SPARSE_BYTES, With, fill};
use super::tree::{Kind, Times, Tree, differences, lines, read};
use super::{list, load, program, save};
use crate::program::ran;

/// What Python's own library makes of a tree: format, archive, tree.
const PYTHON: &str = "import sys, tarfile\n\
    format = {'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}[sys.argv[1]]\n\
    with tarfile.open(sys.argv[2], 'w:gz', format=format) as tar: tar.add(sys.argv[3], '.')\n";

/// A tree, an archive of it, and an empty directory.
struct Trip {
    scratch: TempDir,
    source: Tree,
}

impl Trip {
    fn new(with: &[With]) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["source", "target"] {
            fs::create_dir(scratch.path().join(name)).unwrap();
        }
        fill(&scratch.path().join("source"), with);
        let mut source = read(&scratch.path().join("source"));
        source.retain(|_, file| file.kind != Kind::Special);
        Self { scratch, source }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }

    /// Packs it with another program; `{}` is the archive, and the tree comes last.
    fn packed_by(self, program: &str, arguments: &[&str]) -> Self {
        let archive = self.text("archive");
        let arguments = arguments.iter().map(|argument| argument.replace("{}", &archive));
        other(Command::new(program).args(arguments).arg(self.path("source")).arg("."));
        self
    }

    fn packed_by_tar(self, options: &[&str]) -> Self {
        self.packed_by("tar", &[&["-czpf", "{}"], options, &["-C"]].concat())
    }

    fn packed_by_bsdtar(self, options: &[&str]) -> Self {
        // It takes a socket for an error.
        self.packed_by(
            "bsdtar",
            &[&["-czf", "{}", "--exclude", &format!("./{SOCKET}")], options, &["-C"]].concat(),
        )
    }

    fn packed_by_python(self, format: &str) -> Self {
        other(
            Command::new("/usr/bin/python3")
                .args(["-c", PYTHON, format])
                .args(["archive", "source"].map(|name| self.path(name))),
        );
        self
    }

    /// Packs it with ours, which names what no archive can hold.
    fn packed_by_us(self) -> Self {
        let ran = save(&self.path("archive"), &self.path("source")).code(0);
        assert!([FIFO, SOCKET].iter().all(|name| ran.stdout.contains(name)), "{ran:#?}");
        self
    }

    fn unpacked_by_tar(&self, options: &[&str]) -> Tree {
        let whole = ["-xpz", "--same-owner", "--numeric-owner", "-f"];
        other(
            Command::new("tar")
                .args(options)
                .args(whole)
                .arg(self.path("archive"))
                .arg("-C")
                .arg(self.path("target")),
        );
        read(&self.path("target"))
    }

    /// Unpacks it with ours, which names what it leaves out.
    fn unpacked_by_us(&self, named: &[&str]) -> Tree {
        let ran = load(&self.path("archive"), &self.path("target")).code(0);
        assert!(named.iter().all(|name| ran.stdout.contains(name)), "{named:?}: {ran:#?}");
        read(&self.path("target"))
    }

    /// With the bits that are dropped of their own accord.
    fn unpacked_by_us_with_special_modes(&self) -> Tree {
        let mut command = program();
        command.args(["volume", "load"]).arg(self.path("archive")).arg("--path").arg(self.path("target"));
        let ran = ran(command.args(["--yes", "--keep-special-modes"])).code(0);
        assert!(!ran.stdout.contains(SETUID), "{ran:#?}");
        read(&self.path("target"))
    }

    #[track_caller]
    fn is(&self, target: &Tree, times: Times) {
        let differences = differences(&lines(&self.source, times), &lines(target, times));
        assert!(differences.is_empty(), "{} differences: {differences:#?}", differences.len());
        if let Some(sparse) = target.get(SPARSE.as_bytes()) {
            assert!(matches!(sparse.kind, Kind::File { size_bytes: SPARSE_BYTES, .. }), "{sparse:?}");
            assert!(sparse.place.held_bytes < 1 << 20, "its holes are filled: {sparse:?}");
            assert!(
                fs::metadata(self.path("archive")).unwrap().len() < 16 << 20,
                "its holes are in the archive"
            );
        }
    }
}

/// Runs another program, which must succeed. Its warnings, such as of times before 1970, are of no interest.
#[track_caller]
fn other(command: &mut Command) {
    let output = command.env("LC_ALL", "C.UTF-8").output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn gnu_tar_unpacks_what_we_have_packed() {
    let trip = Trip::new(&[With::Sparse, With::OddTimes, With::SpecialModes]).packed_by_us();
    trip.is(&trip.unpacked_by_tar(&[]), Times::Nanoseconds);
}

#[test]
fn we_unpack_what_we_have_packed() {
    let trip = Trip::new(&[With::Sparse, With::OddTimes, With::SpecialModes]).packed_by_us();
    trip.is(&trip.unpacked_by_us_with_special_modes(), Times::Nanoseconds);
    let listed = list(&trip.path("archive")).code(0).stdout;
    assert!(listed.lines().count() >= trip.source.len() - 1, "{listed}");
}

#[test]
fn we_unpack_what_gnu_tar_has_packed() {
    let trip = Trip::new(&[With::Sparse]).packed_by_tar(&["-S", "--format=gnu"]);
    trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Seconds);
    let trip = Trip::new(&[With::Sparse, With::OddTimes]).packed_by_tar(&["-S", "--format=posix"]);
    trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Nanoseconds);
    for version in ["0.0", "0.1", "1.0"] {
        let version = format!("--sparse-version={version}");
        let trip = Trip::new(&[With::Sparse]).packed_by_tar(&["-S", "--format=posix", &version]);
        trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Nanoseconds);
    }
}

#[test]
fn we_unpack_what_bsdtar_has_packed() {
    // Of its own accord it writes pax headers only for files that need one.
    for (options, times) in [(&[][..], Times::Seconds), (&["--format=pax"], Times::Nanoseconds)] {
        let trip = Trip::new(&[With::Sparse]).packed_by_bsdtar(options);
        trip.is(&trip.unpacked_by_us(&[FIFO]), times);
    }
}

#[test]
fn we_unpack_what_python_has_packed() {
    for format in ["gnu", "pax"] {
        let trip = Trip::new(&[]).packed_by_python(format);
        trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Seconds);
    }
}

#[test]
fn we_unpack_an_archive_that_is_not_compressed_or_in_several_members() {
    let trip = Trip::new(&[]).packed_by("tar", &["-cpf", "{}", "--format=posix", "-C"]);
    trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Nanoseconds);
    let trip = Trip::new(&[]).packed_by("tar", &["-cpf", "{}", "--format=posix", "-C"]);
    let script = "head -c 700000 \"$1\" | gzip > \"$1.gz\"; tail -c +700001 \"$1\" | pigz >> \"$1.gz\"; mv \"$1.gz\" \"$1\"";
    other(Command::new("sh").args(["-ec", script, "sh"]).arg(trip.path("archive")));
    trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Nanoseconds);
}

#[test]
fn special_modes_are_dropped_by_name_unless_they_are_asked_for() {
    let trip = Trip::new(&[With::SpecialModes]).packed_by_us();
    let target = trip.unpacked_by_us(&[SETUID, "modes/setgid", "modes/sticky", "modes/all"]);
    let mut without = Trip { scratch: tempfile::tempdir().unwrap(), source: trip.source.clone() };
    for file in without.source.values_mut().filter(|file| matches!(file.kind, Kind::File { .. })) {
        file.mode &= 0o777;
    }
    assert_ne!(
        differences(&lines(&without.source, Times::Seconds), &lines(&trip.source, Times::Seconds)).len(),
        0
    );
    without.is(&target, Times::Nanoseconds);
}

#[test]
fn an_archive_goes_through_a_pipe() {
    let trip = Trip::new(&[With::Sparse, With::OddTimes]);
    let mut saving = program();
    saving.args(["volume", "save", "-", "--path"]).arg(trip.path("source"));
    let mut saving = saving.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut loading = program();
    loading.args(["volume", "load", "-", "--path"]).arg(trip.path("target")).arg("--yes");
    ran(loading.stdin(saving.stdout.take().unwrap())).code(0);
    assert!(saving.wait().unwrap().success());
    fs::write(trip.path("archive"), "").unwrap();
    trip.is(&read(&trip.path("target")), Times::Nanoseconds);
}

#[test]
fn the_same_tree_gives_the_same_archive() {
    let trip = Trip::new(&[]).packed_by_us();
    let first = fs::read(trip.path("archive")).unwrap();
    fs::remove_file(trip.path("archive")).unwrap();
    assert!(fs::read(trip.packed_by_us().path("archive")).unwrap() == first);
}

#[test]
#[ignore = "tests/run --all runs it"]
fn a_hundred_thousand_small_files_come_back() {
    let empty = |trip: &Trip| {
        fs::remove_dir_all(trip.path("target")).unwrap();
        fs::create_dir(trip.path("target")).unwrap();
    };
    let trip = Trip::new(&[With::Many]).packed_by_us();
    assert!(trip.source.len() > 100_000);
    trip.is(&trip.unpacked_by_us(&[]), Times::Nanoseconds);
    empty(&trip);
    trip.is(&trip.unpacked_by_tar(&[]), Times::Nanoseconds);
    empty(&trip);
    fs::remove_file(trip.path("archive")).unwrap();
    let trip = trip.packed_by_tar(&["--format=posix"]);
    trip.is(&trip.unpacked_by_us(&[FIFO]), Times::Nanoseconds);
}

/// What this file stands on: two programs that are not ours say the same of a tree.
#[test]
fn gnu_tar_unpacks_what_gnu_tar_and_bsdtar_have_packed() {
    let with = [With::Sparse, With::OddTimes, With::SpecialModes];
    let trip = Trip::new(&with).packed_by_tar(&["-S", "--format=posix"]);
    trip.is(&without_special(trip.unpacked_by_tar(&[])), Times::Nanoseconds);
    let trip = Trip::new(&[With::SpecialModes]).packed_by_bsdtar(&["--format=pax"]);
    // In bsdtar's archives the files of a directory come after those of others.
    let unpacked = trip.unpacked_by_tar(&["--delay-directory-restore"]);
    trip.is(&without_special(unpacked), Times::Nanoseconds);
}

fn without_special(mut tree: Tree) -> Tree {
    tree.retain(|_, file| file.kind != Kind::Special);
    tree
}

/// A comparison that finds nothing proves nothing.
#[test]
fn each_change_of_a_tree_is_a_difference() {
    let trip = Trip::new(&[]);
    let source = trip.path("source");
    let path = |name: &str| source.join(name);
    let changes: [(&str, &dyn Fn()); 7] = [
        ("content", &|| fs::write(path("kinds/of-512"), [b'x'; 512]).unwrap()),
        ("mode", &|| shell("chmod 640", &path("modes/644"))),
        ("owner", &|| shell("chown 5:5", &path("modes/600"))),
        ("time", &|| shell("touch -d @1441238400.000000002", &path("times/nanosecond"))),
        ("target", &|| shell("ln -sfn elsewhere", &path("kinds/dangling"))),
        ("links", &|| shell("sed -i s/x/x/", &path("kinds/hard/b"))),
        ("directory", &|| shell("rmdir", &path("kinds/hollow/hollow"))),
    ];
    let mut before = lines(&read(&source), Times::Nanoseconds);
    for (what, change) in changes {
        change();
        let after = lines(&read(&source), Times::Nanoseconds);
        assert!(!differences(&before, &after).is_empty(), "{what}");
        before = after;
    }
}

fn shell(words: &str, path: &Path) {
    let mut words = words.split(' ');
    other(Command::new(words.next().unwrap()).args(words).arg(path));
}
