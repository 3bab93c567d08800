//! The way down from a directory, of which few handles are held however deep it is.

use std::collections::VecDeque;

use super::root::Root;
use crate::error::Result;

/// So many handles are held, of the deepest directories on the way. Those above are opened anew when the way has come
/// back to them, and then so many at once.
const MOST_HANDLES: usize = 16;

/// The way down from a directory.
#[derive(Debug)]
pub(crate) struct Descent {
    top: Root,
    /// The names of each step. There are several where a name was too long.
    steps: Vec<Vec<String>>,
    /// The handles of the last steps.
    open: VecDeque<Root>,
}

impl Descent {
    /// The way that has come no further than the directory itself.
    pub(crate) fn new(top: Root) -> Self {
        Self { top, steps: Vec::new(), open: VecDeque::new() }
    }

    /// How many steps it has come.
    pub(crate) fn depth(&self) -> usize {
        self.steps.len()
    }

    /// The directory that it has come to. One that was closed is looked for from the top.
    pub(crate) fn here(&mut self) -> Result<&Root> {
        if self.open.is_empty() && !self.steps.is_empty() {
            let closed = self.steps.len().saturating_sub(MOST_HANDLES);
            let mut directory = self.top.clone();
            for (depth, step) in self.steps.iter().enumerate() {
                directory = below(&directory, step)?;
                if depth >= closed {
                    self.open.push_back(directory.clone());
                }
            }
        }
        Ok(self.open.back().unwrap_or(&self.top))
    }

    /// A step down, to a directory below the one that it has come to.
    pub(crate) fn down(&mut self, names: Vec<String>, directory: Root) {
        self.steps.push(names);
        self.open.push_back(directory);
        if self.open.len() > MOST_HANDLES {
            self.open.pop_front();
        }
    }

    /// A step up; the names of the directory that was left, or nothing at the top.
    pub(crate) fn up(&mut self) -> Option<Vec<String>> {
        self.open.pop_back();
        self.steps.pop()
    }
}

/// The directory that a step leads to.
pub(crate) fn below(directory: &Root, names: &[String]) -> Result<Root> {
    names.iter().try_fold(directory.clone(), |directory, name| directory.subdirectory(name, false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_leads_through_the_same_directories_with_few_handles() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        let mut descent = Descent::new(root);
        let inode = |root: &Root| rustix::fs::fstat(root).unwrap().st_ino;
        let mut inodes = vec![inode(descent.here().unwrap())];
        for depth in 0..100 {
            let name = format!("d{depth}");
            let next = descent.here().unwrap().subdirectory(&name, true).unwrap();
            descent.down(vec![name], next);
            inodes.push(inode(descent.here().unwrap()));
            assert!(descent.open.len() <= MOST_HANDLES);
        }
        for depth in (0..100).rev() {
            assert_eq!(inode(descent.here().unwrap()), inodes[depth + 1]);
            assert!(descent.open.len() <= MOST_HANDLES);
            assert_eq!(descent.up(), Some(vec![format!("d{depth}")]));
        }
        assert_eq!((descent.depth(), inode(descent.here().unwrap()), descent.up()), (0, inodes[0], None));
    }
}
