//! The archive and the dump.

use super::*;

const DUMP: &str = "--\n-- PostgreSQL database cluster dump\n--\n\nSELECT 1;\n\n--\n-- PostgreSQL database cluster dump complete\n--\n\n";

impl World {
    fn pack(&self, mode: u32) {
        let volume = self.scratch.path().join("volume");
        std::fs::create_dir_all(&volume).unwrap();
        std::fs::write(volume.join("log"), "lines").unwrap();
        std::fs::set_permissions(volume.join("log"), std::fs::Permissions::from_mode(mode)).unwrap();
        let archive = self.directory().join("store_file_backup.tar.gz");
        let mut tar = Command::new("tar");
        assert!(tar.arg("czf").arg(archive).arg("-C").arg(volume).arg(".").status().unwrap().success());
    }
}

#[tokio::test]
async fn the_archive_and_the_dump_are_read_to_their_ends_and_become_parts() {
    let world = World::new(Form::Beside).await;
    world.pack(0o644);
    let dump = world.write("dump_all.sql", DUMP);
    for links in [false, true] {
        let options = if links { AdoptOptions::default().link() } else { AdoptOptions::default() };
        let report = world.adopt_with(true, &options).await.unwrap();
        assert_eq!(report.verdict, Verdict::Good, "{:?}", report.findings);
        assert_eq!(verified(&report).await, Verdict::Good);
        let snapshot = Path::new(&report.snapshot);
        let unpacked =
            Command::new("gunzip").arg("-c").arg(snapshot.join("dump_all.sql.gz")).output().unwrap();
        assert_eq!(unpacked.stdout, DUMP.as_bytes());
        let archive = std::fs::read(snapshot.join("store_file_backup.tar.gz")).unwrap();
        assert!(archive == std::fs::read(world.directory().join("store_file_backup.tar.gz")).unwrap());
    }
    std::fs::remove_file(&dump).unwrap();
    std::fs::write(world.directory().join("dump_all.sql.gz"), "no gzip").unwrap();
    let report = world.adopt(true).await;
    assert_eq!((report.verdict, report.parts[&Part::Sql].outcome), (Verdict::Damaged, PartOutcome::Failed));
}

#[tokio::test]
async fn what_is_cut_off_is_damage_and_what_a_restore_would_refuse_is_named() {
    let world = World::new(Form::Beside).await;
    world.pack(0o4755);
    let dropped = world.adopt(false).await;
    assert_eq!(dropped.verdict, Verdict::Good);
    let setuid = ("./log".to_owned(), FindingKind::NotKept);
    assert!(kinds(&dropped).contains(&setuid), "{:?}", kinds(&dropped));
    std::fs::write(world.scratch.path().join("volume/.deis-store-mark"), "").unwrap();
    world.pack(0o644);
    let refused = world.adopt(false).await;
    assert_eq!(refused.verdict, Verdict::Incomplete);
    let ours = ("./.deis-store-mark".to_owned(), FindingKind::Failed);
    assert!(kinds(&refused).contains(&ours), "{:?}", kinds(&refused));
    assert_eq!(refused.parts[&Part::Volume].outcome, PartOutcome::Stored);
    let archive = world.directory().join("store_file_backup.tar.gz");
    let whole = std::fs::read(&archive).unwrap();
    world.write("dump_all.sql", &DUMP[..DUMP.len() / 2]);
    for cut in [0, 10, whole.len() - 1] {
        std::fs::write(&archive, &whole[..cut]).unwrap();
        for links in [false, true] {
            let options = if links { AdoptOptions::default().link() } else { AdoptOptions::default() };
            let report = world.adopt_with(false, &options).await.unwrap();
            assert_eq!(report.verdict, Verdict::Damaged);
            for part in [Part::Volume, Part::Sql] {
                assert_eq!(report.parts[&part].outcome, PartOutcome::Failed, "{cut}");
            }
            assert!(!Path::new(&report.snapshot).join("store_file_backup.tar.gz").exists());
            assert_eq!(verified(&report).await, Verdict::Incomplete);
        }
    }
}
