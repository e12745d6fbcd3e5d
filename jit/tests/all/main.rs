//! What machine code does, and who shares it.

mod machine;
mod shared;
mod support;
