//! What becomes of the files of objects.

use super::*;

#[tokio::test]
async fn a_directory_in_either_layout_becomes_a_good_snapshot_named_by_its_newest_file() {
    for form in [Form::Beside, Form::Apart] {
        let world = World::new(form).await;
        make_old(&world.directory(), 1_445_412_000);
        let newest = match form {
            Form::Beside => world.directory().join(SEGMENT),
            Form::Apart => world.directory().join("db_wal").join(SEGMENT),
        };
        set_time(&newest, SystemTime::UNIX_EPOCH + Duration::from_secs(1_445_412_481));
        world.write("notes.txt", "newer, and not of the backup");
        let report = world.adopt(false).await;
        assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
        assert!(report.snapshot.ends_with("/2015-10-21T07-28-01Z"), "{}", report.snapshot);
        let expected = ["notes.txt", "db_wal", "registry"].map(str::to_owned);
        assert_eq!(kinds(&report).into_iter().map(|(name, _)| name).collect::<Vec<_>>(), expected);
        let manifest = SnapshotReader::open(&report.snapshot).unwrap().manifest().clone();
        assert!(manifest.complete && manifest.adopted.is_some_and(|adopted| !adopted.compared));
        assert_eq!(manifest.parts[&Part::Sql].outcome, PartOutcome::Skipped);
        assert_eq!(verified(&report).await, Verdict::Good);
        let segment = line(&report.snapshot, &Part::db_wal(), SEGMENT);
        assert_eq!(segment.modified.to_string(), "2015-10-21T07:28:01Z");
        assert!(segment.outcome.is_not_compared() && segment.content_type.is_none());
        let file = Path::new(&report.snapshot).join("db_wal").join(SEGMENT);
        let metadata = std::fs::metadata(file).unwrap();
        assert_eq!((metadata.permissions().mode() & 0o777, metadata.mtime()), (0o400, 1_445_412_481));
        // The directory is as it was, and may be edited.
        assert_ne!(metadata.ino(), std::fs::metadata(&newest).unwrap().ino());
        let again = world.adopt(false).await;
        assert!(again.snapshot.ends_with("/2015-10-21T07-28-02Z"), "{}", again.snapshot);
    }
}

#[tokio::test]
async fn a_backup_after_a_comparison_fetches_and_asks_for_nothing() {
    let world = World::new(Form::Beside).await;
    let adopted = world.adopt(true).await;
    assert_eq!((adopted.verdict, kinds(&adopted)), (Verdict::Good, vec![]));
    for part in [Part::db_wal(), Part::registry()] {
        for line in lines(&adopted.snapshot, &part) {
            assert_eq!((&line.outcome, line.checked), (&Outcome::Stored, Some(Checked::Md5)));
            assert!(line.content_type.is_some());
        }
    }
    assert_eq!(verified(&adopted).await, Verdict::Good);
    let later = world.back_up().await;
    assert_eq!((world.asked(Operation::GetObject), world.asked(Operation::HeadObject)), (0, 0));
    assert_eq!(later.parts[&Part::db_wal()].counts.unchanged, 3);
    assert_eq!(later.verdict, Verdict::Good);
    assert!(adopted.snapshot.ends_with(later.previous.as_deref().unwrap()));
}

#[tokio::test]
async fn a_backup_after_none_asks_for_what_is_stored_beside_the_bytes_and_knows_them_then() {
    let world = World::new(Form::Apart).await;
    let adopted = world.adopt(false).await;
    let later = world.back_up().await;
    assert_eq!((world.asked(Operation::GetObject), world.asked(Operation::HeadObject)), (0, 5));
    for line in lines(&later.snapshot, &Part::db_wal()) {
        assert_eq!((&line.outcome, line.checked), (&Outcome::Unchanged, Some(Checked::Md5)));
        assert!(line.content_type.is_some());
    }
    let inode =
        |snapshot: &str| std::fs::metadata(Path::new(snapshot).join("db_wal").join(SEGMENT)).unwrap().ino();
    assert_eq!(inode(&adopted.snapshot), inode(&later.snapshot));
    let third = world.back_up().await;
    assert_eq!((world.asked(Operation::GetObject), world.asked(Operation::HeadObject)), (0, 0));
    assert_eq!(third.parts[&Part::registry()].counts.unchanged, 2);
}

