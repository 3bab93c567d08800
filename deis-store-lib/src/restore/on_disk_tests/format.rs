//! `docs/format.md` against fresh snapshots: each field that is written is in the document, and each field of the document is
//! one that is written, or is known to be written elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::taken;
use crate::part::Part;
use crate::snapshot::VOLUME_INDEX;

const DOCUMENT: &str = include_str!("../../../../docs/format.md");

/// The fields that the document has and these snapshots do not: of other platforms, and what is kept free.
const ELSEWHERE: [(&str, &[&str]); 5] = [
    ("### `source`", &["deis", "ceph"]),
    ("## Object lists", &["acl"]),
    ("## Manifest", &["adopted"]),
    ("### `run.json`", &["adopted"]),
    ("### The index of the volume", &["path_base64"]),
];

/// By the heading in the document, the fields that were found on the disk.
#[derive(Default)]
struct Found(BTreeMap<&'static str, BTreeSet<String>>);

impl Found {
    fn see(&mut self, heading: &'static str, object: &Value) {
        let fields = object.as_object().unwrap_or_else(|| panic!("{heading}: {object}")).keys().cloned();
        self.0.entry(heading).or_default().extend(fields);
    }

    fn see_each<'v>(&mut self, heading: &'static str, objects: impl IntoIterator<Item = &'v Value>) {
        objects.into_iter().for_each(|object| self.see(heading, object));
    }

    fn see_snapshot(&mut self, snapshot: &Path) {
        let read = |path: &Path| -> Value { serde_json::from_slice(&fs::read(path).unwrap()).unwrap() };
        self.see("### `deis-store.json`", &read(&snapshot.parent().unwrap().join("deis-store.json")));
        self.see("### `run.json`", &read(&snapshot.join("run.json")));
        self.see("### `config.json`", &read(&snapshot.join("config.json")));
        let manifest = read(&snapshot.join("manifest.json"));
        self.see("## Manifest", &manifest);
        self.see("### `source`", &manifest["source"]);
        let parts = || manifest["parts"].as_object().unwrap().values();
        self.see_each("### An entry of `parts`", parts());
        self.see_each("### `counts`", parts().map(|part| &part["counts"]));
        self.see_each("### `shrunk`", parts().filter_map(|part| part.get("shrunk")));
        self.see_each("### An entry of `files`", manifest["files"].as_array().unwrap());
        self.see_each("### An entry of `not_included`", manifest["not_included"].as_array().unwrap());
        for entry in fs::read_dir(snapshot.join("lists")).unwrap() {
            let path = entry.unwrap().path();
            let is_index = path.ends_with(VOLUME_INDEX);
            let heading = if is_index { "### The index of the volume" } else { "## Object lists" };
            for line in BufReader::new(MultiGzDecoder::new(File::open(path).unwrap())).lines() {
                self.see(heading, &serde_json::from_str(&line.unwrap()).unwrap());
            }
        }
    }
}

/// The words in the first column of the tables below a heading.
fn documented(heading: &str) -> BTreeSet<String> {
    let mut lines = DOCUMENT.lines().skip_while(|line| *line != heading);
    assert_eq!(lines.next(), Some(heading), "the document has this heading");
    let rows = lines.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned).collect()
}

#[tokio::test]
async fn each_field_and_file_that_is_written_is_in_the_document_and_each_field_of_it_is_known() {
    let directories = [(); 3].map(|()| tempfile::tempdir().unwrap());
    let whole = taken::whole(directories[0].path()).await;
    let incomplete = taken::incomplete(directories[1].path()).await;
    let [_, later] = taken::later(directories[2].path()).await;
    let mut found = Found::default();
    for snapshot in [&whole, &incomplete, &later] {
        found.see_snapshot(snapshot.path());
        let documented = documented("## Files of a snapshot");
        for entry in fs::read_dir(snapshot.path()).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let is_bucket = matches!(Part::of_name(&name, None), Some(Part::Bucket(_)));
            let named = [name.clone(), format!("{name}/")].iter().any(|name| documented.contains(name));
            assert!(named || is_bucket || name == "lists", "{name}");
        }
    }
    for (heading, found) in &found.0 {
        let documented = documented(heading);
        let unknown: Vec<_> = found.difference(&documented).collect();
        assert!(unknown.is_empty(), "{heading}: written, and not in the document: {unknown:?}");
        let elsewhere = ELSEWHERE.iter().find(|(of, _)| of == heading).map_or(&[][..], |(_, fields)| fields);
        let missing: Vec<_> =
            documented.difference(found).filter(|field| !elsewhere.contains(&field.as_str())).collect();
        assert!(missing.is_empty(), "{heading}: in the document, and written nowhere: {missing:?}");
    }
}

#[tokio::test]
async fn the_bytes_are_as_the_document_says() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = taken::whole(directory.path()).await;
    for name in ["run.json", "manifest.json", "config.json", "../deis-store.json"] {
        let text = fs::read_to_string(snapshot.path().join(name)).unwrap();
        assert!(text.starts_with("{\n  \"") && text.ends_with("\n}\n"), "{name}: {text}");
    }
    let list = snapshot.path().join("lists/bucket.uploads.1-of-1.jsonl.gz");
    let lines = BufReader::new(MultiGzDecoder::new(File::open(list).unwrap())).lines();
    let lines: Vec<String> = lines.map(|line| line.unwrap()).collect();
    let line = lines.iter().find(|line| line.starts_with(r#"{"key":"photos/1.jpg","#)).unwrap();
    let example = DOCUMENT.split("```json\n").nth(1).unwrap().lines().next().unwrap();
    let fields = |line: &str| -> Vec<String> {
        // What stands after the last name is a value.
        let (names, _) = line.rsplit_once("\":").unwrap();
        names.split("\":").filter_map(|text| text.rsplit_once('"')).map(|(_, name)| name.to_owned()).collect()
    };
    // Those of the example, in their order, before what only this object has.
    let own = fields(line);
    assert_eq!(own[..8], fields(example)[..], "{line}");
    assert_eq!(own[8..], ["headers", "cache-control", "content-disposition", "meta", "taken-by"], "{line}");
    let modified = line.split(r#""modified":""#).nth(1).unwrap().split('"').next().unwrap();
    assert!(modified.len() == 24 && modified.ends_with('Z') && modified.as_bytes()[19] == b'.', "{modified}");
}
