//! What of an archive is not unpacked as it was, by name. Pure.

use std::collections::BTreeSet;

use super::fault::for_people;

/// The most oddities that are kept by name.
const MOST_NAMED: usize = 1000;
/// The most keywords of attributes that are told apart.
const MOST_KEYWORDS: usize = 100;

/// An entry that is left out, or that is unpacked without something that it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Oddity {
    /// The entry's name, for people.
    pub(crate) name: String,
    /// What is odd; it goes on after the entry's name.
    pub(crate) what: String,
}

/// The first oddities by name, and the number of all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Oddities {
    list: Vec<Oddity>,
    count: u64,
    keywords: BTreeSet<String>,
}

impl Oddities {
    /// Those that are kept by name.
    pub(crate) fn list(&self) -> &[Oddity] {
        &self.list
    }

    /// The number of all. An attribute counts once for each entry that has it, and is kept by name for the first.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn note(&mut self, name: &[u8], what: impl Into<String>) {
        self.count += 1;
        if self.list.len() < MOST_NAMED {
            self.list.push(Oddity { name: for_people(name), what: what.into() });
        }
    }

    /// Notes attributes that are not heeded.
    pub(super) fn not_heeded(&mut self, name: &[u8], attributes: &Unheeded) {
        self.count += attributes.count;
        for keyword in &attributes.keywords {
            if self.keywords.len() < MOST_KEYWORDS && self.keywords.insert(keyword.clone()) {
                self.count -= 1;
                self.note(name, format!("has the attribute {keyword}, which is not heeded"));
            }
        }
    }
}

/// The keywords of attributes that are not heeded: the first by name, and the number of all.
#[derive(Debug, Default)]
pub(super) struct Unheeded {
    keywords: Vec<String>,
    count: u64,
}

impl Unheeded {
    pub(super) fn add(&mut self, keyword: &[u8]) {
        self.count += 1;
        if self.keywords.len() < MOST_KEYWORDS {
            self.keywords.push(for_people(keyword));
        }
    }

    pub(super) fn append(&mut self, others: Self) {
        self.count += others.count;
        let room = MOST_KEYWORDS.saturating_sub(self.keywords.len());
        self.keywords.extend(others.keywords.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_first_are_named() {
        let mut oddities = Oddities::default();
        (0..5000).for_each(|number| oddities.note(format!("{number}").as_bytes(), "is odd"));
        assert_eq!((oddities.count(), oddities.list().len()), (5000, MOST_NAMED));
        assert_eq!(oddities.list()[999], Oddity { name: "999".to_owned(), what: "is odd".to_owned() });
    }

    #[test]
    fn a_keyword_is_named_for_the_first_entry_that_has_it() {
        let mut oddities = Oddities::default();
        for (name, keywords) in [("a", &["k", "l"][..]), ("b", &["l", "k", "m"])] {
            let mut unheeded = Unheeded::default();
            for keyword in keywords {
                unheeded.add(keyword.as_bytes());
            }
            oddities.not_heeded(name.as_bytes(), &unheeded);
        }
        let named: Vec<_> = oddities.list().iter().map(|odd| format!("{} {}", odd.name, odd.what)).collect();
        let not_heeded = |of: &str| format!("{of}, which is not heeded");
        assert_eq!(
            named,
            ["a has the attribute k", "a has the attribute l", "b has the attribute m"].map(not_heeded)
        );
        assert_eq!(oddities.count(), 5);
    }

    #[test]
    fn keywords_without_end_are_counted_and_take_no_room() {
        let mut oddities = Oddities::default();
        for number in 0..100 {
            let mut unheeded = Unheeded::default();
            (0..1000).for_each(|key| unheeded.add(format!("{number} {key}").as_bytes()));
            oddities.not_heeded(b"x", &unheeded);
        }
        assert_eq!((oddities.count(), oddities.list().len()), (100_000, MOST_KEYWORDS));
    }
}
