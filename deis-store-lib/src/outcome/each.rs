//! A caller that wants to hear of each thing that a verb has done.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use crate::error::Result;

/// The caller's function that a verb calls for each thing that it has done, one at a time. Its error ends the verb.
pub struct Each<'a, T>(Box<dyn Fn(T) -> Result<()> + Send + Sync + 'a>);

impl<'a, T> Each<'a, T> {
    /// Calls this function.
    pub fn new(each: impl FnMut(T) -> Result<()> + Send + 'a) -> Self {
        let each = Mutex::new(each);
        Self(Box::new(move |thing| {
            let mut each = each.lock().unwrap_or_else(PoisonError::into_inner);
            each(thing)
        }))
    }

    pub(crate) fn call(&self, thing: T) -> Result<()> {
        (self.0)(thing)
    }
}

/// Calls nothing.
impl<T> Default for Each<'_, T> {
    fn default() -> Self {
        Self::new(|_| Ok(()))
    }
}

impl<T> fmt::Debug for Each<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Each").finish_non_exhaustive()
    }
}
