//! The options for what is left out, as s3cmd has them.

use std::path::{Path, PathBuf};

use deis_store::error::At;
use deis_store::sync::Globs;
use deis_store::{Error, ErrorKind, Result};

use crate::small_file;

/// The options for what is left out. A group of this name needs `--recursive` where there is one.
#[derive(Debug, clap::Args)]
#[group(id = PATTERNS)]
pub(crate) struct Patterns {
    /// Leave out paths whose end this shell pattern matches; `*` matches slashes too. One that ends in / leaves out
    /// local directories, and saves what is in them from deletion
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// The same with the patterns in this file, a line each; # begins a comment
    #[arg(long, value_name = "FILE")]
    exclude_from: Vec<PathBuf>,
    /// Leave out paths in which this regular expression of Python's matches
    #[arg(long, value_name = "REGEXP")]
    rexclude: Vec<String>,
    /// The same with those in this file
    #[arg(long, value_name = "FILE")]
    rexclude_from: Vec<PathBuf>,
    /// Take in again what was left out
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// The same with the patterns in this file
    #[arg(long, value_name = "FILE")]
    include_from: Vec<PathBuf>,
    /// Take in again by a regular expression
    #[arg(long, value_name = "REGEXP")]
    rinclude: Vec<String>,
    /// The same with those in this file
    #[arg(long, value_name = "FILE")]
    rinclude_from: Vec<PathBuf>,
}

/// The group's name.
pub(super) const PATTERNS: &str = "patterns";

impl Patterns {
    /// The patterns, of which some may be in files.
    pub(crate) fn globs(&self) -> Result<Globs> {
        Globs::new(&all(&self.exclude, &self.exclude_from)?, &all(&self.include, &self.include_from)?)
            .regexes(&all(&self.rexclude, &self.rexclude_from)?, &all(&self.rinclude, &self.rinclude_from)?)
    }
}

fn all(typed: &[String], files: &[PathBuf]) -> Result<Vec<String>> {
    let mut all = typed.to_vec();
    for file in files {
        all.extend(of_file(file)?);
    }
    Ok(all)
}

fn of_file(file: &Path) -> Result<Vec<String>> {
    let text = small_file::read_text(file).map_err(|error| {
        Error::new(ErrorKind::Usage, "cannot read the file of patterns")
            .at(At::Path, file.display())
            .because(error)
    })?;
    let lines = text.lines().map(str::trim);
    Ok(lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
}
