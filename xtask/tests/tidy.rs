//! The house is tidy.

#[test]
fn no_rule_is_broken() {
    let broken = xtask::tidy::check(&xtask::root()).expect("the sources can be read");
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}
