//! The words of `deis-store s3` beside s3cmd's, on a real radosgw: where the meaning is shared, so is the result.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use deis_store::s3::ObjectKey;
use deis_store::s3::client::CopyOptions;
use deis_store::s3::op::{CopySource, InitiateUpload};
use deis_store_tests::environment::Environment;

use crate::clusters::{a, client};
use crate::main_job::{block, bucket, put};
use crate::program::{at_gateway, command, on};
use crate::s3cmd::S3cmd;

/// A bucket of the test's own with these keys, each with its key as its bytes.
fn filled(name: &str, keys: &[&str]) -> (Environment, S3cmd) {
    let a = a();
    let (client, bucket) = (client(&a), bucket(name));
    block(client.create_bucket(&bucket)).unwrap();
    for key in keys {
        put(&client, &bucket, &ObjectKey::new(*key).unwrap(), content(key));
    }
    let s3cmd = S3cmd::new(&a);
    (a, s3cmd)
}

/// The key as bytes that last: the client keeps them.
fn content(key: &str) -> &'static [u8] {
    key.to_owned().leak().as_bytes()
}

fn listed(a: &Environment, place: &str) -> Vec<String> {
    let json = on(a, &["s3", "ls", "-r", place, "--json"]).code(0).json();
    let objects = json["report"]["objects"].as_array().unwrap();
    objects.iter().map(|object| object["key"].as_str().unwrap().to_owned()).collect()
}

