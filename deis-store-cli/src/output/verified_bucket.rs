//! The verdict on a living bucket.

use std::fmt::Write as _;

use deis_store::report::Verdict;
use deis_store::verify::BucketReport;

use super::next::After;
use super::report::{findings, json};
use super::restorable::said;
use super::{Output, bytes};
use crate::exit::Exit;

impl Output {
    pub(crate) fn verified_bucket(&self, report: &BucketReport) -> Exit {
        let mut text = String::new();
        findings(&mut text, &report.findings);
        text.push_str(&said(&report.bucket, &report.restorable));
        let verdict = match report.verdict {
            Verdict::Damaged => "DAMAGED",
            Verdict::Incomplete => "INCOMPLETE: what could be read is good",
            Verdict::Good if report.read.is_everything() => "good",
            Verdict::Good => "as far as it was read it is good",
        };
        let (objects, read, size) = (report.objects, report.objects_read, bytes(report.bytes_checked));
        let _ = writeln!(text, "{verdict}: {objects} objects, {read} of them read, {size}");
        self.with_verdict(After::VerifyBucket, report.verdict, text, json(report))
    }
}
