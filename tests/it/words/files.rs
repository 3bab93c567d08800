//! `get` and `put`: objects and files.

use std::fs;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::Stdio;

use super::{ORDINARY, files, filled, listed};
use crate::program::{alone, command, on};

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
    // A dry run uploads nothing, and s3cmd reads an object with a space in its key.
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
    fs::write(Path::new(&tree).join(std::ffi::OsStr::from_bytes(b"\xff")), "x").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", format!("{tree}/link")).unwrap();
    let put = |more: &[&str]| {
        on(&a, &[&["s3", "put", "-r", &format!("{tree}/"), "s3://words_refused/"], more].concat())
    };
    put(&[]).code(3).says(&["/link", "symlink", "/\u{fffd}", "UTF-8"]);
    assert_eq!(listed(&a, "s3://words_refused"), ["50% off", "good"]);
    put(&["--exclude", "link", "--exclude", "\u{fffd}"]).code(0);

    // Two directories that would become one are refused before anything is sent.
    let other = s3cmd.path("other");
    fs::create_dir(&other).unwrap();
    for name in ["a", "good", "z"] {
        fs::write(format!("{other}/{name}"), "x").unwrap();
    }
    let (inside, tree) = (format!("{other}/"), format!("{tree}/"));
    let words = ["s3", "put", "-r", &tree, &inside, "s3://words_refused/two/", "--exclude", "link"];
    on(&a, &words).code(2).says(&["two files would become one object", "two/good"]);
    assert!(listed(&a, "s3://words_refused/two/").is_empty());
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
fn what_is_uploaded_has_the_type_that_s3cmd_takes_from_its_name() {
    const NAMES: [&str; 9] =
        ["a.json", "b.gz", "c.txt", "d.tar.gz", "e.tar.lzo", "none", "f.TXT", "g.html", "h.tgz"];
    let (a, s3cmd) = filled("words_types", &[]);
    let tree = s3cmd.path("tree");
    fs::create_dir(&tree).unwrap();
    for name in NAMES {
        fs::write(format!("{tree}/{name}"), "{}").unwrap();
    }
    let (inside, json) = (format!("{tree}/"), format!("{tree}/a.json"));
    // Our program does not look into files. s3cmd does if a library for it is installed, so this switches it off.
    s3cmd.run(&["put", "-r", "--no-mime-magic", &inside, "s3://words_types/theirs/"]);
    on(&a, &["s3", "put", "-r", &inside, "s3://words_types/put/"]).code(0);
    on(&a, &["s3", "sync", &inside, "s3://words_types/sync/"]).code(0);
    let type_of = |key: &str| {
        let json = on(&a, &["s3", "info", &format!("s3://words_types/{key}"), "--json"]).code(0).json();
        json["report"]["places"][0]["content_type"].as_str().unwrap().to_owned()
    };
    for name in NAMES {
        let theirs = type_of(&format!("theirs/{name}"));
        for ours in ["put", "sync"] {
            assert_eq!(type_of(&format!("{ours}/{name}")), theirs, "{ours} {name}");
        }
    }
    assert_eq!(type_of("put/a.json"), "application/json");

    let default = "binary/octet-stream";
    for (word, place) in [("put", "s3://words_types/x.json"), ("sync", "s3://words_types/s/")] {
        let (source, key) = if word == "put" { (&json, "x.json") } else { (&inside, "s/a.json") };
        for (words, expected) in [
            (&["-m", "text/x-own"][..], "text/x-own"),
            (&["--no-guess-mime-type"], default),
            (&[], "application/json"),
        ] {
            on(&a, &["s3", "del", &format!("s3://words_types/{key}")]).code(0);
            on(&a, &[&["s3", word, source, place], words].concat()).code(0);
            assert_eq!(type_of(key), expected, "{word} {words:?}");
        }
    }

    // A file of s3cmd can say it, too.
    let cfg = s3cmd.path("s3cfg");
    let text = fs::read_to_string(&cfg).unwrap();
    fs::write(&cfg, format!("{text}guess_mime_type = False\ndefault_mime_type = text/x-default\n")).unwrap();
    alone(&["--s3cfg", &cfg, "s3", "put", &json, "s3://words_types/y.json"]).code(0);
    assert_eq!(type_of("y.json"), "text/x-default");
}

#[test]
fn a_limited_rate_is_kept() {
    let (a, s3cmd) = filled("words_rate", &[]);
    fs::write(s3cmd.path("file"), vec![7; 1_500_000]).unwrap();
    let begin = std::time::Instant::now();
    on(&a, &["s3", "put", &s3cmd.path("file"), "s3://words_rate/k", "--limit-rate", "500k"]).code(0);
    // The bytes of one second may go at once.
    assert!(begin.elapsed().as_millis() > 1500, "{:?}", begin.elapsed());

    // A file of s3cmd can say it, too, and a typed option overrides it.
    let cfg = s3cmd.path("s3cfg");
    let text = fs::read_to_string(&cfg).unwrap();
    fs::write(&cfg, format!("{text}limitrate = 500K\n")).unwrap();
    let took = |words: &[&str]| {
        let begin = std::time::Instant::now();
        alone(
            &[&["--s3cfg", &cfg, "s3", "get", "s3://words_rate/k", &s3cmd.path("got"), "--force"], words]
                .concat(),
        )
        .code(0);
        begin.elapsed().as_millis()
    };
    let (limited, typed) = (took(&[]), took(&["--limit-rate", "100m"]));
    assert!(limited > 1500 && typed < 1500, "{limited} ms, {typed} ms");
}
