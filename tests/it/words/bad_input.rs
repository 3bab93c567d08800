//! Command lines that make no sense.

use std::fs;

use super::{filled, listed};
use crate::program::on;

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
