//! docs/jit.md's example is what happens.
//!
//! `TYPHON_BLESS=1 cargo test -p typhon-jit --test all document` writes it anew.

use crate::harness::run_in;
use std::fs;
use std::path::Path;
use typhon_jit::journal::{Fate, Note};
use typhon_jit::{Params, Process};

/// The text between the fences behind a mark, and where it lies.
fn block(text: &str, mark: &str) -> (usize, usize) {
    let mark = text.find(&format!("<!-- {mark} -->")).expect("the document has this mark");
    let begin = mark + text[mark..].find("```").expect("a fence");
    let begin = begin + text[begin..].find('\n').expect("a line") + 1;
    (begin, begin + text[begin..].find("```").expect("the other fence"))
}

#[test]
fn the_documents_example_is_what_happens() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/jit.md");
    let text = fs::read_to_string(&file).expect("the document");
    let (begin, end) = block(&text, "program");
    let params = Params { loop_hot: 12, exit_hot: 4, ..Params::DEFAULT };
    let process = Process::watched(params).expect("this machine has a code generator");
    run_in(&text[begin..end], Some(process.clone()));
    let mut traces = Vec::new();
    process.journal().expect("it is watched").each(|note: &Note| {
        if let Fate::Compiled { before, variant } = &note.fate {
            traces.push((note.bridge, before.to_string(), variant.executor.tree.trunk.to_string()));
        }
    });
    let (_, recorded, optimized) = traces.iter().find(|(bridge, ..)| !bridge).expect("a loop");
    let (_, _, bridge) = traces.iter().find(|(bridge, ..)| *bridge).expect("a bridge");
    let mut now = text.clone();
    for (mark, made) in [("recorded", recorded), ("optimized", optimized), ("bridge", bridge)] {
        let (begin, end) = block(&now, mark);
        now.replace_range(begin..end, made);
    }
    if std::env::var_os("TYPHON_BLESS").is_some() {
        fs::write(&file, now).expect("the document is written");
    } else {
        assert_eq!(text, now, "docs/jit.md shows something else");
    }
}
