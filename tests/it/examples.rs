//! The library's examples, as they are built, against a real radosgw.

use std::process::Command;

use crate::clusters::a;
use crate::program::{Ran, at_gateway, path, ran};

/// An example for the leading gateway of the filled cluster, which has a bucket of its own.
fn example(name: &str, bucket: &str, more: &[&str]) -> Ran {
    let cluster = a();
    let gateway = &cluster.gateways[0];
    at_gateway(gateway, &cluster, &cluster.secret_key, &["s3", "mb", &format!("s3://{bucket}")]).code(0);
    let mut command = built(name);
    command.env("AWS_ACCESS_KEY_ID", &cluster.access_key).env("AWS_SECRET_ACCESS_KEY", &cluster.secret_key);
    ran(command.args([gateway, bucket]).args(more))
}

fn built(name: &str) -> Command {
    let mut command = Command::new(path().with_file_name("examples").join(name));
    command.env_clear();
    command
}

#[test]
fn the_example_that_lists_and_downloads_at_once_runs() {
    let cluster = a();
    let place = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("object {number}")).collect();
    for name in &names {
        std::fs::write(place.path().join(name), name).unwrap();
    }
    let (gateway, directory) = (&cluster.gateways[0], format!("{}/", place.path().display()));
    at_gateway(gateway, &cluster, &cluster.secret_key, &["s3", "mb", "s3://example-list"]).code(0);
    let put = ["s3", "put", "-r", &directory, "s3://example-list/"];
    at_gateway(gateway, &cluster, &cluster.secret_key, &put).code(0);
    let stdout = example("list_and_download", "example-list", &[]).code(0).stdout;
    let bytes: usize = names.iter().map(String::len).sum();
    assert!(stdout.starts_with(&format!("20 objects, {bytes} bytes")), "{stdout}");
}

#[test]
fn the_example_of_a_transport_that_records_runs() {
    let ran = example("recording_http", "example-record", &[]).code(0);
    assert!(ran.stdout.contains("200"), "{}", ran.stdout);
    assert!(!ran.stdout.contains(&a().secret_key) && !ran.stdout.contains("Signature="), "{}", ran.stdout);
}

#[test]
fn the_example_of_the_kinds_of_error_meets_each_as_it_says() {
    let stdout = example("error_kinds", "example-errors", &[]).code(0).stdout;
    assert!(stdout.lines().count() >= 5, "{stdout}");
}

#[test]
fn the_example_with_the_embedded_gateway_needs_no_server() {
    let stdout = ran(&mut built("embedded_gateway")).code(0).stdout;
    assert!(stdout.contains("\"new\""), "{stdout}");
}
