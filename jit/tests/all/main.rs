//! What machine code does, and who shares it.

mod bridges;
mod document;
mod fuzz;
mod harness;
mod loops;
mod machine;
mod shapes;
mod shared;
mod support;
