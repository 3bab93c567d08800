//! Each trap of a restore by hand.
