//! One line of what was found, and all of them. Pure.

use serde::Serialize;

use crate::error::Error;

/// All that was looked at, in the order in which one thing rests on another.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DoctorReport {
    /// The checks.
    pub checks: Vec<Check>,
}

impl DoctorReport {
    /// Whether everything was looked at and is good.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.checks.iter().all(|check| check.state == State::Good)
    }
}

/// One thing that was looked at, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Check {
    /// Its name, which stays the same; that of a gateway's has the gateway's address after a point.
    pub name: String,
    /// How it is.
    pub state: State,
    /// What was found, or why nothing could be; for people.
    pub what: String,
    /// What to do now, unless it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub todo: Option<String>,
}

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// As it should be.
    Good,
    /// Not as it should be.
    Bad,
    /// It could not be looked at.
    Unknown,
}

/// A thing that is good.
pub(super) fn good(name: impl Into<String>, what: impl Into<String>) -> Check {
    Check { name: name.into(), state: State::Good, what: what.into(), todo: None }
}

/// A thing that is not good.
pub(super) fn bad(name: impl Into<String>, what: impl Into<String>, todo: impl Into<String>) -> Check {
    Check { name: name.into(), state: State::Bad, what: what.into(), todo: Some(todo.into()) }
}

/// A thing that could not be looked at.
pub(super) fn unknown(name: impl Into<String>, why: impl Into<String>, todo: impl Into<String>) -> Check {
    let what = format!("not looked at: {}", why.into());
    Check { name: name.into(), state: State::Unknown, what, todo: Some(todo.into()) }
}

/// A thing that has failed when it was looked at. `todo` is for an error without advice.
pub(super) fn failed(name: impl Into<String>, error: &Error, todo: &str) -> Check {
    bad(name, told(error), error.advice().unwrap_or(todo))
}

/// The error in one line, without what to do.
pub(super) fn told(error: &Error) -> String {
    let place = if error.place().is_empty() { String::new() } else { format!(" ({})", error.place()) };
    format!("{}{place}", error.what())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{At, ErrorKind};

    #[test]
    fn only_a_report_without_a_thing_that_is_bad_or_unknown_is_good() {
        let report = |last| DoctorReport { checks: vec![good("a", "x"), last] };
        assert!(report(good("b", "x")).is_good());
        assert!(!report(bad("b", "x", "y")).is_good() && !report(unknown("b", "x", "y")).is_good());
    }

    #[test]
    fn a_check_says_what_and_where_and_what_to_do() {
        let error = Error::new(ErrorKind::NotReady, "no answer").at(At::Host, "10.0.0.1");
        let json = serde_json::to_value(failed("docker", &error, "start it")).unwrap();
        let expected = serde_json::json!({
            "name": "docker", "state": "bad", "what": "no answer (host 10.0.0.1)", "todo": "start it"
        });
        assert_eq!(json, expected);
        assert_eq!(failed("docker", &error.todo("log in"), "start it").todo.unwrap(), "log in");
        assert!(serde_json::to_value(good("a", "b")).unwrap().get("todo").is_none());
    }
}
