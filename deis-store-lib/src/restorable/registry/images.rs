//! The tags of docker-registry 0.x and the images that they need. Pure.
//!
//! A tag holds the id of an image. The object `ancestry` of the image holds the ids of all that it needs, itself first.

use std::collections::BTreeMap;

use super::stage::Stage;
use crate::contents::registry::{IMAGES, is_tag_of_images};
use crate::restorable::held_back::Lack;

/// Objects of an image that nobody needs: two caches, and the mark of a push that was under way.
const OPTIONAL: [&str; 3] = ["_files", "_diff", "_inprogress"];

/// Objects without which an image is none.
const REQUIRED: [&str; 2] = ["json", "layer"];

#[derive(Clone, Debug, Default)]
pub(super) struct Images {
    /// By the id of an image, an object of it that is lost.
    lost: BTreeMap<String, Lack>,
    /// By the id of an image that is not lost itself, its tags, until its ancestry is read.
    tags: BTreeMap<String, Vec<String>>,
    /// The tags whose images' ancestries are read.
    read: Vec<String>,
    /// By the id of an image, the tags that need it, as their places in `read`.
    needed: BTreeMap<String, Needed>,
    /// The number of images that are there, and the id of the one that was counted last.
    count: u64,
    counted: String,
}

/// An image that tags need.
#[derive(Clone, Debug, Default)]
struct Needed {
    tags: Vec<usize>,
    /// Which of the required objects are there.
    there: [bool; REQUIRED.len()],
}

impl Images {
    pub(super) fn lose(&mut self, lack: Lack) {
        if let Some((id, name)) = image(&lack.key)
            && !OPTIONAL.contains(&name)
        {
            self.lost.entry(id.to_owned()).or_insert(lack);
        }
    }

    /// An object is there, in the order of the keys.
    pub(super) fn count(&mut self, key: &str) {
        if let Some((id, _)) = image(key)
            && self.counted != id
        {
            id.clone_into(&mut self.counted);
            self.count += 1;
        }
    }

    /// Tags first, then the ancestries of their images.
    pub(super) fn wants(&self, key: &str, stage: Stage) -> bool {
        match image(key) {
            Some((id, "ancestry")) => stage == Stage::Follow && self.tags.contains_key(id),
            Some(_) => false,
            None => stage == Stage::Tags && is_tag_of_images(key),
        }
    }

    pub(super) fn show(&mut self, key: &str, bytes: Option<&[u8]>, held: &mut BTreeMap<String, Lack>) {
        if let Some((id, _)) = image(key) {
            let tags = self.tags.remove(id).unwrap_or_default();
            match self.needed(key, bytes) {
                Err(lost) => held.extend(tags.into_iter().map(|tag| (tag, lost.clone()))),
                Ok(ids) => self.need(ids, tags),
            }
            return;
        }
        let text = String::from_utf8_lossy(bytes.unwrap_or_default());
        let id = text.trim().trim_matches('"');
        match self.lost.get(id) {
            Some(lost) => drop(held.insert(key.to_owned(), lost.clone())),
            None => self.tags.entry(id.to_owned()).or_default().push(key.to_owned()),
        }
    }

    /// Whether there are ancestries to look at.
    pub(super) fn waits(&self) -> bool {
        !self.tags.is_empty()
    }

    /// Whether there are images to look for.
    pub(super) fn needs_any(&self) -> bool {
        !self.needed.is_empty()
    }

    /// Ancestries have all been shown: the tags that wait for one wait for nothing.
    pub(super) fn give_up(&mut self, held: &mut BTreeMap<String, Lack>) {
        for (id, tags) in std::mem::take(&mut self.tags) {
            let lack = Lack::in_source(format!("{IMAGES}{id}/ancestry"));
            held.extend(tags.into_iter().map(|tag| (tag, lack.clone())));
        }
    }

    /// An object is there, after the last ancestry was shown.
    pub(super) fn see(&mut self, key: &str) {
        if let Some((id, name)) = image(key)
            && let Some(place) = REQUIRED.iter().position(|required| *required == name)
            && let Some(needed) = self.needed.get_mut(id)
        {
            needed.there[place] = true;
        }
    }

    /// Holds back the tags that need an image of which something is not there. The number of images that no tag needs.
    pub(super) fn end(&self, held: &mut BTreeMap<String, Lack>) -> u64 {
        for (id, needed) in &self.needed {
            let missing = REQUIRED.iter().zip(needed.there).find(|(_, there)| !there);
            let Some((name, _)) = missing else { continue };
            let lack = Lack::in_source(format!("{IMAGES}{id}/{name}"));
            let tags = needed.tags.iter().filter_map(|tag| self.read.get(*tag));
            held.extend(tags.map(|tag| (tag.clone(), lack.clone())));
        }
        let needed = self.needed.values().filter(|needed| needed.there.contains(&true)).count();
        self.count.saturating_sub(needed as u64)
    }

