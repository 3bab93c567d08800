//! Faults on demand: what a sick gateway does, for tests of the programs that talk to one.

mod fault;
mod hook;
mod injector;
mod wire;

pub use fault::{Edit, Fault};
pub use hook::{Faults, RequestSeen};
pub(super) use injector::{Injector, Reply};
pub(super) use wire::{Next, WireFault};
