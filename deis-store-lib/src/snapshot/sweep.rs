//! Removes from a snapshot that is being made what no list names: what an interrupted run has left of objects that are not
//! listed any more, and halves of objects that could not be fetched.

use std::iter::Peekable;

use super::list_line::ListLine;
use super::merged_list_reader::MergedListReader;
use super::part_objects::PartObjects;
use crate::disk::{Descent, Kind, Root, is_partial_name};
use crate::error::Result;
use crate::tree::walk;

impl PartObjects {
    /// Removes the files of the part that its lists do not name. Blocking.
    pub(super) fn sweep(&self) -> Result<()> {
        let root = self.root.subdirectory(self.part.name(), true)?;
        let mut named = Named(self.lines()?.peekable());
        for entry in walk(&root, "") {
            let entry = entry?;
            let path = entry.path.components();
            if !named.has(&entry.key, &path)? && root.kind(&path)? == Some(Kind::File) {
                root.remove_at(&path)?;
            }
        }
        remove_partial_files(&root)
    }
}

/// The files that lists name, asked in the order of the keys.
struct Named(Peekable<MergedListReader>);

impl Named {
    fn has(&mut self, key: &str, path: &[String]) -> Result<bool> {
        loop {
            match self.0.peek() {
                Some(Ok(line)) if line.key.as_str() < key => drop(self.0.next()),
                Some(Ok(line)) if line.key == key => return Ok(is_at(line, path)),
                Some(Ok(_)) | None => return Ok(false),
                // Nothing is removed by a list that cannot be read.
                Some(Err(_)) => return self.0.next().transpose().map(|_| true),
            }
        }
    }
}

fn is_at(line: &ListLine, path: &[String]) -> bool {
    line.outcome.is_on_disk() && line.path().is_ok_and(|of_line| of_line == path)
}

/// A walk gives no partial files.
fn remove_partial_files(root: &Root) -> Result<()> {
    let mut descent = Descent::new(root.clone());
    let mut levels = vec![sweep_here(root)?.into_iter()];
    while let Some(directories) = levels.last_mut() {
        let Some(name) = directories.next() else {
            levels.pop();
            descent.up();
            continue;
        };
        let below = descent.here()?.subdirectory(&name, false)?;
        levels.push(sweep_here(&below)?.into_iter());
        descent.down(vec![name], below);
    }
    Ok(())
}

/// Removes the partial files of a directory; the names of the directories in it. Of its files none is held.
fn sweep_here(directory: &Root) -> Result<Vec<String>> {
    let (mut directories, mut partial_files) = (Vec::new(), Vec::new());
    directory.each_entry(|entry| {
        let Ok(name) = entry.name.into_string() else { return Ok(()) };
        match entry.kind {
            Kind::Directory => directories.push(name),
            Kind::File if is_partial_name(&name) => partial_files.push(name),
            _ => {}
        }
        Ok(())
    })?;
    partial_files.iter().try_for_each(|name| directory.remove_file(name))?;
    Ok(directories)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::sample;
    use crate::disk::partial_name;
    use crate::part::Part;
    use crate::run::Run;
    use crate::verify::{VerifyOptions, verify};

    #[tokio::test]
    async fn what_no_list_names_goes_and_all_else_stays() {
        let place = tempfile::tempdir().unwrap();
        let unfinished = sample::begin(place.path());
        let manifest = sample::fill(&unfinished);
        let part = Part::registry();
        let objects = unfinished.objects(&part).unwrap();
        for key in ["b", "a/c", "d/e/f", "gone"] {
            let mut file = objects.new_object(key, "").unwrap();
            file.write_all(b"left").unwrap();
            file.commit(0o400, None, false).unwrap();
        }
        // A second name of a key that has another one.
        std::fs::write(objects.path().join("a%+/b%+"), "left").unwrap();
        for directory in ["", "d", "d/e"] {
            std::fs::write(objects.path().join(directory).join(partial_name("x", "")), "half").unwrap();
        }
        unfinished.sweep(&part, &manifest.parts[&part].lists).await.unwrap();
        let snapshot = unfinished.commit(manifest).unwrap();
        let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
        let findings = serde_json::to_value(&report.findings).unwrap();
        assert_eq!(findings["findings"], serde_json::json!([]), "{findings}");
    }
}
