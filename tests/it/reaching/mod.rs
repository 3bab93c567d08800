//! Reaching the hosts of a cluster by ssh: a connection that breaks is made anew and the work goes on, other hosts are
//! reached through the tunnel's, and who must not be reached or may not do it is told.

mod beyond;
mod dropped;
pub(crate) mod site;
mod sudo;
