//! What machine code does, and who shares it.

mod bridges;
mod document;
mod fuzz;
mod fuzz_objects;
mod harness;
mod iterations;
mod iterators;
mod loops;
mod machine;
mod objects;
mod page;
mod parallel;
mod shapes;
mod shared;
mod support;
mod trees;
