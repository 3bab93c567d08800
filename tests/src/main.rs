//! dev-cluster
fn main() {}
