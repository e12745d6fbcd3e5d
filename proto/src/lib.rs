//! The public contract, typhon.v1.
