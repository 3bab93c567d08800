//! The lines of a file of s3cmd as it reads them: the last one of a name counts, sections do not. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::options::yes_or_no;
use crate::error::{At, Context as _, Error, ErrorKind, Result};

/// A value may name a variable whose value names another one, and so on.
const MOST_VARIABLES: usize = 8;

/// The lines of a file, by name.
pub(super) struct Lines<'a> {
    values: BTreeMap<&'a str, Value<'a>>,
    /// The numbers of lines that say nothing.
    pub(super) meaningless: Vec<usize>,
}

pub(super) struct Value<'a> {
    pub(super) line: usize,
    /// Empty if the file says nothing of it.
    text: Cow<'a, str>,
    /// The variable that it is the value of, if that is not set.
    unset: Option<String>,
}

impl<'a> Lines<'a> {
    /// Reads the text of a file. A value `$NAME` is that of a variable.
    pub(super) fn read(text: &'a str, variable: &impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut lines = Self { values: BTreeMap::new(), meaningless: Vec::new() };
        for (line, content) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let content = content.trim();
            if content.is_empty() || content.starts_with('#') || content.starts_with('[') {
                continue;
            }
            let is_name =
                |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_');
            match content.split_once('=').map(|(name, value)| (name.trim_end(), unquote(value.trim()))) {
                Some((name, value)) if is_name(name) => {
                    let (text, unset) = resolve(value, variable).at(At::Name, name).at(At::Line, line)?;
                    lines.values.insert(name, Value { line, text, unset });
                }
                _ => lines.meaningless.push(line),
            }
        }
        Ok(lines)
    }

    /// The value of a name, unless it is empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| &*value.text).filter(|text| !text.is_empty())
    }

    /// What a name says, yes or no.
    pub(super) fn says(&self, name: &'static str, otherwise: bool) -> Result<bool> {
        let Some(text) = self.get(name) else { return Ok(otherwise) };
        yes_or_no(text).ok_or_else(|| self.wrong(name, "is neither yes nor no"))
    }

    /// All values that are not empty, by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'a str, &str)> {
        self.values.iter().map(|(name, value)| (*name, &*value.text)).filter(|(_, text)| !text.is_empty())
    }

    /// The names whose variables are not set, with these.
    pub(super) fn unset(&self) -> impl Iterator<Item = (&'a str, &str)> {
        self.values.iter().filter_map(|(name, value)| Some((*name, value.unset.as_deref()?)))
    }

    /// An error of a name's value, which it does not show.
    pub(super) fn wrong(&self, name: &str, why: &str) -> Error {
        let error = Error::new(ErrorKind::Usage, format!("{name} {why}"));
        match self.values.get(name) {
            Some(value) => {
                error.at(At::Line, value.line).todo("correct the line; nothing may stand behind a value")
            }
            None => error,
        }
    }
}

/// The value of a variable, where it names one.
fn resolve<'a>(
    value: &'a str,
    variable: &impl Fn(&str) -> Option<String>,
) -> Result<(Cow<'a, str>, Option<String>)> {
    let mut value = Cow::Borrowed(value);
    for _ in 0..MOST_VARIABLES {
        let Some(name) = value.strip_prefix('$') else { return Ok((value, None)) };
        value = match variable(name) {
            Some(value) => Cow::Owned(value),
            None => return Ok((Cow::Borrowed(""), Some(name.to_owned()))),
        };
    }
    Err(Error::new(ErrorKind::Usage, "this names a variable that names another one, without an end"))
}

fn unquote(value: &str) -> &str {
    let quoted = value.len() >= 2
        && ['"', '\''].iter().any(|quote| value.starts_with(*quote) && value.ends_with(*quote));
    if quoted { &value[1..value.len() - 1] } else { value }
}
