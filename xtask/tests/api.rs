//! The API reference is what the protocol says.

use xtask::{api, root};

#[test]
fn the_reference_is_current() {
    let page = api::page(&root()).expect("the descriptors can be read");
    let there = std::fs::read_to_string(root().join(api::PAGE)).unwrap_or_default();
    assert!(page == there, "{} is out of date: cargo xtask api", api::PAGE);
}

#[test]
fn every_method_and_field_has_its_place() {
    let page = api::page(&root()).expect("the descriptors can be read");
    for wanted in [
        "## ExecutionService",
        "| `Interact` | stream of [InteractRequest]",
        "### Interrupt.Mode",
        "map of string to [Value]",
    ] {
        assert!(page.contains(wanted), "{wanted}");
    }
    // Every link leads somewhere.
    let anchors: Vec<String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(|name| name.to_ascii_lowercase().replace('.', ""))
        .collect();
    for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
        assert!(anchors.iter().any(|anchor| anchor == link), "#{link}");
    }
}
