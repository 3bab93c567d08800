//! https and proxies: a request arrives exactly as it was signed, or not at all.

mod certificates;
mod gateway;
mod heard;
mod proxy;
mod trust;
mod wire;
