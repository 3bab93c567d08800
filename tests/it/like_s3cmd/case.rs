//! A case at random: a word, its two sides, its patterns.

use std::collections::BTreeMap;

use deis_store_tests::random::Sequence;

/// Files, or objects: path or key → content.
pub(super) type Tree = BTreeMap<String, &'static str>;

/// The words that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Word {
    Put,
    Get,
    Up,
    Down,
    Across,
}

/// A case. `{B}` in a place stands for the bucket of the side that is written to or read, `{D}` for the directory of
/// all local files of a side.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) seed: u64,
    pub(super) word: Word,
    /// The directory that the program is started in, below `{D}`.
    pub(super) cwd: &'static str,
    pub(super) source: String,
    pub(super) target: String,
    /// Local files below `{D}`.
    pub(super) files: Tree,
    /// Objects of the side's bucket.
    pub(super) objects: Tree,
    /// Objects of the bucket that is the source of a sync between buckets.
    pub(super) from: Tree,
    pub(super) delete_removed: bool,
    /// Options, and values of them that are written into files.
    pub(super) options: Vec<(&'static str, String)>,
    pub(super) in_file: bool,
}

// No name is both a directory's and a file's.
const DIRECTORIES: [&str; 6] = ["sub", "s", "tree", "é", "x.d", "p"];
const FILES: [&str; 8] = ["a", "b.log", "c.txt", "sub.log", "s3", "é.log", "x y", ".hidden"];
const TOKENS: [&str; 16] =
    ["*", "*", "?", "sub", "s", "tree", "a", ".log", "b.log", "/", "é", "[a-s]", "[!a]", ".", "x.d", "p/"];
const REGEXES: [&str; 12] = [
    "^tree/",
    "^sub",
    "\\.log$",
    "(sub/)$",
    "/sub/",
    "s.*b",
    "^\\./",
    "a|b",
    "(^|/)s/",
    "[ab]\\.",
    "\\w+\\.d/",
    "^[^/]*\\Z",
];

impl Case {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Sequence::new(seed);
        let word =
            *random.choose(&[Word::Put, Word::Get, Word::Up, Word::Up, Word::Down, Word::Down, Word::Across]);
        let delete_removed = matches!(word, Word::Up | Word::Down | Word::Across) && one_in(&mut random, 2);
        let (here, there) = (paths(&mut random), paths(&mut random));
        let mut case = Self {
            seed,
            word,
            cwd: "",
            source: String::new(),
            target: String::new(),
            files: Tree::new(),
            objects: Tree::new(),
            from: Tree::new(),
            delete_removed,
            options: options(&mut random),
            in_file: one_in(&mut random, 6),
        };
        match word {
            Word::Put | Word::Up => case.up(&mut random, &here, &there),
            Word::Get | Word::Down => case.down(&mut random, &here, &there),
            Word::Across => case.across(&mut random, &here, &there),
        }
        case
    }

    fn up(&mut self, random: &mut Sequence, here: &Tree, there: &Tree) {
        let forms = [
            ("", "tree", "tree/", "tree/"),
            ("", "tree/", "", "tree/"),
            ("", "./tree", "tree/", "tree/"),
            ("tree", ".", "", "tree/"),
            ("tree", "./", "", "tree/"),
            ("", "{D}/tree", "tree/", "tree/"),
            ("", "{D}/tree/", "", "tree/"),
            ("", "tree/sub/", "", "tree/sub/"),
            ("", "tree/sub", "sub/", "tree/sub/"),
            ("", "tree/.", "", "tree/"),
        ];
        let (cwd, source, own_name, top) = *random.choose(&forms);
        let prefix = *random.choose(&["", "p/", "p/sub/"]);
        self.files = below("tree/", here);
        // The directory that is named must be there.
        self.files.insert("tree/sub/a".to_owned(), "tree/sub/a");
        (self.cwd, self.source) = (cwd, source.to_owned());
        self.target = format!("s3://{{B}}/{prefix}");
        self.objects = below(&format!("{prefix}{own_name}"), there);
        self.objects.insert(format!("{prefix}beside"), "beside");
        // s3cmd takes what begins as the name does for what is below it.
        if own_name == "tree/" && one_in(random, 3) {
            self.objects.insert(format!("{prefix}tree2/a"), "tree2/a");
        }
        make_alike(random, (&self.files, top), (&mut self.objects, &format!("{prefix}{own_name}")));
    }

    fn down(&mut self, random: &mut Sequence, here: &Tree, there: &Tree) {
        let forms = [
            ("s3://{B}/", "", ""),
            ("s3://{B}/p/", "", "p/"),
            ("s3://{B}/p", "p/", "p/"),
            ("s3://{B}/p/sub/", "", "p/sub/"),
            ("s3://{B}/p/sub", "sub/", "p/sub/"),
            ("s3://{B}", "", ""),
        ];
        let (source, own_name, top) = *random.choose(&forms);
        // s3cmd then looks in the wrong directory for what to delete.
        let source = if source == "s3://{B}" && self.word == Word::Down { "s3://{B}/" } else { source };
        self.objects = below("p/", here);
        self.objects.extend([
            ("p/sub/a".to_owned(), "p/sub/a"),
            ("p2/a".to_owned(), "p2/a"),
            ("beside".to_owned(), "beside"),
        ]);
        self.files = below(&format!("dir/{own_name}"), there);
        self.files
            .extend([("dir/beside".to_owned(), "dir/beside"), ("dir/p2/b.log".to_owned(), "dir/p2/b.log")]);
        make_alike(random, (&self.objects, top), (&mut self.files, &format!("dir/{own_name}")));
        (self.source, self.target) = (source.to_owned(), "dir/".to_owned());
    }

    fn across(&mut self, random: &mut Sequence, here: &Tree, there: &Tree) {
        let forms = [("p/", "", "p/"), ("p", "p/", "p/"), ("p/sub/", "", "p/sub/"), ("", "", "")];
        let (source, own_name, top) = *random.choose(&forms);
        let prefix = *random.choose(&["", "q/"]);
        self.from = below("p/", here);
        self.from.extend([("p/sub/a".to_owned(), "p/sub/a"), ("p2/a".to_owned(), "p2/a")]);
        self.objects = below(&format!("{prefix}{own_name}"), there);
        self.objects.insert(format!("{prefix}beside"), "beside");
        make_alike(random, (&self.from, top), (&mut self.objects, &format!("{prefix}{own_name}")));
        (self.source, self.target) = (format!("s3://{{F}}/{source}"), format!("s3://{{B}}/{prefix}"));
    }

    /// The patterns of directories among those that leave out.
    pub(super) fn excluded_directories(&self) -> impl Iterator<Item = &str> {
        let of_directories = |option: &str, text: &str| match option {
            "--exclude" => text.ends_with('/'),
            "--rexclude" => text == "(sub/)$",
            _ => false,
        };
        let options = self.options.iter().filter(move |(option, text)| of_directories(option, text));
        options.map(|(_, text)| text.as_str())
    }
}

