//! What machine code does, and who shares it.

mod bridges;
mod fuzz;
mod harness;
mod loops;
mod machine;
mod shared;
mod support;