    /// The images of an ancestry, or what of them is lost. One that cannot be read is lost itself.
    fn needed(&self, key: &str, ancestry: Option<&[u8]>) -> Result<Vec<String>, Lack> {
        let ancestry = ancestry.ok_or_else(|| Lack::lost(key))?;
        let ids = serde_json::from_slice::<Vec<String>>(ancestry).map_err(|_| Lack::in_source(key))?;
        match ids.iter().find_map(|id| self.lost.get(id)) {
            Some(lost) => Err(lost.clone()),
            None => Ok(ids),
        }
    }

    fn need(&mut self, ids: Vec<String>, tags: Vec<String>) {
        let places = self.read.len()..self.read.len() + tags.len();
        self.read.extend(tags);
        for id in ids {
            self.needed.entry(id).or_default().tags.extend(places.clone());
        }
    }
}

/// The id of an image and the name of its object.
fn image(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(IMAGES)?.split_once('/')
}

#[cfg(test)]
mod tests {
    use crate::contents::Contents;
    use crate::restorable::judge::tests::held_back;

    /// The tags that are held back, of images `a` above `b` above `root`, and of `other`.
    fn held(lost: &[&str]) -> Vec<String> {
        let mut objects = Vec::new();
        for (image, ancestry) in [
            ("a", r#"["a", "b", "root"]"#),
            ("b", r#"["b", "root"]"#),
            ("root", r#"["root"]"#),
            ("other", r#"["other"]"#),
        ] {
            objects.push((format!("registry/images/{image}/ancestry"), ancestry));
            for name in ["json", "layer", "_checksum", "_files"] {
                objects.push((format!("registry/images/{image}/{name}"), "{}"));
            }
        }
        for (tag, image) in [("tag_v2", "a"), ("tag_v1", "b\n"), ("tag_latest", "a"), ("_index_images", "[]")]
        {
            objects.push((format!("registry/repositories/library/app/{tag}"), image));
        }
        objects.push(("registry/repositories/library/other/tag_v1".to_owned(), "other"));
        let objects: Vec<_> = objects.iter().map(|(key, body)| (key.as_str(), *body)).collect();
        let held = held_back(Contents::Registry, &objects, lost);
        held.iter()
            .map(|key| key.strip_prefix("registry/repositories/library/").unwrap().to_owned())
            .collect()
    }

    #[test]
    fn a_lost_object_of_an_image_holds_back_the_tags_of_it_and_of_those_above_it() {
        for name in ["json", "layer", "ancestry", "_checksum"] {
            assert_eq!(
                held(&[&format!("registry/images/a/{name}")]),
                ["app/tag_latest", "app/tag_v2"],
                "{name}"
            );
            let all = ["app/tag_latest", "app/tag_v1", "app/tag_v2"];
            assert_eq!(held(&[&format!("registry/images/root/{name}")]), all, "{name}");
        }
        assert_eq!(held(&["registry/images/other/layer"]), ["other/tag_v1"]);
    }

    #[test]
    fn what_no_image_needs_holds_nothing_back() {
        for lost in [
            "registry/images/a/_files",
            "registry/images/a/_inprogress",
            "registry/images/untagged/layer",
            "registry/repositories/library/app/_index_images",
            "registry/repositories/library/app/tag_v1",
            "notes",
        ] {
            assert!(held(&[lost]).is_empty(), "{lost}");
        }
    }

    #[test]
    fn a_tag_is_held_back_whose_image_cannot_be_read_or_is_in_no_list() {
        let objects =
            [("registry/repositories/library/app/tag_v1", "a"), ("registry/images/a/ancestry", "no JSON")];
        let held = |lost: &[&str]| held_back(Contents::Registry, &objects, lost);
        assert_eq!(held(&["registry/images/b/layer"]), [objects[0].0]);
        assert_eq!(held(&[]), [objects[0].0]);
        let of = |objects: &[(&str, &str)]| held_back(Contents::Registry, objects, &[]);
        assert_eq!(of(&objects[..1]), [objects[0].0]);
        let mut whole = vec![
            objects[0],
            ("registry/images/a/ancestry", r#"["a", "b"]"#),
            ("registry/images/a/json", ""),
            ("registry/images/a/layer", ""),
            ("registry/images/b/json", ""),
            ("registry/images/b/layer", ""),
        ];
        assert!(of(&whole).is_empty());
        for missing in 1..whole.len() {
            let taken = whole.remove(missing);
            assert_eq!(of(&whole), [objects[0].0], "{taken:?}");
            whole.insert(missing, taken);
        }
    }
}