fn below(prefix: &str, tree: &Tree) -> Tree {
    tree.iter().map(|(path, content)| (format!("{prefix}{path}"), *content)).collect()
}

fn paths(random: &mut Sequence) -> Tree {
    let mut tree = Tree::new();
    for _ in 0..2 + random.next_number() % 9 {
        let mut path = String::new();
        for _ in 0..random.next_number() % 4 {
            let next: &&str = random.choose(&DIRECTORIES);
            path.push_str(next);
            path.push('/');
        }
        let next: &&str = random.choose(&FILES);
        path.push_str(next);
        tree.insert(path, content(random));
    }
    tree
}

/// No two of these are the same: where s3cmd finds the same bytes elsewhere in the target, it copies that, and at times after
/// it has changed.
fn content(random: &mut Sequence) -> &'static str {
    let number = random.next_number();
    format!("{number:016x}{}", "x".repeat(usize::try_from(number % 7).unwrap())).leak()
}

/// Some of the target's files are as those of the source that they stand for.
fn make_alike(
    random: &mut Sequence,
    (source, source_top): (&Tree, &str),
    (target, target_top): (&mut Tree, &str),
) {
    for (path, content) in target.iter_mut() {
        let of_source =
            path.strip_prefix(target_top).and_then(|path| source.get(&format!("{source_top}{path}")));
        if let Some(same) = of_source
            && one_in(random, 2)
        {
            *content = same;
        }
    }
}

fn options(random: &mut Sequence) -> Vec<(&'static str, String)> {
    let mut options = Vec::new();
    for (glob, regex, most) in [("--exclude", "--rexclude", 3), ("--include", "--rinclude", 2)] {
        for _ in 0..random.next_number() % (most + 1) {
            options.push(if one_in(random, 5) {
                (regex, (*random.choose(&REGEXES)).to_owned())
            } else {
                (glob, pattern(random))
            });
        }
    }
    options
}

fn pattern(random: &mut Sequence) -> String {
    let mut pattern = String::new();
    for _ in 0..=random.next_number() % 3 {
        let next: &&str = random.choose(&TOKENS);
        pattern.push_str(next);
    }
    if one_in(random, 3) && !pattern.ends_with('/') {
        pattern.push('/');
    }
    pattern
}

fn one_in(random: &mut Sequence, many: u64) -> bool {
    random.next_number().is_multiple_of(many)
}