/// The files below a directory, by path, with their content.
fn files(directory: &Path) -> BTreeMap<String, String> {
    fn walk(directory: &Path, root: &Path, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(directory, directory, &mut found);
    found
}

const ORDINARY: [&str; 7] = ["a/0001", "a/0002", "a/b/c.log", "ab", "d.txt", "wal_005/0000", "wal_005/x y"];

#[test]
fn ls_la_and_du_print_what_s3cmd_prints() {
    let (a, s3cmd) = filled("words_listed", &ORDINARY);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for words in [
        &["ls", "s3://words_listed"][..],
        &["ls", "s3://words_listed/a"],
        &["ls", "s3://words_listed/a/"],
        &["ls", "-r", "s3://words_listed/wal_005/"],
        &["du", "s3://words_listed"],
        &["du", "s3://words_listed/a"],
    ] {
        let ours = on(&a, &[&["s3"], words].concat()).code(0).stdout;
        assert_eq!(sorted(&ours), sorted(&s3cmd.run(words)), "{words:?}");
        assert!(!ours.is_empty());
    }
    // s3cmd cannot: other tests have buckets with keys that are no XML to it.
    for (all, words) in [
        (&["la"][..], &["ls", "s3://words_listed"][..]),
        (&["la", "-r"], &["ls", "-r", "s3://words_listed"]),
        (&["du"], &["du", "s3://words_listed"]),
    ] {
        let ours = on(&a, &[&["s3"], all].concat()).code(0).stdout;
        let own = ours.lines().filter(|line| line.contains("s3://words_listed/"));
        let own = sorted(&own.collect::<Vec<_>>().join("\n"));
        assert_eq!(own, sorted(&s3cmd.run(words)), "{all:?}");
    }
    let json = on(&a, &["s3", "du", "s3://words_listed/a/", "--json"]).code(0).json();
    assert_eq!(json["report"]["places"][0]["objects"], 3);
    assert_eq!(json["report"]["bytes"], 6 + 6 + 9);
}

#[test]
fn get_of_a_prefix_leaves_the_files_that_s3cmd_leaves() {
    let (a, s3cmd) = filled("words_got", &ORDINARY);
    for (number, words) in [
        &["s3://words_got"][..],
        &["s3://words_got/a"],
        &["s3://words_got/a/"],
        &["s3://words_got/wal"],
        &["s3://words_got", "--exclude", "*.log", "--exclude", "0002"],
        &["s3://words_got", "--exclude", "*", "--include", "a/*", "--include", "d.tx?"],
    ]
    .iter()
    .enumerate()
    {
        let [ours, theirs] = ["ours", "theirs"].map(|who| s3cmd.path(&format!("{who}{number}")));
        fs::create_dir(&theirs).unwrap();
        let (place, filters) = words.split_first().unwrap();
        on(&a, &[&["s3", "get", "-r", place, &ours], filters].concat()).code(0);
        s3cmd.run(&[&["get", "-r", place, &format!("{theirs}/")], filters].concat());
        assert_eq!(files(Path::new(&ours)), files(Path::new(&theirs)), "{words:?}");
        assert!(!files(Path::new(&ours)).is_empty(), "{words:?}");
    }
}

#[test]
fn a_file_that_is_there_is_refused_skipped_or_replaced() {
    let (a, s3cmd) = filled("words_existing", &ORDINARY);
    let directory = s3cmd.path("got");
    let get =
        |more: &[&str]| on(&a, &[&["s3", "get", "-r", "s3://words_existing", &directory], more].concat());
    get(&["--dry-run"]).code(0);
    assert!(!Path::new(&directory).exists(), "a dry run does nothing");
    get(&[]).code(0);
    let changed = Path::new(&directory).join("d.txt");
    fs::write(&changed, "ours").unwrap();
    let refused = get(&["--json"]).code(3).json();
    assert_eq!(refused["report"]["failed"].as_array().unwrap().len(), ORDINARY.len());
    assert_eq!(refused["report"]["failed"][0]["outcome"], "refused");
    let skipped = get(&["--skip-existing", "--json"]).code(0).json();
    assert_eq!(skipped["report"]["skipped"].as_array().unwrap().len(), ORDINARY.len());
    assert_eq!(fs::read_to_string(&changed).unwrap(), "ours");
    get(&["--force"]).code(0);
    assert_eq!(fs::read_to_string(&changed).unwrap(), "d.txt");

    let single = |more: &[&str]| {
        let words = ["s3", "get", "s3://words_existing/d.txt", changed.to_str().unwrap()];
        on(&a, &[&words, more].concat())
    };
    single(&[]).code(5).says(&["there already", "--force"]);
    single(&["--skip-existing"]).code(0);
}

#[test]
fn put_of_files_and_directories_makes_the_keys_that_s3cmd_makes() {
    let (a, s3cmd) = filled("words_put", &[]);
    let tree = s3cmd.path("tree");
    for key in ORDINARY {
        let path = Path::new(&tree).join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, key).unwrap();
    }
    let (inside, one, two) = (format!("{tree}/"), format!("{tree}/ab"), format!("{tree}/d.txt"));
    let other = s3cmd.path("other");
    fs::write(&other, "other").unwrap();
    for (number, words) in [
        &["-r", &tree][..],
        &["-r", &inside],
        &["-r", &inside, &other],
        &["-r", &tree, "--exclude", "*.log", "--exclude", "tree/a/*", "--include", "*2"],
        &[&one, &two],
        &[&one],
    ]
    .iter()
    .enumerate()
    {
        let [ours, theirs] = ["ours", "theirs"].map(|who| format!("s3://words_put/{who}{number}/"));
        let (options, sources): (Vec<&str>, Vec<&str>) = {
            let at = words.iter().position(|word| word.starts_with("--")).unwrap_or(words.len());
            (words[at..].to_vec(), words[..at].to_vec())
        };
        on(&a, &[&["s3", "put"], sources.as_slice(), &[&ours], &options].concat()).code(0);
        s3cmd.run(&[&["put"], sources.as_slice(), &[&theirs], &options].concat());
        let of = |place: &str| -> Vec<String> {
            let prefix = place.trim_start_matches("s3://words_put/").len();
            listed(&a, place).iter().map(|key| key[prefix..].to_owned()).collect()
        };
        assert_eq!(of(&ours), of(&theirs), "{words:?}");
        assert!(!of(&ours).is_empty(), "{words:?}");
    }
    // What was got goes back under the same keys.
    on(&a, &["s3", "put", "-r", &inside, "s3://words_put/dry/", "--dry-run"]).code(0);
    assert!(listed(&a, "s3://words_put/dry/").is_empty(), "a dry run does nothing");
    assert_eq!(s3cmd.run(&["get", "s3://words_put/ours0/tree/wal_005/x y", "-"]), "wal_005/x y");
}

