//! An nginx that passes on what it gets: all of it, as much as it lets through, or only small bodies.

use super::{ANY_SIZE, Files, Site, are_planted, plant, tree};

/// Up, down, one object, within the gateway, a backup, and deleted again.
fn goes_through(site: &Site, files: &Files) {
    plant(&site.path("up"), files);
    let up = format!("{}/", site.path("up"));
    site.through(&["s3", "sync", &up, &site.place("t/")]).code(0);
    for (name, bytes) in files {
        let stored = site.stored(&format!("t/{name}"));
        assert!(stored.as_ref() == Some(bytes), "{name}: {:?}", stored.map(|bytes| bytes.len()));
    }
    let again = site.through(&["--json", "s3", "sync", &up, &site.place("t/")]).code(0).json();
    assert_eq!(again["report"]["counts"]["stored"], 0, "nothing is sent twice: {again:#}");

    site.through(&["s3", "sync", &site.place("t/"), &site.path("down")]).code(0);
    are_planted(&site.path("down"), files);
    let again = ["--json", "s3", "sync", &site.place("t/"), &site.path("down")];
    assert_eq!(site.through(&again).code(0).json()["report"]["counts"]["unchanged"], files.len());

    site.through(&["s3", "put", &site.path("up/dir/big"), &site.place("one")]).code(0);
    site.through(&["s3", "cp", &site.place("one"), &site.place("two")]).code(0);
    site.through(&["s3", "info", &site.place("two")]).code(0);
    site.through(&["s3", "get", &site.place("two"), &site.path("got")]).code(0);
    assert!(std::fs::read(site.path("got")).unwrap() == files["dir/big"]);

    let (backup, snapshot) = site.backup();
    backup.code(0);
    let snapshot = snapshot.unwrap();
    for (name, bytes) in files {
        let file = std::fs::read(site.in_snapshot(&snapshot, &format!("t/{name}"))).unwrap();
        assert!(file == *bytes, "{name}");
    }
    site.directly(&["verify", snapshot.to_str().unwrap()]).code(0);

    site.through(&["s3", "del", "-r", "-f", &site.place("t/dir/many/0")]).code(0);
    let left = files.len() - 10 + 2;
    assert_eq!(site.keys().len(), left, "ten of them are gone, and no other");
    site.through(&["s3", "del", &site.place("one")]).code(0);
    assert_eq!(site.keys().len(), left - 1);
}

#[test]
fn what_goes_through_nginx_is_what_is_there() {
    let unbuffered =
        format!("{ANY_SIZE} proxy_buffering off; proxy_request_buffering off; proxy_http_version 1.1;");
    let gzip = format!("{ANY_SIZE} gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1;");
    let few = format!("{ANY_SIZE} limit_conn_zone $binary_remote_addr zone=few:1m; limit_conn few 2;");
    std::thread::scope(|threads| {
        for (name, settings) in
            [("plain", ANY_SIZE), ("unbuffered", &unbuffered), ("gzip", &gzip), ("few", &few)]
        {
            threads.spawn(move || goes_through(&Site::behind(name, settings), &tree()));
        }
    });
}

#[test]
fn more_requests_than_nginx_allows_are_sent_again_or_named() {
    let limited = |status: u16| {
        let site = Site::behind(
            &format!("rate-{status}"),
            &format!(
                "{ANY_SIZE} limit_req_zone $binary_remote_addr zone=rate:1m rate=60r/s; limit_req zone=rate burst=2 nodelay; \
                 limit_req_status {status};"
            ),
        );
        let files = tree();
        plant(&site.path("up"), &files);
        let up = format!("{}/", site.path("up"));
        let synced = site.through(&["--json", "s3", "sync", &up, &site.place("")]);
        let report = synced.json();
        let failed = report["report"]["counts"]["failed"].as_u64().unwrap();
        assert_eq!(synced.code, Some(if failed == 0 { 0 } else { 3 }), "{synced:#?}");
        for key in report["report"]["keys"].as_array().unwrap() {
            let (name, is_stored) = (key["key"].as_str().unwrap(), key["outcome"] == "stored");
            assert_eq!(site.stored(name).as_ref(), is_stored.then(|| &files[name]), "{key}");
            assert!(is_stored || key["why"].as_str().unwrap().contains("overloaded"), "{key}");
        }
        let stored = site.keys().len() as u64;
        assert_eq!(stored + failed, files.len() as u64);
    };
    std::thread::scope(|threads| {
        for status in [503, 429] {
            threads.spawn(move || limited(status));
        }
    });
}

#[test]
fn a_body_that_nginx_does_not_pass_is_the_outcome_of_its_object_and_all_others_are_stored() {
    // nginx' own default is 1 MiB as well.
    for (name, settings) in [("default", ""), ("small", "client_max_body_size 1m; lingering_close off;")] {
        let (site, mut files) = (Site::behind(name, settings), tree());
        plant(&site.path("up"), &files);
        // In parts, none of which passes.
        std::fs::File::create(site.path("up/parts")).unwrap().set_len((64 << 20) + 1).unwrap();
        let up = format!("{}/", site.path("up"));
        let synced = site.through(&["--json", "s3", "sync", &up, &site.place("")]).code(3).json();
        let counts = &synced["report"]["counts"];
        assert_eq!((&counts["refused"], &counts["failed"]), (&2.into(), &0.into()), "{synced:#}");
        let big = files.remove("dir/big").unwrap();
        assert_eq!(site.keys(), files.keys().cloned().collect::<Vec<_>>());
        for key in ["dir/big", "parts"] {
            let put = site.through(&["s3", "put", &site.path(&format!("up/{key}")), &site.place(key)]);
            put.code(1).says(&["413", "client_max_body_size"]);
        }
        let under_way = site.directly(&["s3", "listmp", &site.place("")]).code(0);
        assert!(!under_way.stdout.contains("parts"), "{under_way:#?}");

        // What comes down has no such limit.
        site.store("dir/big", &big);
        files.insert("dir/big".to_owned(), big);
        site.through(&["s3", "sync", &site.place(""), &site.path("down")]).code(0);
        are_planted(&site.path("down"), &files);
        let (backup, snapshot) = site.backup();
        backup.code(0);
        site.directly(&["verify", snapshot.unwrap().to_str().unwrap()]).code(0);
    }
}
