//! The surroundings that every verb is given besides its nouns and options: time, randomness, a stop signal and somebody to tell.

mod clock;
#[cfg(test)]
pub(crate) mod heard;
mod monitor;
mod stop;
mod surroundings;

pub use clock::{Clock, SystemClock};
pub use monitor::{Event, Level, Monitor, Silent, Task, TaskKind, TaskResult};
pub use stop::Stop;
pub use surroundings::{Run, Running};

#[cfg(feature = "client")]
pub(crate) use clock::shifted;

#[cfg(feature = "backup")]
pub(crate) use surroundings::milliseconds;
