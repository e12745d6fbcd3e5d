//! Source text to code.
