//! Measurements of deis-store side by side with its peers: none yet.
