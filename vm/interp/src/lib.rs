//! What running is.
