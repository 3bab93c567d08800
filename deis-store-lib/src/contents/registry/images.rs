//! The tags of docker-registry 0.x and the images that they need. Pure.
//!
//! A tag holds the id of an image. The object `ancestry` of the image holds the ids of all that it needs, itself first.

use std::collections::BTreeMap;

use super::is_tag_of_images;

const IMAGES: &str = "registry/images/";

/// Objects of an image that nobody needs: two caches, and the mark of a push that was under way.
const OPTIONAL: [&str; 3] = ["_files", "_diff", "_inprogress"];

#[derive(Debug, Default)]
pub(super) struct Images {
    /// By the id of an image, an object of it that is lost.
    lost: BTreeMap<String, String>,
    /// By the id of an image that is not lost itself, its tags.
    tags: BTreeMap<String, Vec<String>>,
}

impl Images {
    pub(super) fn lose(&mut self, key: &str) {
        if let Some((id, name)) = image(key)
            && !OPTIONAL.contains(&name)
        {
            self.lost.entry(id.to_owned()).or_insert_with(|| key.to_owned());
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.lost.is_empty()
    }

    /// Tags in the first round, then the ancestries of their images.
    pub(super) fn wants(&self, key: &str, round: u32) -> bool {
        match image(key) {
            _ if self.is_idle() => false,
            Some((id, "ancestry")) => round > 0 && self.tags.contains_key(id),
            Some(_) => false,
            None => round == 0 && is_tag_of_images(key),
        }
    }

    pub(super) fn show(&mut self, key: &str, bytes: &[u8], held: &mut BTreeMap<String, String>) {
        if let Some((id, _)) = image(key) {
            let tags = self.tags.remove(id).unwrap_or_default();
            if let Some(lost) = self.needed(key, bytes) {
                held.extend(tags.into_iter().map(|tag| (tag, lost.clone())));
            }
            return;
        }
        let Ok(id) = std::str::from_utf8(bytes).map(|text| text.trim().trim_matches('"')) else { return };
        match self.lost.get(id) {
            Some(lost) => drop(held.insert(key.to_owned(), lost.clone())),
            None => self.tags.entry(id.to_owned()).or_default().push(key.to_owned()),
        }
    }

    /// Whether there are ancestries to look at.
    pub(super) fn waits(&self) -> bool {
        !self.tags.is_empty()
    }

    /// What is lost of the images of an ancestry. One that cannot be read is lost itself.
    fn needed(&self, key: &str, ancestry: &[u8]) -> Option<String> {
        match serde_json::from_slice::<Vec<String>>(ancestry) {
            Ok(ids) => ids.iter().find_map(|id| self.lost.get(id)).cloned(),
            Err(_) => Some(key.to_owned()),
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
    use crate::contents::needs::tests::held_back;

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
    fn a_tag_whose_image_cannot_be_read_is_held_back_where_something_is_lost() {
        let objects =
            [("registry/repositories/library/app/tag_v1", "a"), ("registry/images/a/ancestry", "no JSON")];
        let held = |lost: &[&str]| held_back(Contents::Registry, &objects, lost);
        assert_eq!(held(&["registry/images/b/layer"]), [objects[0].0]);
        assert!(held(&[]).is_empty());
    }
}
