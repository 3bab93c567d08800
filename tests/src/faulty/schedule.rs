//! Which request meets which fault. Pure.

use std::ops::Range;

use deis_store::gateway::{Fault, Operation, RequestSeen};

/// A line of the schedule.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) operation: Option<Operation>,
    pub(super) target: String,
    pub(super) nth: Range<usize>,
    pub(super) fault: Fault,
    /// How many requests it has met.
    pub(super) met: usize,
}

/// The fault that a request meets; counts it for all rules that are about it.
pub(super) fn met(schedule: &mut [Rule], request: &RequestSeen) -> Option<Fault> {
    let mut fault = None;
    for rule in schedule {
        let operation = rule.operation.is_none_or(|operation| operation == request.operation);
        if operation && request.target.contains(&rule.target) {
            if rule.nth.contains(&rule.met) && fault.is_none() {
                fault = Some(rule.fault.clone());
            }
            rule.met += 1;
        }
    }
    fault
}
