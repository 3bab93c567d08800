//! The volume against this machine's tar, and against scripted answers.

use tokio::io::{AsyncRead, AsyncReadExt};

use super::load::Loaded;
use super::{STORE, Told, is_empty};
use crate::archive::tar::{Policy, inspect};
use crate::error::ErrorKind;
use crate::remote::double::Double;
use crate::remote::{Local, Remote};
use crate::volume::options::Compress;

const MOUNTED: &str = "10.0.0.1:/ /var/lib/deis/store ceph rw 0 0\n";
/// A whole archive without entries.
const EMPTY: [u8; 10240] = [0; 10240];

/// The archive of a directory, and what tar has said.
async fn save(remote: &dyn Remote, directory: &str) -> crate::Result<(Vec<u8>, Told)> {
    let (mut archive, ending) = super::save(remote, directory, Compress::Here).await?;
    let mut bytes = Vec::new();
    archive.read_to_end(&mut bytes).await.unwrap();
    Ok((bytes, ending.finish().await?))
}

async fn load(
    remote: &dyn Remote,
    directory: &str,
    archive: impl AsyncRead + Unpin,
) -> crate::Result<Loaded> {
    super::load(remote, directory, archive, (Policy::default(), None)).await
}

/// A host where our user is root and `/proc/mounts` has this content.
fn store(mounts: &str) -> Double {
    Double::new().answer(0, "0\n", "").answer(0, "", "").answer(0, mounts, "")
}

#[tokio::test]
async fn a_directory_goes_out_and_comes_back() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(from.path().join("logs")).unwrap();
    std::fs::write(from.path().join("logs/app.log"), "line\n".repeat(100_000)).unwrap();
    let local = Local::default();
    assert!(is_empty(&local, &path(&to)).await.unwrap());
    let (archive, told) = save(&local, &path(&from)).await.unwrap();
    let summary = inspect(&archive[..]).await.unwrap();
    assert_eq!((summary.entries, summary.file_bytes), (3, 500_000));
    assert!(told.changed.is_empty() && told.vanished.is_empty());
    let loaded = load(&local, &path(&to), &archive[..]).await.unwrap();
    assert_eq!((loaded.entries, loaded.scanned.summary), (3, summary));
    assert_eq!(std::fs::read(to.path().join("logs/app.log")).unwrap().len(), 500_000);
    assert!(!is_empty(&local, &path(&to)).await.unwrap());
}

#[tokio::test]
async fn a_broken_archive_fails_to_load() {
    let to = tempfile::tempdir().unwrap();
    for archive in [&b"this is no archive at all"[..], &[b'x'; 10240], &[0; 512], &b""[..]] {
        let error = load(&Local::default(), to.path().to_str().unwrap(), archive).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "{error}");
        assert!(is_empty(&Local::default(), &path(&to)).await.unwrap());
    }
}

#[tokio::test]
async fn lost_and_found_and_empty_logs_count_for_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    std::fs::create_dir(directory.path().join("lost+found")).unwrap();
    std::fs::create_dir(directory.path().join("logs")).unwrap();
    assert!(is_empty(&Local::default(), path).await.unwrap());
    std::fs::write(directory.path().join("logs/.app.log"), "").unwrap();
    assert!(!is_empty(&Local::default(), path).await.unwrap());
}

