//! The Python part of the standard library.
