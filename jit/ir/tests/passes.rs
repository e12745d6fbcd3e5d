//! Text to text: what each pass makes of a trace. `tests/opt/NAME.ir` holds a trace, a line of dashes, and what becomes of it.
//!
//! `TYPHON_BLESS=1 cargo test -p typhon-jit-ir --test passes` writes the second half anew, for a look at the difference.

use std::fs;
use std::path::Path;
use typhon_jit_ir::parse::parse;
use typhon_jit_ir::{Trace, opt};

const RULE: &str = "----\n";

#[test]
fn passes_make_what_the_files_say() {
    let bless = std::env::var_os("TYPHON_BLESS").is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/opt");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for entry in fs::read_dir(folder).expect("the folder of cases") {
        let path = entry.expect("an entry of the folder").path();
        let text = fs::read_to_string(&path).expect("a case");
        let (before, after) = text.split_once(RULE).unwrap_or((&text, ""));
        let trace = parse(before).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let made = passes(before).fold(trace, |trace, pass| pass(&trace)).to_string();
        seen += 1;
        if bless {
            fs::write(&path, format!("{before}{RULE}{made}")).expect("the case is written");
        } else if parse(after).map(|trace| trace.to_string()).as_ref() != Ok(&made) {
            wrong.push(format!("{}: now\n{made}instead of\n{after}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 10);
}

type Run = Box<dyn Fn(&Trace) -> Trace>;

/// The passes that a case's line `// run: ...` names.
fn passes(text: &str) -> impl Iterator<Item = Run> {
    let line = text.lines().find_map(|line| line.strip_prefix("// run:")).expect("a line that says what to run");
    line.split_whitespace().map(|name| -> Run {
        if name == "pipeline" {
            return Box::new(opt::optimize);
        }
        let pass = opt::find(name).unwrap_or_else(|| panic!("there is no pass {name}"));
        Box::new(move |trace| pass.run(trace))
    })
}

#[test]
fn every_pass_has_a_case() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/opt");
    let cases = fs::read_dir(folder).expect("the folder of cases");
    let texts: Vec<String> = cases.map(|e| fs::read_to_string(e.expect("an entry").path()).expect("a case")).collect();
    for pass in opt::PASSES.iter() {
        assert!(texts.iter().any(|text| text.contains(&format!("// run: {}", pass.name))), "{} has no case", pass.name);
    }
}