#[test]
fn odd_keys_go_into_a_directory_and_back_as_they_are() {
    let keys = ["/lead", "a//b", "dir/", "e/../k", "e/./k", "new\nline", "100%", "é日", "p", "p/q"];
    let (a, s3cmd) = filled("words_odd", &keys);
    let directory = s3cmd.path("got");
    on(&a, &["s3", "get", "-r", "s3://words_odd", &directory]).code(0);
    on(&a, &["s3", "mb", "s3://words_odd_back"]).code(0);
    on(&a, &["s3", "put", "-r", &format!("{directory}/"), "s3://words_odd_back/"]).code(0);
    assert_eq!(listed(&a, "s3://words_odd_back"), listed(&a, "s3://words_odd"));
    on(&a, &["s3", "cp", "-r", "s3://words_odd", "s3://words_odd_back/copy/"]).code(0);
    let copies: Vec<String> = listed(&a, "s3://words_odd").iter().map(|key| format!("copy/{key}")).collect();
    assert_eq!(listed(&a, "s3://words_odd_back/copy/"), copies);
    on(&a, &["s3", "rb", "s3://words_odd"]).code(5).says(&["not empty", "--recursive --force"]);
    on(&a, &["s3", "rb", "s3://words_odd", "s3://words_odd_back", "--recursive", "--force"]).code(0);
    on(&a, &["s3", "ls", "s3://words_odd"]).code(1).says(&["no such bucket"]);
    on(&a, &["s3", "rb", "s3://words_odd", "--force"]).code(0);
}

