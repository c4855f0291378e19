//! Clusters on this machine, through the `kind` program.
