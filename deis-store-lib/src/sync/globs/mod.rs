//! Which paths are left out by patterns, with s3cmd's meaning. Pure.
//!
//! s3cmd matches a shell pattern with the *end* of a path below the place that was named: `*.log` and `app.log` match in
//! every directory, and `*` and `?` match slashes too. A pattern that ends in `/` matches no file: it matches directories
//! of the local tree by their whole path as it was typed, and s3cmd does not enter those.
//!
//! s3cmd looks at no directories of a bucket. So with `--exclude 'sub/'` it uploads nothing below `sub`, and with
//! `--delete-removed` it deletes what the bucket has there. Here an excluded directory is safe on either side.

mod directories;
mod glob;
mod python_regex;

pub(super) use directories::DirectoryPatterns;

use crate::error::Result;
use crate::s3::BucketName;
use crate::transfer::Selection;
use glob::Glob;
use python_regex::PythonRegex;

/// Patterns that leave paths out, and patterns that take some of these in again.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    exclude: Vec<Pattern>,
    include: Vec<Pattern>,
    /// What all paths begin with.
    above: String,
}

impl Globs {
    /// The patterns of `--exclude` and `--include`.
    pub fn new<S: AsRef<str>>(exclude: &[S], include: &[S]) -> Self {
        let parse = |globs: &[S]| globs.iter().map(|glob| Pattern::glob(glob.as_ref())).collect();
        Self { exclude: parse(exclude), include: parse(include), above: String::new() }
    }

    /// The same with Python's regular expressions, of `--rexclude` and `--rinclude`, which match anywhere in a path. One
    /// that may mean something else here is an error.
    pub fn regexes<S: AsRef<str>>(mut self, exclude: &[S], include: &[S]) -> Result<Self> {
        for (texts, patterns) in [(exclude, &mut self.exclude), (include, &mut self.include)] {
            for text in texts {
                patterns.push(Pattern::regex(text.as_ref())?);
            }
        }
        Ok(self)
    }

    /// The same for paths without this beginning, such as the name of the directory that is uploaded.
    #[must_use]
    pub fn below(mut self, above: impl Into<String>) -> Self {
        self.above = above.into();
        self
    }

    /// Whether there are no patterns that leave out.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.exclude.is_empty()
    }

    /// The objects below a prefix whose paths are not left out. A path is the key without what the prefix has up to its
    /// last `/`.
    #[must_use]
    pub fn select(&self, bucket: &BucketName, prefix: &str) -> Selection {
        let all = Selection::new(bucket, prefix);
        if self.is_empty() {
            return all;
        }
        let (globs, below) = (self.clone(), all.clone());
        all.filter(move |key| !globs.leave_out(below.below(key)))
    }

    /// The same without those in directories that are left out: for what is deleted.
    #[must_use]
    pub fn select_to_delete(&self, bucket: &BucketName, prefix: &str) -> Selection {
        let selection = self.select(bucket, prefix);
        let (globs, below) = (self.clone(), selection.clone());
        selection.filter(move |key| !globs.protects("", below.below(key)))
    }

    /// Whether this path is left out.
    #[must_use]
    pub(crate) fn leave_out(&self, path: &str) -> bool {
        self.decide(&[&self.above, path].concat(), |_| true)
    }

    /// The same for a test that compares it with what Python says.
    #[cfg(feature = "test-util")]
    #[doc(hidden)]
    #[must_use]
    pub fn leaves_out(&self, path: &str) -> bool {
        self.leave_out(path)
    }

    /// Whether a local directory is left out, and so not entered. Its path is the one that was typed, and ends in `/`.
    fn leave_out_directory(&self, path: &str) -> bool {
        self.decide(path, |pattern| pattern.is_of_directories)
    }

    /// Whether a path is in a directory that is left out. The path of `top` is the one that was typed; it is not asked
    /// of `top` itself.
    pub(super) fn protects(&self, top: &str, path: &str) -> bool {
        let of_directories = self.exclude.iter().any(|pattern| pattern.is_of_directories);
        of_directories
            && path.match_indices('/').any(|(end, _)| {
                let directory = &path[..=end];
                self.leave_out_directory(&[top, directory].concat())
            })
    }

    fn decide(&self, path: &str, which: impl Fn(&Pattern) -> bool) -> bool {
        if self.exclude.is_empty() {
            return false;
        }
        let path = Path { text: path, characters: path.chars().collect() };
        let any =
            |patterns: &[Pattern]| patterns.iter().any(|pattern| which(pattern) && pattern.matches(&path));
        any(&self.exclude) && !any(&self.include)
    }
}

