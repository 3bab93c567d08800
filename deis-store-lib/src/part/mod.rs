//! The parts that a backup holds: those of a Deis platform, and any other bucket. Pure.

mod bucket;
mod choice;
mod kinds;

pub use bucket::BucketPart;
pub(crate) use bucket::refuse_twins;
pub use choice::{PartChoice, PartName};
pub use kinds::Part;
