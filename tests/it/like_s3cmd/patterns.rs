//! Our patterns beside Python's own, which s3cmd uses.

use std::io::Write as _;
use std::process::{Command, Stdio};

use deis_store::sync::Globs;
use deis_store_tests::random::Sequence;

const PATTERNS: usize = 4000;

const PIECES: [&str; 28] = [
    "*", "?", "[", "]", "!", "-", "^", "a", "b", "z", "/", ".", "\\", "[a-c]", "[!a-c]", "[]a]", "[!]]",
    "[z-a]", "[a-]", "**", "é", "&&", "~", "|", "[a&&b]", "[[a]", "[!!]", "{2}",
];
const REGEX_PIECES: [&str; 28] = [
    "*", "?", "+", "[", "]", "^", "$", "a", "b", "/", ".", "\\.", "\\w", "\\d", "\\b", "[a-c]", "[^a-c]",
    "[]a]", "(a|b)", "(?:a/)", "é", "\\Z", "{2}", "{1,}", "|", "\\s", "[\\w/]", "\\-",
];
const PATH_PIECES: [&str; 14] = ["a", "b", "c", "z", "/", ".", "-", "!", "]", "[", "^", "é", "&", "1"];

const SCRIPT: &str = "\
import fnmatch, json, re, sys, warnings
warnings.simplefilter('ignore')
for line in sys.stdin:
    kind, pattern, path = json.loads(line)
    try:
        found = re.compile(fnmatch.translate(pattern) if kind == 'glob' else pattern).search(path)
        print('yes' if found else 'no')
    except Exception:
        print('error')
";

fn text(random: &mut Sequence, pieces: &[&str], most: u64) -> String {
    (0..random.next_number() % (most + 1)).map(|_| *random.choose(pieces)).collect()
}

#[test]
fn shell_patterns_and_regular_expressions_mean_what_python_says() {
    let mut random = Sequence::new(7);
    let cases: Vec<(&str, String, String)> = (0..PATTERNS)
        .map(|number| {
            let (kind, pieces) =
                if number % 2 == 0 { ("glob", &PIECES[..]) } else { ("regex", &REGEX_PIECES[..]) };
            (kind, text(&mut random, pieces, 6), text(&mut random, &PATH_PIECES, 7))
        })
        .collect();
    let mut python = Command::new("/usr/bin/python3");
    let mut python =
        python.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| serde_json::to_string(case).unwrap() + "\n").collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()).unwrap());
    let answers = String::from_utf8(python.wait_with_output().unwrap().stdout).unwrap();
    writer.join().unwrap();
    assert_eq!(answers.lines().count(), PATTERNS);
    let (mut compared, mut matched) = (0, 0);
    for ((kind, pattern, path), answer) in cases.iter().zip(answers.lines()) {
        let globs = match *kind {
            "glob" => Ok(Globs::new(&[pattern], &[])),
            _ => Globs::default().regexes(&[pattern], &[]),
        };
        // What is refused is never wrong; and s3cmd ends with Python's error.
        let (Ok(globs), "yes" | "no") = (globs, answer) else { continue };
        assert_eq!(globs.leaves_out(path), answer == "yes", "{kind} {pattern:?} {path:?}");
        compared += 1;
        matched += usize::from(answer == "yes");
    }
    assert!(
        compared * 4 > PATTERNS * 3 / 2 && matched > PATTERNS / 10,
        "{compared} compared, {matched} matched"
    );
}
