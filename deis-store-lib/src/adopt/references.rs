//! References that need what was not adopted. Blocking.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::restorable::{HeldBack, Judge};
use crate::snapshot::PartObjects;

/// The references of a part that need what is not in it, each with the key of that. How many objects a base backup has no list
/// tells where no gateway was asked; that it has one is what can be seen.
pub(super) fn held_back(objects: &PartObjects) -> Result<HeldBack> {
    let contents = objects.contents();
    let mut judge = Judge::of(contents);
    if judge.is_idle() {
        return Ok(HeldBack::default());
    }
    let mut have_objects = BTreeMap::new();
    for line in objects.lines()? {
        let line = line?;
        if !line.outcome.is_on_disk() {
            judge.lose(&line.key);
        } else if let Some(reference) = contents.reference_to(&line.key) {
            have_objects.insert(reference, true);
        } else if contents.is_reference(&line.key) && contents.whole_below(&line.key).is_some() {
            have_objects.entry(line.key).or_insert(false);
        }
    }
    let mut held = objects.held_back(judge)?;
    for (reference, _) in have_objects.into_iter().filter(|(_, has_objects)| !has_objects) {
        if let Some(below) = contents.whole_below(&reference) {
            held.add(reference, format!("{below}…"));
        }
    }
    Ok(held)
}
