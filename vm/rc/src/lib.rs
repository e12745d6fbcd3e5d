//! Biased reference counts and the per-object lock.
