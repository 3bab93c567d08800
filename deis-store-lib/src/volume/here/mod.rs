//! Makes an archive of a directory of this machine, and unpacks one into a directory of this machine, without any tar.
//!
//! Saving: [`walk`](walk::Walk) goes through the tree, an [`Archiver`] makes bytes of what it finds, and [`save`] makes a
//! reader of that. Loading: [`load_into`] reads an archive into a fresh directory below the target by way of an
//! [`Unpacker`], and moves it up at the end. All of it works beneath directory handles and follows no symlink.
//!
//! Memory is bounded whatever the tree or the archive has: a few handles, up to 8 MiB of the names of each directory on the
//! way down, 16 MiB for files with several names, 64 MiB for the directories of an archive.

mod archiver;
mod attributes;
mod clear;
mod content;
mod directories;
mod empty;
mod failure;
mod find;
mod fresh;
mod hard_links;
mod load;
mod names;
mod noted;
mod reading;
mod rights;
mod saving;
mod unpack;
mod walk;
mod way;

#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod round_trip_tests;
#[cfg(test)]
mod save_tests;
#[cfg(test)]
mod tree;

pub(crate) use archiver::Saved;
pub(crate) use attributes::Owners;
pub(crate) use load::load_into;
pub(crate) use noted::{Noted, shown};
pub(crate) use saving::save;
pub(crate) use unpack::Options;
