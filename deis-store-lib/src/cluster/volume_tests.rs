//! The volume against this machine's tar, and against scripted answers.

use tokio::io::AsyncReadExt;

use super::volume::{STORE, is_empty, load, save};
use crate::error::ErrorKind;
use crate::remote::Local;
use crate::remote::double::Double;

const MOUNTED: &str = "10.0.0.1:/ /var/lib/deis/store ceph rw 0 0\n";
/// A whole archive without entries.
const EMPTY: [u8; 10240] = [0; 10240];

/// A host where our user is root and `/proc/mounts` has this content.
fn store(mounts: &str) -> Double {
    Double::new().answer(0, "0\n", "").answer(0, "", "").answer(0, mounts, "")
}

#[tokio::test]
async fn a_directory_goes_out_and_comes_back() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    std::fs::create_dir(from.path().join("logs")).unwrap();
    std::fs::write(from.path().join("logs/app.log"), "line\n".repeat(100_000)).unwrap();
    let path = |directory: &tempfile::TempDir| directory.path().to_str().unwrap().to_owned();
    let local = Local::default();
    assert!(is_empty(&local, &path(&to)).await.unwrap());
    let mut saving = save(&local, &path(&from)).await.unwrap();
    let mut archive = Vec::new();
    saving.read_to_end(&mut archive).await.unwrap();
    let saved = saving.finish().await.unwrap();
    assert_eq!((saved.archive.entries, saved.archive.file_bytes), (3, 500_000));
    assert!(saved.changed.is_empty());
    let loaded = load(&local, &path(&to), &archive[..]).await.unwrap();
    assert_eq!(loaded.archive_bytes, archive.len() as u64);
    assert_eq!(std::fs::read(to.path().join("logs/app.log")).unwrap().len(), 500_000);
    assert!(!is_empty(&local, &path(&to)).await.unwrap());
}

#[tokio::test]
async fn a_broken_archive_fails_to_load() {
    let to = tempfile::tempdir().unwrap();
    for archive in [&b"this is no archive at all"[..], &[b'x'; 10240]] {
        let error = load(&Local::default(), to.path().to_str().unwrap(), archive).await.unwrap_err();
        assert!(error.to_string().contains("tar"), "{error}");
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
async fn a_mount_of_another_type_is_a_warning() {
    let remote = store("/dev/sdb /var/lib/deis/store ext4 rw 0 0\n");
    // Three commands: make the mark, unpack, remove the mark.
    let remote = remote.answer(0, "", "").answer(0, "", "").answer(0, "", "");
    let loaded = load(&remote, STORE, &EMPTY[..]).await.unwrap();
    assert!(loaded.warning.unwrap().contains("ext4"));
    assert_eq!(*remote.written.lock().unwrap(), EMPTY);
    let asked = remote.asked.lock().unwrap();
    let mark = "/var/lib/deis/store/.deis-store-unpacking";
    assert_eq!((&asked[3], &asked[5]), (&format!("touch {mark}"), &format!("rm -f {mark}")));
    assert_eq!(asked[4], "env LC_ALL=C tar -xpf - --same-owner --numeric-owner -C /var/lib/deis/store");
}

#[tokio::test]
async fn a_directory_that_is_not_there_is_named() {
    let error = save(&Local::default(), "/no/such/directory").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("/no/such/directory"));
    assert_eq!(save(&Local::default(), "relative").await.unwrap_err().kind(), ErrorKind::Usage);
}

/// The result of `save` for an exit of tar.
async fn saved(code: i32, archive: &[u8], stderr: &str) -> crate::Result<Vec<String>> {
    let remote = store(MOUNTED).answer(code, archive, stderr);
    let mut saving = save(&remote, STORE).await.unwrap();
    saving.read_to_end(&mut Vec::new()).await.unwrap();
    saving.finish().await.map(|saved| saved.changed)
}

#[tokio::test]
async fn files_that_change_while_they_are_read_are_named() {
    let stderr = "tar: ./logs/a b.log: file changed as we read it\ntar: ./logs/x: File removed before we read it\n\
                  tar: ./logs/y: File shrank by 5 bytes; padding with zeros\n";
    assert_eq!(saved(1, &EMPTY, stderr).await.unwrap(), ["./logs/a b.log", "./logs/x", "./logs/y"]);
}

#[tokio::test]
async fn every_other_end_of_tar_is_a_failure() {
    let error = saved(2, &EMPTY, "tar: ./x: Cannot open: Input/output error\n").await.unwrap_err();
    assert!(error.to_string().contains("Cannot open"), "{error}");
    assert!(saved(1, &EMPTY, "sudo: a password is required\n").await.is_err());
    assert_eq!(saved(0, &EMPTY[..600], "").await.unwrap_err().kind(), ErrorKind::Damaged);
    let changed = "tar: ./x: file changed as we read it\n";
    assert_eq!(saved(1, b"", changed).await.unwrap_err().kind(), ErrorKind::Damaged);
}
