//! The library says what to do in its own words; here they become those of the program, with its options.

use std::borrow::Cow;

use serde_json::Value;

/// A phrase of the library, and the program's words for it.
const WORDS: [(&str, &str); 30] = [
    ("upload what is in it recursively", "add --recursive to upload what is in it"),
    ("a backup has another bucket only if it was added: ", "a backup takes another bucket with --bucket "),
    ("check its name, or create it", "list what is there: deis-store s3 ls"),
    (
        "give the directory of a snapshot in the repository",
        "give a snapshot's directory, as `ls REPOSITORY` names them",
    ),
    ("make a backup there first", "`deis-store backup` makes one"),
    ("or name a host of the cluster", "or name a host of the cluster with --tunnel"),
    ("or run it again despite the damage, to write", "or run it again with --despite-damage to write"),
    ("leave this part out", "leave this part out with --without"),
    ("or name the parts to restore what there is", "or name the parts to restore what there is: --only …"),
    ("or leave the part out", "or leave the part out with --without"),
    ("or leave the volume out", "or leave it out: --without volume"),
    ("name other parts to back up", "name other parts with --only"),
    ("leave out the tunnel or the proxy", "leave --tunnel out, or `proxy_host` in the file of s3cmd"),
    ("leave out the tunnel for https", "leave --tunnel out for https"),
    (
        "check etcd's address and the host, or give a gateway and keys",
        "say where the cluster is: a host of it with --tunnel (or DEISCTL_TUNNEL), or its etcd with --etcd; or give --gateway \
         and keys (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or --s3cfg)",
    ),
    ("or give the gateways' keys", "or give keys with --s3cfg"),
    ("no host of the cluster is known", "no host of the cluster is known: give --tunnel"),
    (
        "with a gateway and keys given, etcd is not asked",
        "with a gateway and keys given, etcd is not asked: leave --gateway out",
    ),
    ("it is not set; name it to set it", "it is not set; --key sets it"),
    ("restore the configuration as well", "leave --only and --without out, or add config to --only"),
    ("let etcd be asked, to see the rest", "leave --gateway out to see the rest"),
    ("go through a host of the cluster", "name a host of the cluster with --tunnel"),
    ("or make etcd answer", "with --s3cfg, or make etcd answer"),
    (": go through ", ": use --tunnel "),
    ("deisctl list, and go through that", "deisctl list, and name it with --tunnel"),
    ("give a directory for the writes", "give a directory for the writes with --writes"),
    (
        "listen on the address at which the platform reaches it",
        "give the address at which the platform reaches it with --listen",
    ),
    ("or confirm that it is all on this machine", "or confirm with --yes that it is all on this machine"),
    ("or another directory for the writes", "or another directory with --writes"),
    ("or confirm that it is to begin empty", "or confirm with --yes that it is to begin empty"),
];

/// The members of a report that are said by the library.
const SAID: [&str; 3] = ["what", "why", "todo"];

/// The library's text, in the words of the program.
pub(crate) fn with_options(text: &str) -> Cow<'_, str> {
    let mut said = Cow::Borrowed(text);
    for (words, own) in WORDS {
        if said.contains(words) {
            said = Cow::Owned(said.replace(words, own));
        }
    }
    said
}

/// The same for a report.
pub(super) fn report_with_options(report: &mut Value) {
    match report {
        Value::Array(items) => items.iter_mut().for_each(report_with_options),
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(text) if SAID.contains(&name.as_str()) => {
                        *text = with_options(text).into_owned();
                    }
                    // Part by part, why it is left out.
                    Value::Object(parts) if name == "left_out" => {
                        for why in parts.values_mut() {
                            if let Value::String(text) = why {
                                *text = with_options(text).into_owned();
                            }
                        }
                    }
                    _ => report_with_options(member),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn sources(directory: &Path, all: &mut String) {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if path.extension().is_some_and(|suffix| suffix == "rs") {
                all.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }

    #[test]
    fn what_the_program_says_otherwise_is_said_by_the_library_which_knows_no_option_of_ours() {
        let mut library = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../deis-store-lib/src"), &mut library);
        for (words, _) in WORDS {
            assert!(library.contains(words), "{words}");
        }
        for option in [
            "--tunnel",
            "--gateway",
            "--etcd",
            "--s3cfg",
            "--only",
            "--without",
            "--despite-damage",
            "--bucket",
        ] {
            assert!(!library.contains(option), "{option}");
        }
    }

    #[test]
    fn what_is_said_gets_options_and_names_stay_as_they_are() {
        assert_eq!(
            with_options("use another, or leave the part out"),
            "use another, or leave the part out with --without"
        );
        let mut report =
            json!({ "parts": [{ "name": "make a backup there first", "why": "make a backup there first" }] });
        report_with_options(&mut report);
        assert_eq!(report["parts"][0]["name"], "make a backup there first");
        assert_eq!(report["parts"][0]["why"], "`deis-store backup` makes one");
    }

    #[test]
    fn every_command_that_the_program_advises_exists() {
        let mut program = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut program);
        let commands = <crate::args::Args as clap::CommandFactory>::command();
        let mut advised = 0;
        let advice =
            ["`deis-store ", ": deis-store "].iter().flat_map(|before| program.split(before).skip(1));
        for rest in advice {
            let words: Vec<&str> = rest.split(|c: char| !c.is_ascii_alphanumeric()).take(2).collect();
            // Of messages that begin with the program's name, the next word is no command.
            let Some(word) = words.first().filter(|word| !word.is_empty()) else { continue };
            let command = commands.find_subcommand(word).unwrap_or_else(|| panic!("no command {word}"));
            advised += 1;
            // A word in capitals stands for any.
            if command.has_subcommands() && words[1].starts_with(|c: char| c.is_ascii_lowercase()) {
                assert!(command.find_subcommand(words[1]).is_some(), "no command {words:?}");
            }
        }
        assert!(advised >= 2, "{advised}");
    }
}
