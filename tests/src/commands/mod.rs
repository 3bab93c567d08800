//! The subcommands, one file each.

pub(crate) mod down;
pub(crate) mod keep;
pub(crate) mod run;
pub(crate) mod up;

mod owner;

use std::process::ExitCode;

/// The exit code that a shell would give for a program that this signal ended.
pub(crate) fn ended_by(signal: usize) -> ExitCode {
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}
