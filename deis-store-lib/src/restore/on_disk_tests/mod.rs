//! Snapshots as they lie on a disk, with all parts: golden ones of each format, what damage does to one, and what the document
//! of the format says of them.

mod damage;
mod format;
mod golden;
mod site;
mod taken;