#[tokio::test]
async fn what_was_written_or_deleted_since_is_said_and_no_fault() {
    let world = World::new(Form::Beside).await;
    make_old(&world.directory(), 1_445_412_481);
    world.put("registry/images/0a/json", "another").await;
    world.put("registry/images/0b/json", "new").await;
    world.delete("registry", "registry/images/0a/layer").await;
    let report = world.adopt(true).await;
    assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
    let said = [
        ("registry/images/0a/json", FindingKind::Unverifiable),
        ("registry/images/0a/layer", FindingKind::Unverifiable),
        ("registry", FindingKind::NotAdopted),
    ];
    assert_eq!(kinds(&report), said.map(|(name, kind)| (name.to_owned(), kind)));
    assert_eq!(report.parts[&Part::registry()].counts.unverifiable, 2);
    let bytes = std::fs::read(Path::new(&report.snapshot).join("registry/registry/images/0a/json")).unwrap();
    assert_eq!(bytes, b"bytes of registry/images/0a/json");
    // What is another one by now is fetched.
    world.back_up().await;
    assert_eq!(world.asked(Operation::GetObject), 2);
}

#[tokio::test]
async fn a_file_that_is_not_the_object_it_was_made_of_is_damaged_and_holds_back_what_needs_it() {
    let part = format!("{BASE}/tar_partitions/part_00000000.tar.lz4");
    for text in [
        "bytes of",
        "BYTES of basebackups_005/base_00000001000000000000000A_00000040/tar_partitions/part_00000000.tar.lz4",
    ] {
        let world = World::new(Form::Beside).await;
        world.write(&part, text);
        for links in [false, true] {
            let options = if links { AdoptOptions::default().link() } else { AdoptOptions::default() };
            let report = world.adopt_with(true, &options).await.unwrap();
            assert_eq!(report.verdict, Verdict::Damaged);
            let found = kinds(&report);
            assert!(found.contains(&(part.clone(), FindingKind::Changed)), "{found:?}");
            let sentinel = format!("{BASE}_backup_stop_sentinel.json");
            assert!(found.contains(&(sentinel, FindingKind::HeldBack)), "{found:?}");
            assert!(!Path::new(&report.snapshot).join("db_wal").join(&part).exists());
            assert_eq!(verified(&report).await, Verdict::Incomplete);
        }
    }
}

#[tokio::test]
async fn an_object_without_a_file_makes_it_incomplete() {
    let world = World::new(Form::Apart).await;
    std::fs::remove_file(world.directory().join("registry/registry/images/0a/layer")).unwrap();
    let report = world.adopt(true).await;
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert_eq!(kinds(&report), [("registry/images/0a/layer".to_owned(), FindingKind::Failed)]);
    assert_eq!(report.parts[&Part::registry()].counts.failed, 1);
    // Without a gateway nobody knows of it.
    assert_eq!(world.adopt(false).await.verdict, Verdict::Good);
}

#[tokio::test]
async fn a_sentinel_alone_is_held_back_also_where_no_gateway_is_asked() {
    for gone in [format!("{BASE}/tar_partitions/part_00000000.tar.lz4"), SEGMENT.to_owned()] {
        let world = World::new(Form::Beside).await;
        std::fs::remove_file(world.directory().join(&gone)).unwrap();
        let report = world.adopt(false).await;
        assert_eq!(report.verdict, Verdict::Incomplete, "{gone}");
        let sentinel = format!("{BASE}_backup_stop_sentinel.json");
        assert!(kinds(&report).contains(&(sentinel, FindingKind::HeldBack)), "{gone}");
    }
}

