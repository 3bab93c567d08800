//! https and proxies: what arrives is what was signed, or nothing arrives at all.

mod certificates;
mod gateway;
mod heard;
mod proxy;
mod trust;
mod wire;
