//! What is left of a run, and what can be made of its snapshot.

use super::*;

#[tokio::test]
async fn an_adopted_snapshot_is_restored_key_by_key() {
    let (world, new) = (World::new(Form::Beside).await, Site::new(false).await);
    for compared in [false, true] {
        let report = world.adopt(compared).await;
        let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
        let run = Run::silent();
        let planned = plan(&new.cluster, &snapshot, &RestoreOptions::default(), &run).await.unwrap();
        assert_eq!(restore(&new.cluster, &snapshot, &planned, &run).await.unwrap().verdict, Verdict::Good);
        for bucket in ["db_wal", "registry"] {
            let objects = |objects: Vec<crate::s3::op::ListedObject>| -> Vec<_> {
                objects.into_iter().map(|object| (object.key, object.size_bytes, object.etag)).collect()
            };
            assert_eq!(objects(new.objects(bucket).await), objects(world.site.objects(bucket).await));
        }
    }
}

#[tokio::test]
async fn nothing_is_left_of_what_failed_or_was_stopped_or_killed() {
    let world = World::new(Form::Beside).await;
    let repository = world.repository();
    let options = AdoptOptions::default();
    let left = || {
        let entries = std::fs::read_dir(repository.path()).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter(|name| name.to_string_lossy().starts_with("20")).count()
    };
    // No such bucket.
    world.delete("registry", "registry/images/0a/json").await;
    world.delete("registry", "registry/images/0a/layer").await;
    world.site.client.delete_bucket(&BucketName::new("registry").unwrap()).await.unwrap();
    let error = world.adopt_with(true, &options).await.unwrap_err();
    assert_eq!((error.kind(), left()), (ErrorKind::NotFound, 0));
    let stopped = Run::silent();
    stopped.stop.stop();
    let adopted = adopt(&world.directory(), &repository, None, &options, &stopped).await;
    assert_eq!((adopted.unwrap_err().kind(), left()), (ErrorKind::Interrupted, 0));
    // One that was killed.
    let asked = json!({ "adopted": world.directory(), "parts": ["db_wal", "registry"] });
    repository.begin_at(SystemTime::now(), &asked).unwrap();
    assert_eq!(left(), 1);
    let report = world.adopt(false).await;
    assert_eq!((report.verdict, left()), (Verdict::Good, 1));
    let _lock = repository.lock("somebody").unwrap();
    assert_eq!(world.adopt_with(false, &options).await.unwrap_err().kind(), ErrorKind::Locked);
}
