//! What machine code does, and who shares it.

mod harness;
mod loops;
mod machine;
mod shared;
mod support;
