//! The page for a browser: whole, and safe whatever a program's names are.

use crate::harness::run_in;
use std::collections::BTreeSet;
use typhon_jit::{Params, Process};

const PROGRAM: &str = "
def f(n):
    s = 0
    for i in range(n):
        if i % 3:
            s += i
        else:
            s -= 1
    return s
g = lambda n: [i for i in range(n) if i & 1]
print(f(20000), len(g(20000)))
";

/// What stands between a mark and the next quote, for each mark.
fn quoted<'t>(text: &'t str, mark: &str) -> Vec<&'t str> {
    text.split(mark).skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect()
}

fn page() -> String {
    let process = Process::watched(Params::DEFAULT).expect("this machine has a code generator");
    run_in(PROGRAM, Some(process.clone()));
    process.journal().expect("it is watched").page("traces of <it> & \"that\"").to_string()
}

#[test]
fn the_page_is_whole_and_its_links_lead_somewhere() {
    let page = page();
    let ids: BTreeSet<&str> = quoted(&page, " id=\"").into_iter().collect();
    let links = quoted(&page, "href=\"#");
    assert!(!links.is_empty(), "an exit of f has a bridge:\n{page}");
    for link in links {
        assert!(ids.contains(link), "{link} is nowhere");
    }
    for tag in ["details", "table", "pre", "summary", "tr"] {
        let begun = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(begun, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    for part in ["recorded</summary>", "optimized</summary>", "machine code</summary>", "bridge in <i>f</i>"] {
        assert!(page.contains(part), "no {part}");
    }
    let elsewhere = ["src=", "http:", "https:", "@import", "url("];
    assert!(elsewhere.iter().all(|way| !page.contains(way)), "it asks somebody");
}

#[test]
fn names_are_shown_and_are_no_tags() {
    let page = page();
    assert!(page.contains("<title>traces of &lt;it&gt; &amp; &quot;that&quot;</title>"));
    assert!(page.contains("loop in <i>&lt;lambda&gt;</i>"), "{page}");
    assert_eq!(page.matches("<script>").count(), 1, "the page's own");
}