#[test]
fn what_cannot_be_uploaded_from_a_directory_is_named_and_the_rest_is_uploaded() {
    let (a, s3cmd) = filled("words_refused", &[]);
    let tree = s3cmd.path("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(format!("{tree}/good"), "good").unwrap();
    fs::write(format!("{tree}/50% off"), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", format!("{tree}/link")).unwrap();
    let put = |more: &[&str]| {
        on(&a, &[&["s3", "put", "-r", &format!("{tree}/"), "s3://words_refused/"], more].concat())
    };
    put(&[]).code(3).says(&["/link", "symlink", "/50% off"]);
    assert_eq!(listed(&a, "s3://words_refused"), ["good"]);
    put(&["--exclude", "link", "--exclude", "*%*"]).code(0);
}

#[test]
fn standard_input_and_output_are_files_too() {
    let (a, s3cmd) = filled("words_stdin", &[]);
    let bytes: Vec<u8> = (0..40_000_001_u32).map(|index| u8::try_from(index * 31 % 251).unwrap()).collect();
    for (key, bytes) in [("big", &bytes[..]), ("small", b"small"), ("empty", b"")] {
        let place = format!("s3://words_stdin/{key}");
        let program = || {
            let mut command = command();
            command.env("DEIS_STORE_ETCD", &a.etcd).env("DEISCTL_TUNNEL", &a.tunnel);
            command.env("DEIS_STORE_SSH_CONFIG", &a.ssh_config);
            command
        };
        let mut upload = program().args(["s3", "put", "-", &place]).stdin(Stdio::piped()).spawn().unwrap();
        upload.stdin.take().unwrap().write_all(bytes).unwrap();
        assert!(upload.wait().unwrap().success());
        let got = program().args(["s3", "get", &place, "-"]).output().unwrap();
        assert!(got.status.success() && got.stdout == bytes, "{key}");
        s3cmd.run(&["get", "--force", &place, &s3cmd.path("got")]);
        assert!(fs::read(s3cmd.path("got")).unwrap() == bytes, "s3cmd reads {key}");
    }
    on(&a, &["s3", "put", "-", "s3://words_stdin/"]).code(2).says(&["no name", "give the key"]);
    on(&a, &["s3", "get", "s3://words_stdin/small", "-", "--json"]).code(2);
}

#[test]
fn del_deletes_what_s3cmd_deletes() {
    let (a, s3cmd) = filled("words_del_ours", &ORDINARY);
    filled("words_del_theirs", &ORDINARY);
    for words in [&["X/a/b", "-r", "--exclude", "*.log"][..], &["X/a/0", "-r"], &["X/ab", "X/d.txt"]] {
        let del = |bucket: &str| -> Vec<String> {
            let place = format!("s3://{bucket}");
            ["del"].iter().chain(words).map(|word| word.replace('X', &place)).collect()
        };
        let (ours, theirs) = (del("words_del_ours"), del("words_del_theirs"));
        let mut ours: Vec<&str> = ours.iter().map(String::as_str).collect();
        ours.insert(0, "s3");
        let before = listed(&a, "s3://words_del_ours");
        on(&a, &[&ours[..], &["--dry-run"]].concat()).code(0);
        assert_eq!(listed(&a, "s3://words_del_ours"), before, "a dry run does nothing");
        on(&a, &ours).code(0);
        s3cmd.run(&theirs.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(listed(&a, "s3://words_del_ours"), listed(&a, "s3://words_del_theirs"), "{words:?}");
    }
    assert_eq!(listed(&a, "s3://words_del_ours"), ["a/b/c.log", "wal_005/0000", "wal_005/x y"]);
    on(&a, &["s3", "del", "-r", "s3://words_del_ours"]).code(2).says(&["all of a bucket", "--force"]);
    on(&a, &["s3", "del", "-r", "-f", "s3://words_del_ours"]).code(0);
    assert!(listed(&a, "s3://words_del_ours").is_empty());
}

#[test]
fn more_objects_than_one_request_deletes_are_deleted() {
    let keys: Vec<String> = (0..1003).map(|index| format!("{index:04}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (a, _) = filled("words_many", &keys);
    let report = on(&a, &["s3", "del", "-r", "--force", "s3://words_many", "--json"]).code(0).json();
    assert_eq!(report["report"]["deleted"].as_array().unwrap().len(), 1003);
    assert_eq!(report["report"]["bytes"], 4012);
    assert!(listed(&a, "s3://words_many").is_empty());
}

#[test]
fn cp_and_info_keep_and_tell_what_s3cmd_stores() {
    let (a, s3cmd) = filled("words_cp", &ORDINARY);
    fs::write(s3cmd.path("file"), "text").unwrap();
    s3cmd.run(&[
        "put",
        &s3cmd.path("file"),
        "s3://words_cp/meta",
        "-m",
        "text/x-own",
        "--add-header=x-amz-meta-note:kept",
    ]);
    on(&a, &["s3", "cp", "s3://words_cp/meta", "s3://words_cp/ours/"]).code(0);
    on(&a, &["s3", "cp", "s3://words_cp/meta", "s3://words_cp/theirs", "--dry-run"]).code(0);
    s3cmd.run(&["cp", "s3://words_cp/meta", "s3://words_cp/theirs"]);
    let info = |key: &str| {
        let json = on(&a, &["s3", "info", &format!("s3://words_cp/{key}"), "--json"]).code(0).json();
        let mut place = json["report"]["places"][0].clone();
        place.as_object_mut().unwrap().retain(|name, _| !["name", "modified"].contains(&name.as_str()));
        place
    };
    assert_eq!(info("ours/meta")["meta"]["note"], "kept");
    assert_eq!(info("ours/meta")["content_type"], "text/x-own");
    assert_eq!(info("ours/meta"), info("meta"));
    assert_eq!(info("ours/meta"), info("theirs"));
    // The lines that both print are the same.
    let ours = on(&a, &["s3", "info", "s3://words_cp/ours/meta"]).code(0).stdout;
    let theirs = s3cmd.run(&["info", "s3://words_cp/ours/meta"]);
    for name in ["(object):", "File size:", "Last mod:", "MIME type:", "MD5 sum:", "ACL:", "x-amz-meta-note:"]
    {
        let line = |text: &str| {
            let lines =
                text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {text}"));
            lines.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(&ours), line(&theirs));
    }
    on(&a, &["s3", "info", "s3://words_cp"]).code(0);
    let of = |json: serde_json::Value| json["report"]["copied"].as_array().unwrap().len();
    let copied = on(&a, &["s3", "cp", "-r", "s3://words_cp/a", "s3://words_cp/to/", "--json"]).code(0).json();
    assert_eq!(of(copied), 4);
    assert_eq!(listed(&a, "s3://words_cp/to/"), ["to/a/0001", "to/a/0002", "to/a/b/c.log", "to/ab"]);
}

#[test]
fn a_large_object_is_copied_in_parts_with_what_is_stored_with_it() {
    let (a, _) = filled("words_large", &[]);
    let (client, bucket) = (client(&a), bucket("words_large"));
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|index| u8::try_from(index * 7 % 249).unwrap()).collect();
    let (from, to) = (ObjectKey::new("from é").unwrap(), ObjectKey::new("to").unwrap());
    let meta = BTreeMap::from([("note".to_owned(), "kept".to_owned())]);
    let begin = InitiateUpload::new(&bucket, &from, Some("text/x"), &BTreeMap::new(), &meta).unwrap();
    let parts = deis_store::s3::client::cut_into_parts(&bytes[..], 8 << 20);
    block(client.upload(&begin, parts, &deis_store::s3::client::UploadOptions::default())).unwrap();

    let source = CopySource { bucket: &bucket, key: &from, version_id: None };
    let mut options = CopyOptions::default();
    let whole = block(client.copy_whole(source, &bucket, &to, &options)).unwrap();
    assert!(whole.keeps_etag, "a copy in one request keeps the ETag of an object in parts");
    (options.in_one_bytes, options.part_size_bytes) = (1 << 20, 5 << 20);
    let in_parts = block(client.copy_whole(source, &bucket, &to, &options)).unwrap();
    assert!(!in_parts.keeps_etag && in_parts.etag.ends_with("-3"), "{in_parts:?}");
    let mut got = Vec::new();
    let (info, _) = block(client.get_to(&bucket, &to, &mut got)).unwrap();
    assert!(got == bytes);
    assert_eq!((info.content_type.as_str(), &info.meta), ("text/x", &meta));
    assert!(block(client.uploads(&bucket, "")).unwrap().is_empty(), "nothing is left of it");
    assert!(block(client.copy_whole(source, &bucket, &from, &options)).is_err(), "onto itself");
}

#[test]
fn an_upload_that_was_left_is_listed_and_ended() {
    let (a, s3cmd) = filled("words_uploads", &[]);
    let (client, bucket, key) = (client(&a), bucket("words_uploads"), ObjectKey::new("left over").unwrap());
    let none = BTreeMap::new();
    let id = block(client.execute(&InitiateUpload::new(&bucket, &key, None, &none, &none).unwrap())).unwrap();
    let place = "s3://words_uploads/left over";
    let ours = on(&a, &["s3", "listmp", "s3://words_uploads"]).code(0).stdout;
    assert!(ours.contains(&format!("\t{place}\t{id}\n")), "{ours}");
    assert!(s3cmd.run(&["multipart", "s3://words_uploads"]).contains(&id));
    on(&a, &["s3", "abortmp", place, "2~no-such-upload"]).code(1);
    on(&a, &["s3", "abortmp", place, &id]).code(0);
    assert!(!s3cmd.run(&["multipart", "s3://words_uploads"]).contains(&id));
}

#[test]
fn a_signed_url_is_s3cmds_and_gives_the_object() {
    let (a, s3cmd) = filled("words_signed", &["a b+c"]);
    let place = "s3://words_signed/a b+c";
    let until = "4102444800";
    let url = |words: &[&str]| {
        at_gateway(&a.gateways[0], &a, &a.secret_key, words).code(0).stdout.trim().to_owned()
    };
    let signature = |url: &str| {
        let rest = url.split("Signature=").nth(1).unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let ours = url(&["s3", "signurl", place, until]);
    assert_eq!(signature(&ours), signature(s3cmd.run(&["signurl", place, until]).trim()));
    let soon = url(&["s3", "signurl", place, "+60"]);
    let got = std::process::Command::new("curl").args(["-sS", "--fail", &soon]).output().unwrap();
    assert!(got.status.success() && got.stdout == b"a b+c", "{got:?}");
    on(&a, &["s3", "signurl", place, "1000"]).code(2).says(&["has passed", "+SECONDS"]);
}

#[test]
fn a_limited_rate_is_kept() {
    let (a, s3cmd) = filled("words_rate", &[]);
    fs::write(s3cmd.path("file"), vec![7; 1_500_000]).unwrap();
    let begin = std::time::Instant::now();
    on(&a, &["s3", "put", &s3cmd.path("file"), "s3://words_rate/k", "--limit-rate", "500k"]).code(0);
    // A second's worth may go at once.
    assert!(begin.elapsed().as_millis() > 1500, "{:?}", begin.elapsed());
}

#[test]
fn words_that_make_no_sense_say_what_is_wrong_and_do_nothing() {
    let (a, s3cmd) = filled("words_wrong", &["d/x"]);
    let file = s3cmd.path("file");
    fs::write(&file, "x").unwrap();
    let absent = s3cmd.path("absent");
    let directory = s3cmd.path("");
    let before = listed(&a, "s3://words_wrong");
    for (words, code, says) in [
        (&["put", &file, "words_wrong"][..], 2, &["s3://BUCKET/KEY", "words_wrong"][..]),
        (
            &["put", &file, &file, "s3://words_wrong/no-slash"],
            2,
            &["ends in a slash", "s3://words_wrong/no-slash/"],
        ),
        (&["put", &directory, "s3://words_wrong/"], 2, &["a directory", "--recursive"]),
        (&["put", "/not/there", "s3://words_wrong/"], 1, &["/not/there"]),
        (&["put", &file, &file, "s3://words_wrong/d/"], 2, &["two files would become one object"]),
        (&["get", "s3://words_wrong/d/", &absent], 1, &["d/"]),
        (&["get", "s3://words_wrong/d/"], 2, &["no file name"]),
        (&["get", "-r", "s3://words_nobody", "/not/there"], 1, &["no such bucket"]),
        (&["del", "s3://words_wrong"], 2, &["no key"]),
        (&["rb", "s3://words_wrong/d"], 2, &["no key"]),
        (&["cp", "s3://words_wrong/d/x", "s3://words_wrong/d/x"], 2, &["onto itself"]),
        (&["cp", "-r", "s3://words_wrong", "s3://words_wrong/copy/"], 2, &["below the source"]),
        (&["cp", "-r", "s3://words_wrong/d", "s3://words_wrong/copy"], 2, &["ends in a slash"]),
        (&["cp", "s3://words_wrong/none", "s3://words_wrong/copy"], 1, &["none"]),
        (&["signurl", "s3://words_wrong/k", "tomorrow"], 2, &["not a time", "+SECONDS"]),
        (&["info", "s3://words_wrong/none"], 1, &["none"]),
        (&["du", "s3://words_nobody"], 1, &["no such bucket"]),
        (&["listmp", "s3://words_nobody"], 1, &["no such bucket"]),
    ] {
        on(&a, &[&["s3"], words].concat()).code(code).says(says);
    }
    assert_eq!(listed(&a, "s3://words_wrong"), before);
}