#[tokio::test]
async fn what_is_no_file_of_an_object_is_named_and_never_good() {
    let world = World::new(Form::Beside).await;
    let at = |name: &str| world.directory().join(name);
    symlink("/etc/passwd", at("wal_005/link")).unwrap();
    symlink("/", at("registry/images/root")).unwrap();
    let pipe = at("wal_005/pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    world.write("registry/images/.s3cmd.a1b2c3d4.tmp", "half");
    std::fs::write(at("registry").join(std::ffi::OsStr::new("\u{e9}")), "odd").unwrap();
    let report = world.adopt(false).await;
    assert_eq!(report.verdict, Verdict::Incomplete);
    let refused: Vec<String> = kinds(&report)
        .into_iter()
        .filter(|(_, kind)| *kind == FindingKind::Refused)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(
        refused,
        ["wal_005/link", "wal_005/pipe", "registry/images/.s3cmd.a1b2c3d4.tmp", "registry/images/root"]
    );
    assert_eq!(report.parts[&Part::registry()].counts.listed, 3);
    // Of a listed object it is a loss, and of what s3cmd has left the listing says that it is none.
    std::fs::remove_file(at(SEGMENT)).unwrap();
    symlink("/etc/passwd", at(SEGMENT)).unwrap();
    let report = world.adopt(true).await;
    assert_eq!(report.parts[&Part::db_wal()].counts.refused, 1);
    let left = ("registry/images/.s3cmd.a1b2c3d4.tmp".to_owned(), FindingKind::NotAdopted);
    assert!(kinds(&report).contains(&left));
}

#[tokio::test]
async fn an_empty_directory_is_no_good_backup() {
    let world = World::new(Form::Apart).await;
    std::fs::remove_dir_all(world.directory().join("registry/registry")).unwrap();
    let report = world.adopt(false).await;
    assert_eq!(report.verdict, Verdict::Incomplete);
    assert!(kinds(&report).contains(&("registry".to_owned(), FindingKind::Refused)));
    std::fs::remove_dir_all(world.directory().join("db_wal")).unwrap();
    std::fs::create_dir(world.directory().join("db_wal")).unwrap();
    let error = world.adopt_with(false, &AdoptOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[tokio::test]
async fn names_are_keys_as_they_stand() {
    let world = World::new(Form::Beside).await;
    let keys = ["a%2Fb", "50%", "c%+", "%part.x", "..x"];
    world.site.put("uploads", &keys).await;
    world.sync("uploads", Form::Apart).await;
    let bucket: BucketPart = "uploads".parse().unwrap();
    let options = AdoptOptions::new([bucket.clone()]).unwrap();
    let report = world.adopt_with(true, &options).await.unwrap();
    assert_eq!((report.verdict, kinds(&report)), (Verdict::Good, vec![]));
    let mut found: Vec<String> =
        lines(&report.snapshot, &Part::Bucket(bucket)).into_iter().map(|line| line.key).collect();
    found.sort_by_key(|key| keys.iter().position(|wanted| wanted == key));
    assert_eq!(found, keys);
    assert_eq!(verified(&report).await, Verdict::Good);
}

#[tokio::test]
async fn linked_files_are_the_same_and_nobody_may_write_to_them_and_a_backup_shares_them() {
    let world = World::new(Form::Beside).await;
    make_old(&world.directory(), 1_445_412_481);
    for compared in [false, true] {
        let options = AdoptOptions::default().link();
        let report = world.adopt_with(compared, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
        let [ours, theirs] =
            [Path::new(&report.snapshot).join("db_wal").join(SEGMENT), world.directory().join(SEGMENT)]
                .map(|path| std::fs::metadata(path).unwrap());
        assert_eq!((ours.ino(), ours.mtime()), (theirs.ino(), 1_445_412_481));
        assert_eq!(theirs.permissions().mode() & 0o777, 0o400);
        assert_eq!(verified(&report).await, Verdict::Good);
    }
    world.back_up().await;
    assert_eq!((world.asked(Operation::GetObject), world.asked(Operation::HeadObject)), (0, 0));
}