#[tokio::test]
async fn a_store_that_is_not_mounted_is_never_read_or_written() {
    let nothing = "/dev/sda9 / ext4 rw 0 0\n";
    assert_eq!(save(&store(nothing), STORE).await.unwrap_err().kind(), ErrorKind::Guard);
    let remote = store(nothing);
    let error = load(&remote, &format!("{STORE}/"), &EMPTY[..]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Guard);
    assert!(error.to_string().contains("root disk"), "{error}");
    assert_eq!(remote.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn an_archive_is_unpacked_in_a_fresh_directory_and_moved_up_when_it_is_whole() {
    let remote = store("/dev/sdb /var/lib/deis/store ext4 rw 0 0\n");
    // Eight commands: is it empty, away with what was left, make, unpack, is it still empty, is nothing in the way, move, remove.
    let remote = (0..8).fold(remote, |remote, _| remote.answer(0, "", ""));
    let loaded = load(&remote, STORE, &EMPTY[..]).await.unwrap();
    assert!(loaded.warning.unwrap().contains("ext4"));
    assert!(remote.written.lock().unwrap().iter().all(|byte| *byte == 0), "a fresh archive without entries");
    let asked = remote.asked.lock().unwrap();
    let fresh = "/var/lib/deis/store/.deis-store-unpacking";
    assert!(asked[3].starts_with("find -H /var/lib/deis/store ") && asked[3] == asked[7], "{asked:?}");
    assert_eq!((&asked[4], &asked[5]), (&format!("rm -rf -- {fresh}"), &format!("mkdir -m 700 -- {fresh}")));
    assert_eq!(asked[6], format!("env LC_ALL=C tar -xpf - --same-owner --numeric-owner -C {fresh}"));
    assert!(asked[8].starts_with(&format!("find {fresh} ")) && !asked[8].contains("mv"), "{asked:?}");
    assert!(asked[9].contains("mv") && asked[10] == format!("rmdir -- {fresh}"), "{asked:?}");
}

#[tokio::test]
async fn a_connection_that_breaks_when_all_is_there_undoes_nothing_and_one_before_leaves_the_volume_empty() {
    let store = || store("/dev/sdb /var/lib/deis/store ceph rw 0 0\n");
    // Is it empty, away with what was left, make, unpack, is it still empty, is nothing in the way: then it breaks twice, as things
    // are moved and as the directory is removed.
    let remote = (0..6).fold(store(), |remote, _| remote.answer(0, "", ""));
    let remote = remote.breaks().answer(0, "", "").breaks();
    let remote =
        remote.answer(1, "", "rmdir: failed to remove 'x': No such file or directory\n").answer(1, "", "");
    load(&remote, STORE, &EMPTY[..]).await.unwrap();
    let remote = (0..6).fold(store(), |remote, _| remote.answer(0, "", "")).answer(0, "", "");
    let remote = remote.answer(1, "", "rmdir: failed to remove 'x': Directory not empty\n").answer(0, "", "");
    let error = load(&remote, STORE, &EMPTY[..]).await.unwrap_err();
    assert!(error.to_string().contains("Directory not empty"), "{error}");

    let remote = (0..3).fold(store(), |remote, _| remote.answer(0, "", "")).breaks();
    let error = load(&remote, STORE, &EMPTY[..]).await.unwrap_err();
    assert!(crate::remote::connection_broke(&error), "{error}");
    assert_eq!(remote.asked.lock().unwrap().len(), 7, "nothing was done after it");
}

fn path(directory: &tempfile::TempDir) -> String {
    directory.path().to_str().unwrap().to_owned()
}

/// What is below a directory: types, modes, names and targets of links.
async fn tree(directory: &str) -> String {
    let find = ["find", directory, "-printf", "%y %m %P %l\n"];
    let output = crate::remote::run(&Local::default(), &find).await.unwrap();
    let mut lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    lines.sort();
    lines.join("\n")
}

/// The archive that GNU tar makes of a directory which this script fills.
async fn archive_of(script: &str) -> Vec<u8> {
    let from = tempfile::tempdir().unwrap();
    let whole = format!(
        "cd '{}' && {script} && tar -cpPf - --numeric-owner --transform 's,^EVIL,../evil,' .",
        path(&from)
    );
    let output = crate::remote::run(&Local::default(), &["sh", "-c", &whole]).await.unwrap();
    assert!(output.exit.success(), "{}", output.exit.stderr);
    output.stdout
}

#[tokio::test]
async fn what_an_interrupted_unpacking_has_left_is_removed_and_nothing_of_it_comes_up() {
    let archive = archive_of("mkdir logs && echo new > logs/app.log && chmod 750 .").await;
    let (to, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir_all(to.path().join("logs")).unwrap();
    std::fs::create_dir_all(to.path().join(".deis-store-unpacking/logs")).unwrap();
    std::fs::write(to.path().join(".deis-store-unpacking/logs/old.log"), "old").unwrap();
    std::fs::write(outside.path().join("app.log"), "outside").unwrap();
    std::os::unix::fs::symlink(outside.path(), to.path().join(".deis-store-unpacking/link")).unwrap();
    assert!(is_empty(&Local::default(), &path(&to)).await.unwrap());
    load(&Local::default(), &path(&to), &archive[..]).await.unwrap();
    assert_eq!(tree(&path(&to)).await, "d 750  \nd 755 logs \nf 644 logs/app.log ");
    assert_eq!(std::fs::read(to.path().join("logs/app.log")).unwrap(), b"new\n");
    assert_eq!(std::fs::read(outside.path().join("app.log")).unwrap(), b"outside");
}

#[tokio::test]
async fn nothing_is_written_through_a_link_that_stands_where_the_archive_goes() {
    let archive = archive_of("mkdir logs && echo new > logs/app.log").await;
    let outside = tempfile::tempdir().unwrap();
    for name in ["logs", "lost+found", ".deis-store-unpacking", "app"] {
        let to = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(outside.path(), to.path().join(name)).unwrap();
        assert!(!is_empty(&Local::default(), &path(&to)).await.unwrap(), "{name}");
        let error = load(&Local::default(), &path(&to), &archive[..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Occupied, "{name}");
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0, "{name}");
    }
}

#[tokio::test]
async fn an_archive_with_an_evil_entry_leaves_nothing_twice_in_a_row() {
    let (place, scratch) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let outside = scratch.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    for script in [
        "echo x > EVIL".to_owned(),
        format!("ln -s {0} link && mkdir -p EVIL", outside.display()),
        "mkdir .deis-store-unpacking".to_owned(),
    ] {
        // `tar` transforms `./EVIL` no more than `EVIL`: name it without the dot.
        let script = format!("echo good > good && {script}");
        let archive = archive_of(&script).await;
        let archive = if script.contains("EVIL") {
            String::from_utf8_lossy(&archive).find("./EVIL").map(|_| renamed(&archive)).unwrap_or(archive)
        } else {
            archive
        };
        let to = place.path().join("volume");
        std::fs::create_dir(&to).unwrap();
        let to = to.to_str().unwrap();
        for _ in 0..2 {
            let error = load(&Local::default(), to, &archive[..]).await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Guard), "{script}: {error}");
            assert_eq!(tree(to).await.lines().count(), 1, "{script}: nothing is left");
            assert!(is_empty(&Local::default(), to).await.unwrap());
        }
        std::fs::remove_dir(to).unwrap();
        assert_eq!(tree(path(&place).as_str()).await.lines().count(), 1, "{script}: nothing is outside");
    }
}

/// The archive with `./EVIL` as `../EVL`, and the header's checksum as it must be.
fn renamed(archive: &[u8]) -> Vec<u8> {
    let mut archive = archive.to_vec();
    for at in (0..archive.len()).step_by(512) {
        let block = &mut archive[at..at + 512];
        if block.starts_with(b"./EVIL") {
            block[..6].copy_from_slice(b"../EVL");
            block[148..156].copy_from_slice(b"        ");
            let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
    archive
}

#[tokio::test]
async fn a_log_with_a_hole_comes_back_with_its_hole() {
    use std::os::unix::fs::{FileExt as _, MetadataExt as _};
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = std::fs::File::create(from.path().join("app.log")).unwrap();
    log.write_all_at(b"a line after the log was cut off\n", 64 << 20).unwrap();
    let (archive, _) = save(&Local::default(), &path(&from)).await.unwrap();
    assert!(archive.len() < 1 << 20, "{}", archive.len());
    load(&Local::default(), &path(&to), &archive[..]).await.unwrap();
    let restored = to.path().join("app.log").metadata().unwrap();
    assert_eq!(restored.len(), log.metadata().unwrap().len());
    assert!(restored.blocks() * 512 < 1 << 20, "{} blocks", restored.blocks());
}

#[tokio::test]
async fn sockets_are_named_and_what_an_unpacking_has_left_is_no_part_of_the_volume() {
    let from = tempfile::tempdir().unwrap();
    std::fs::create_dir(from.path().join(".deis-store-unpacking")).unwrap();
    std::fs::write(from.path().join(".deis-store-unpacking/half"), "x").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(from.path().join("socket")).unwrap();
    let (archive, told) = save(&Local::default(), &path(&from)).await.unwrap();
    let entries = inspect(&archive[..]).await.unwrap().entries;
    assert_eq!((entries, &told.skipped[..]), (1, &["./socket".to_owned()][..]));
    assert!(told.left_by_load, "it is named");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let error = save(&Local::default(), "/no/such/directory").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("/no/such/directory"));
    assert_eq!(save(&Local::default(), "relative").await.unwrap_err().kind(), ErrorKind::Usage);
}

/// What tar has said, for an exit of it.
async fn told(code: i32, stderr: &str) -> crate::Result<Told> {
    let remote = store(MOUNTED).answer(0, "tar (GNU tar) 1.27\n", "").answer(1, "", "");
    let remote = remote.answer(code, EMPTY, stderr);
    save(&remote, STORE).await.map(|(_, told)| told)
}

#[tokio::test]
async fn files_that_change_or_vanish_while_they_are_read_are_named() {
    let stderr = "tar: ./logs/a b.log: file changed as we read it\n/usr/bin/tar: ./logs/x: File removed before we read it\n\
                  tar: ./logs/y: File shrank by 5 bytes; padding with zeros\n";
    let told = told(1, stderr).await.unwrap();
    assert_eq!(told.changed, ["./logs/a b.log", "./logs/y"]);
    assert_eq!(told.vanished, ["./logs/x"]);
    assert!(!told.is_cut && !told.left_by_load);
}

#[tokio::test]
async fn every_other_end_of_tar_is_a_failure() {
    let error = told(2, "tar: ./x: Cannot open: Input/output error\n").await.unwrap_err();
    assert!(error.to_string().contains("Cannot open"), "{error}");
    assert!(told(1, "sudo: a password is required\n").await.is_err());
}

#[tokio::test]
async fn that_tar_has_said_more_than_is_kept_is_known() {
    let told = told(1, &"tar: ./logs/x: file changed as we read it\n".repeat(2000)).await.unwrap();
    assert!(told.is_cut && told.changed.len() < 2000);
}

#[tokio::test]
async fn the_store_is_the_store_however_it_is_written() {
    for written in ["/var/lib/deis//store", "/var/lib/deis/./store", "/link"] {
        let remote = Double::new().answer(0, "0\n", "").answer(0, "", "").answer(0, format!("{STORE}\n"), "");
        let remote = remote.answer(0, "/dev/sda9 / ext4 rw 0 0\n", "");
        let error = super::require_volume(&remote, written).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Guard, "{written}");
        assert_eq!(remote.asked.lock().unwrap()[2], format!("readlink -f -- {written}"));
    }
}

#[tokio::test]
async fn what_is_in_the_way_of_an_entry_is_found_before_anything_is_moved() {
    for (script, in_the_way) in [
        ("echo a > a && mkdir lost+found", "lost+found/found"),
        ("echo a > a && echo no directory > logs", "logs"),
        ("echo a > a && mkdir logs", "logs/logs"),
    ] {
        let archive = archive_of(script).await;
        let to = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(to.path().join(in_the_way)).unwrap();
        let before = tree(&path(&to)).await;
        let error = load(&Local::default(), &path(&to), &archive[..]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Occupied, "{script}: {error}");
        assert_eq!(tree(&path(&to)).await, before, "{script}");
    }
}

#[tokio::test]
async fn of_members_the_bytes_are_told_and_the_directory_itself_stays_as_it_was() {
    let archive = archive_of("echo 1234 > a && echo 12 > b && chmod 751 .").await;
    let to = tempfile::tempdir().unwrap();
    let members = Some(crate::volume::members::Members::new(&["a"]).unwrap());
    let before = tree(&path(&to)).await;
    let (local, to_path) = (Local::default(), path(&to));
    let loading = super::load(&local, &to_path, &archive[..], (Policy::default(), members));
    let loaded = loading.await.unwrap();
    assert_eq!((loaded.entries, loaded.file_bytes), (1, 5));
    assert_eq!(tree(&path(&to)).await.lines().next(), Some(&*before), "neither mode nor owner of it");
}
