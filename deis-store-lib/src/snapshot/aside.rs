//! What has come of a part that fails: the same run goes on with it, or the next one does.

use std::sync::atomic::Ordering;

use super::free_name::free_from;
use super::name::{JOURNAL, LISTS, RUN, UNFINISHED, is_list_of};
use super::writer::{SnapshotWriter, names};
use crate::disk::{Kind, Root};
use crate::error::Result;
use crate::part::Part;

impl SnapshotWriter {
    /// What has come so far is from now on what an interrupted run has left.
    pub(crate) async fn go_on_from_here(&self) {
        self.settle().await;
        self.journals.reopen();
        self.goes_on.store(true, Ordering::Relaxed);
    }

    /// Sets the objects of a part that could not be taken aside, with their journals, so that the next run goes on with them.
    /// Where that is; nothing if there are none.
    pub(crate) async fn set_aside(&self, part: &Part) -> Result<Option<String>> {
        if part.as_bucket().is_none() || self.root.kind(&[part.name()])? != Some(Kind::Directory) {
            return Ok(None);
        }
        if self.root.subdirectory(part.name(), false)?.is_empty()? {
            return Ok(None);
        }
        self.go_on_from_here().await;
        let aside = match self.aside.get() {
            Some(aside) => aside.clone(),
            None => self.begin_aside()?,
        };
        if let Ok(lists) = self.root.subdirectory(LISTS, false) {
            let to = aside.subdirectory(LISTS, true)?;
            let mut journals =
                names(&lists)?.filter(|name| is_list_of(part, name) && name.ends_with(JOURNAL));
            journals.try_for_each(|name| lists.rename_to(&name, &to))?;
            to.sync()?;
        }
        self.root.rename_to(part.name(), &aside)?;
        aside.sync()?;
        self.root.sync()?;
        Ok(Some(aside.path().display().to_string()))
    }

    fn begin_aside(&self) -> Result<Root> {
        let name = free_from(&self.repository, self.name.next()?)?;
        let aside = self.repository.subdirectory(&format!("{name}{UNFINISHED}"), true)?;
        aside.new_file(&[RUN])?.commit_with(&self.run_file)?;
        self.repository.sync()?;
        Ok(self.aside.get_or_init(|| aside).clone())
    }
}
