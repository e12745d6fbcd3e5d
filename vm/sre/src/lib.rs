//! The regular expression engine.
