//! The development cluster.