struct Path<'a> {
    text: &'a str,
    characters: Vec<char>,
}

#[derive(Clone, Debug)]
struct Pattern {
    matcher: Matcher,
    /// Whether s3cmd asks it of the directories of a local tree.
    is_of_directories: bool,
}

#[derive(Clone, Debug)]
enum Matcher {
    Glob(Glob),
    Regex(PythonRegex),
}

impl Pattern {
    fn glob(text: &str) -> Self {
        Self { matcher: Matcher::Glob(Glob::parse(text)), is_of_directories: text.ends_with('/') }
    }

    fn regex(text: &str) -> Result<Self> {
        // As s3cmd tells them by their last characters.
        let is_of_directories = ["/)$", "/)\\Z", "\\/$", "\\/\\Z(?ms)"].iter().any(|end| text.ends_with(end));
        Ok(Self { matcher: Matcher::Regex(PythonRegex::new(text)?), is_of_directories })
    }

    fn matches(&self, path: &Path<'_>) -> bool {
        match &self.matcher {
            Matcher::Glob(glob) => glob.matches_end(&path.characters),
            Matcher::Regex(regex) => regex.is_in(path.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_matched_with_the_path_and_not_with_the_key() {
        let below_a = Globs::new(&["a/b"], &[]).select(&BucketName::new("abc").unwrap(), "a/");
        assert!(below_a.wants("a/b"));
        assert!(!below_a.wants("a/a/b"));
    }

    #[test]
    fn what_is_included_again_is_not_left_out() {
        let globs = Globs::new(&["*"], &["*.txt"]);
        assert!(globs.leave_out("a.log"));
        assert!(!globs.leave_out("a.txt"));
        assert!(!Globs::new(&[], &["*.txt"]).leave_out("a.log"), "nothing was left out to be taken in again");
    }

    #[test]
    fn a_pattern_that_ends_in_a_slash_is_of_directories_by_their_typed_path_and_of_no_file() {
        let protects = |exclude: &str, include: &[&str], top: &str, path: &str| {
            let globs = Globs::new(&[exclude], include);
            assert!(!globs.leave_out(path), "{exclude} {path}");
            globs.protects(top, path)
        };
        for exclude in ["sub/", "*/sub/", "s*/", "tree/sub/", "/tmp/tree/sub/", "[s]ub/"] {
            assert!(protects(exclude, &[], "/tmp/tree/", "sub/deep/x"), "{exclude}");
        }
        for exclude in ["ub/x/", "tree/", "/sub/deep/x/", "sub"] {
            assert!(!protects(exclude, &[], "/tmp/tree/", "sub/deep/x"), "{exclude}");
        }
        assert!(protects("b/", &[], "", "sub/x"), "the end of a name is the end of a path");
        assert!(!protects("sub/", &["*sub/"], "", "sub/x"));
        assert!(protects("sub/", &["sub/x"], "", "sub/x"), "a pattern of files takes no directory in again");
        assert!(Globs::new(&["sub/"], &[]).leave_out("a/sub/"), "a key that is a directory of s3cmd's");
    }

    #[test]
    fn the_name_of_what_is_uploaded_is_part_of_its_paths() {
        let globs = Globs::new(&["tree/a"], &[]).below("tree/");
        assert!(globs.leave_out("a") && !globs.leave_out("sub/a"));
        let anchored = Globs::default().regexes(&["^tree/s"], &["x$"]).unwrap().below("tree/");
        assert!(anchored.leave_out("sub/a") && !anchored.leave_out("sub/x") && !anchored.leave_out("a"));
    }

    #[test]
    fn what_is_deleted_is_in_no_directory_that_is_left_out() {
        let bucket = BucketName::new("abc").unwrap();
        let globs = Globs::new(&["keep/"], &[]);
        assert!(globs.select(&bucket, "p/").wants("p/keep/x"));
        assert!(!globs.select_to_delete(&bucket, "p/").wants("p/keep/x"));
        assert!(globs.select_to_delete(&bucket, "p/").wants("p/x"));
    }

    #[test]
    fn a_regular_expression_is_of_directories_by_the_ends_that_s3cmd_knows() {
        let protects = |text: &str| Globs::default().regexes(&[text], &[]).unwrap().protects("", "sub/x");
        assert!(protects("(sub/)$") && protects("(?s:sub/)\\Z") && protects("^sub\\/$"));
        assert!(!protects("sub/$") && !protects("sub/"));
    }
}
