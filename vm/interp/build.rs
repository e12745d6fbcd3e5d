//! Decides how the run loop dispatches (docs/design/004-threaded-dispatch.md).
//!
//! `cfg(threaded)`: every opcode is a function that ends by calling the next one. That needs an optimizer that makes calls
//! in tail position jumps, and a calling convention with six argument registers; else the stack would grow by each
//! instruction. `TYPHON_LOOPED=1` asks for the other form.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(threaded)");
    println!("cargo::rerun-if-env-changed=TYPHON_LOOPED");
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str| std::env::var(name).unwrap_or_default();
    let optimized = matches!(set("OPT_LEVEL").as_str(), "2" | "3");
    let fits = matches!(set("CARGO_CFG_TARGET_ARCH").as_str(), "x86_64" | "aarch64");
    if optimized && fits && set("TYPHON_LOOPED") != "1" {
        println!("cargo::rustc-cfg=threaded");
    }
}
