//! What a value is.
