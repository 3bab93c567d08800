use std::ffi::OsString;

use super::global::ETCD;
use super::help::NEEDS_NO_CLUSTER;
use super::*;

fn read(words: &str) -> Result<Args, clap::Error> {
    Args::read(words.split_whitespace().map(OsString::from))
}

fn help(words: &str) -> String {
    let error = read(words).unwrap_err();
    assert!(!error.use_stderr(), "{words}: {error}");
    error.to_string()
}

#[test]
fn short_help_is_short_and_long_help_has_every_option_that_the_command_heeds() {
    for command in ["", "backup", "restore", "doctor", "config", "config router get", "s3", "s3 ls"] {
        let (short, long) =
            (help(&format!("deis-store {command} -h")), help(&format!("deis-store {command} --help")));
        assert!(!short.contains("--tunnel <") && short.contains("Common options: --tunnel"), "{short}");
        assert!(long.contains("--tunnel <") && long.contains("--json"), "{long}");
    }
    for command in NEEDS_NO_CLUSTER {
        for option in ["-h", "--help"] {
            let help = help(&format!("deis-store {command} {option}"));
            assert!(!help.contains("--tunnel") && help.contains("--json"), "{help}");
        }
    }
}

#[test]
fn where_the_cluster_is_can_be_said_before_and_after_the_subcommand_and_what_is_said_last_counts() {
    for words in [
        "deis-store --gateway http://a --tunnel host s3 ls",
        "deis-store s3 --gateway http://a --tunnel host ls",
        "deis-store s3 ls --gateway http://a --tunnel host",
        "deis-store --gateway http://b --tunnel other s3 ls --tunnel host --gateway http://a",
    ] {
        let global = read(words).unwrap().global;
        assert_eq!(
            (global.gateway, global.tunnel.as_deref()),
            (vec!["http://a".to_owned()], Some("host")),
            "{words}"
        );
        assert_eq!(global.etcd, ETCD);
    }
    let several = read("deis-store backup /b --gateway http://a --gateway http://b --etcd http://c").unwrap();
    assert_eq!((several.global.gateway.len(), several.global.etcd.as_str()), (2, "http://c"));
}

fn parsed(words: &[&str]) -> Result<S3Action, clap::Error> {
    let words = ["deis-store", "s3"].iter().chain(words);
    Args::read(words.map(OsString::from)).map(|args| match args.command {
        Command::S3 { action } => action,
        other => panic!("{other:?}"),
    })
}

#[test]
fn one_way_to_read_is_chosen_and_only_one_that_there_is() {
    let verify = |words: &[&str]| {
        let words = ["deis-store", "verify", "snapshot"].iter().chain(words);
        Args::try_parse_from(words).is_ok()
    };
    for good in [&[][..], &["--quick"], &["--sample", "1"], &["--sample", "100"], &["--share", "7/7"]] {
        assert!(verify(good), "{good:?}");
    }
    for wrong in [
        &["--quick", "--sample", "5"][..],
        &["--share", "1/2", "--sample", "5"],
        &["--sample", "0"],
        &["--sample", "101"],
        &["--share", "0/7"],
        &["--share", "8/7"],
    ] {
        assert!(!verify(wrong), "{wrong:?}");
    }
}

#[test]
fn a_prune_needs_a_rule_and_parts_are_named_only_with_an_age() {
    let is_read = |words: &str| read(&format!("deis-store {words}")).is_ok();
    assert!(
        is_read("prune /b --keep-last 3") && is_read("prune /b --keep-daily 3 --keep-monthly 1 --dry-run")
    );
    for wrong in ["prune /b", "prune /b --dry-run", "prune /b --keep-last 0", "list /b --only sql"] {
        assert!(!is_read(wrong), "{wrong}");
    }
    assert!(is_read("list /b") && is_read("list /b --max-age 26h --only sql,bucket.uploads"));
}

#[test]
fn the_last_of_several_words_is_where_files_go() {
    let S3Action::Put { files, place, .. } = parsed(&["put", "a", "-", "b", "s3://c/"]).unwrap() else {
        panic!("not put")
    };
    assert_eq!((files.len(), place.as_str()), (3, "s3://c/"));
    assert!(parsed(&["put", "s3://c/"]).is_err(), "nothing to upload");
}

#[test]
fn words_that_would_mean_nothing_or_too_much_are_refused() {
    for words in [
        &["get", "s3://a/b", "--exclude", "x"][..],
        &["get", "s3://a/b", "--force", "--skip-existing"],
        &["rb", "s3://a", "--recursive"],
        &["put", "f", "s3://a", "--limit-rate", "fast"],
        &["signurl", "s3://a/b"],
        &["abortmp", "s3://a/b"],
        &["del"],
    ] {
        assert!(parsed(words).is_err(), "{words:?}");
    }
}
