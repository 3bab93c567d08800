//! A test double: a monitor that keeps what it is told in notes.

use std::sync::{Arc, Mutex};

use super::{Event, Monitor, Run};

#[derive(Default)]
pub(crate) struct Heard(Mutex<Vec<String>>);

impl Heard {
    /// A run that it hears, and it.
    pub(crate) fn run() -> (Run, Arc<Self>) {
        let heard = Arc::new(Self::default());
        (Run::system(heard.clone()), heard)
    }

    /// The texts of the notes so far.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Monitor for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Note { text, .. } = event {
            self.0.lock().unwrap().push((*text).to_owned());
        }
    }
}
