//! What is said of a snapshot that is served.

use deis_store::serve::ServeReport;

use super::report::{json, seconds};
use super::{Exit, Output, print, tell};

impl Output {
    /// Says that it answers, and where: scripts wait for this line. Where standard output is for one JSON object, it goes to
    /// standard error.
    pub(crate) fn listening(&self, url: &str) {
        let line = format!("listening on {url}");
        if self.json {
            tell(&line);
        } else {
            print(&format!("{line}\n"));
        }
    }

    pub(crate) fn served(&self, report: &ServeReport) -> Exit {
        let mut text =
            format!("{} was served for {}", report.snapshot.display(), seconds(report.milliseconds));
        if let Some(writes) = &report.writes {
            text.push_str(&format!("; what was written is kept in {}", writes.display()));
        }
        self.report(Exit::Done, format!("{text}\n"), &json(report))
    }
}
