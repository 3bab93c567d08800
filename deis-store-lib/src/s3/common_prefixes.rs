//! Folds a flat listing below the next slash, as a listing with a delimiter would. Pure.
//!
//! It is done on our side since radosgw's own folding has skipped keys.

/// A key in a folded listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folded<'a> {
    /// It stands for itself.
    Object,
    /// It is the first of those that begin so, up to a slash after the prefix of the listing.
    Prefix(&'a str),
    /// It begins as the one before.
    Again,
}

/// Folds the keys of a listing in their order, holding one prefix.
#[derive(Clone, Debug)]
pub struct CommonPrefixes {
    prefix_bytes: usize,
    last: String,
}

impl CommonPrefixes {
    /// For a listing of the keys that begin with this prefix.
    #[must_use]
    pub fn new(prefix: &str) -> Self {
        Self { prefix_bytes: prefix.len(), last: String::new() }
    }

    /// Says what the next key is. Keys come sorted, so those that begin alike follow each other.
    pub fn next<'a>(&mut self, key: &'a str) -> Folded<'a> {
        let Some(slash) = key.get(self.prefix_bytes..).and_then(|rest| rest.find('/')) else {
            return Folded::Object;
        };
        let folded = &key[..=self.prefix_bytes + slash];
        if folded == self.last {
            return Folded::Again;
        }
        folded.clone_into(&mut self.last);
        Folded::Prefix(folded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(prefix: &str, keys: &[&str]) -> Vec<String> {
        let mut fold = CommonPrefixes::new(prefix);
        let lines = keys.iter().filter_map(|key| match fold.next(key) {
            Folded::Object => Some((*key).to_owned()),
            Folded::Prefix(prefix) => Some(format!("DIR {prefix}")),
            Folded::Again => None,
        });
        lines.collect()
    }

    #[test]
    fn what_is_below_the_next_slash_is_shown_once() {
        assert_eq!(folded("", &["/lead", "a/0", "a/1", "a0", "b//c"]), ["DIR /", "DIR a/", "a0", "DIR b/"]);
        assert_eq!(folded("a/", &["a/", "a/0", "a/b/c", "a/b/d"]), ["a/", "a/0", "DIR a/b/"]);
        // As with a delimiter: the slash right after the prefix folds.
        assert_eq!(folded("a", &["a/0", "a/1", "ab"]), ["DIR a/", "ab"]);
    }
}
