//! The public API stands in `deis-store-lib/public-api.txt`, so that no change of it goes unseen.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// The variable that has the file written anew.
const RECORD: &str = "DEIS_STORE_RECORD_PUBLIC_API";

/// rustdoc gives JSON to its developers alone, which this makes of it; the compiler, and with it all that is built
/// already, stays as it is.
const RUSTDOC: &str = "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n";

#[test]
fn the_public_api_is_what_the_file_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let place = tempfile::tempdir().unwrap();
    let now = items(root, place.path());
    let file = root.join("deis-store-lib/public-api.txt");
    if std::env::var_os(RECORD).is_some() {
        fs::write(&file, now.iter().map(|item| format!("{item}\n")).collect::<String>()).unwrap();
    }
    let text = fs::read_to_string(&file).unwrap();
    let recorded: BTreeSet<String> = text.lines().map(str::to_owned).collect();
    let added: Vec<_> = now.difference(&recorded).collect();
    let removed: Vec<_> = recorded.difference(&now).collect();
    assert!(
        added.is_empty() && removed.is_empty(),
        "the public API has changed; if that is meant, run this test with {RECORD}=1 and commit the file\nadded: \
         {added:#?}\nremoved: {removed:#?}"
    );
}

/// Every public item with all features, without what the compiler or a derive adds to each type.
fn items(root: &Path, place: &Path) -> BTreeSet<String> {
    let rustdoc = place.join("rustdoc");
    fs::write(&rustdoc, RUSTDOC).unwrap();
    fs::set_permissions(&rustdoc, fs::Permissions::from_mode(0o700)).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let done = Command::new(env!("CARGO"))
        .args(["doc", "--locked", "--quiet", "--workspace", "--lib", "--no-deps", "--all-features"])
        .current_dir(root)
        .env("CARGO_TARGET_DIR", target)
        .env("RUSTDOC", &rustdoc)
        .env("RUSTDOCFLAGS", "-Z unstable-options --output-format json")
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let api = public_api::Builder::from_rustdoc_json(target.join("doc/deis_store.json"))
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap();
    api.items().map(ToString::to_string).collect()
}

#[test]
fn no_public_function_has_more_than_five_parameters() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = fs::read_to_string(root.join("deis-store-lib/public-api.txt")).unwrap();
    for line in text.lines().filter(|line| line.contains(" fn ")) {
        let parameters = parameters(line);
        assert!(parameters <= 5, "{parameters} parameters: {line}");
    }
}

/// How many parameters a signature has, `self` left out.
fn parameters(signature: &str) -> usize {
    let open = signature.find('(').unwrap();
    let (mut depth, mut count, mut any) = (0_i32, 0, false);
    for (index, character) in signature[open..].char_indices() {
        match character {
            '(' | '<' | '[' => depth += 1,
            '>' if signature[open..][..index].ends_with('-') => {}
            ')' | '>' | ']' => depth -= 1,
            ',' if depth == 1 => count += 1,
            _ => {}
        }
        any |= depth >= 1 && index > 0 && character != ')';
        if depth == 0 {
            break;
        }
    }
    let total = if any { count + 1 } else { 0 };
    let inside = &signature[open + 1..];
    let receiver = ["self", "&self", "&mut self", "&'a self", "mut self"];
    total - usize::from(receiver.iter().any(|receiver| inside.starts_with(receiver)))
}
