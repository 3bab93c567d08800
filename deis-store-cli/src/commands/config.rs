//! `deis-store config TARGET get|set|rm`: values go to standard output and nowhere else.

use std::path::Path;

use deis_store::cluster::deisctl;
use deis_store::etcd::Value;
use deis_store::run::Run;
use serde_json::json;

use super::Done;
use crate::args::{ConfigAction, Global};
use crate::output::Output;
use crate::{settings, small_file};

pub(super) async fn run(
    global: &Global,
    target: &str,
    action: &ConfigAction,
    output: &Output,
    run: &Run,
) -> Done {
    let etcd = settings::etcd(global, run).await?;
    let lines = match action {
        ConfigAction::Get { keys } => texts(&deisctl::get(&etcd, target, &borrowed(keys)).await?),
        ConfigAction::Set { pairs } => {
            let read = |path: &str| small_file::read(Path::new(path));
            texts(&deisctl::set(&etcd, target, &borrowed(pairs), read).await?)
        }
        ConfigAction::Rm { keys } => deisctl::rm(&etcd, target, &borrowed(keys)).await?,
    };
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    Ok(output.values(&text, &json!({ "lines": lines })))
}

fn borrowed(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

fn texts(values: &[Value]) -> Vec<String> {
    values.iter().map(|value| value.expose().to_owned()).collect()
}
