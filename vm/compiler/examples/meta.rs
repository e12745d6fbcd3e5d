//! Prints what a code object says of itself and the ranges of its instructions, for comparison with CPython.

use typhon_compiler::{Mode, Options, compile};
use typhon_isa::word::NO_REG;
use typhon_isa::{Code, Const, LocalKind, Opcode};

fn category(op: Opcode) -> Option<&'static str> {
    Some(match op {
        Opcode::Call | Opcode::CallMethod | Opcode::CallKw | Opcode::CallEx => "call",
        Opcode::LoadAttr | Opcode::LoadMethod | Opcode::LoadSuperAttr | Opcode::LoadSuperMethod => "attr",
        Opcode::StoreAttr => "store_attr",
        Opcode::BinaryOp | Opcode::BinaryOpImm => "binary",
        Opcode::GetItem | Opcode::GetItemImm | Opcode::GetSlice => "getitem",
        Opcode::SetItem | Opcode::SetSlice => "setitem",
        Opcode::DelItem => "delitem",
        Opcode::LoadGlobal => "global",
        Opcode::LoadName => "name",
        Opcode::Compare | Opcode::CompareImm | Opcode::CompareJump | Opcode::CompareImmJump => "compare",
        Opcode::Contains => "contains",
        Opcode::GetIter => "iter",
        Opcode::ForIter => "next",
        Opcode::UnpackSequence | Opcode::UnpackEx => "unpack",
        Opcode::Raise => "raise",
        Opcode::ImportName => "import",
        Opcode::ImportFrom => "from",
        Opcode::DeleteAttr => "delattr",
        Opcode::LoadSpecial => "special",
        Opcode::Yield => "yield",
        Opcode::LoadDeref | Opcode::LoadClassDeref => "deref",
        Opcode::FormatValue => "format",
        Opcode::CheckExc => "checkexc",
        Opcode::StoreName => "store_name",
        Opcode::StoreGlobal => "store_global",
        Opcode::MakeFunction => "function",
        _ => return None,
    })
}

fn dump(code: &Code) {
    let names = |kinds: &[LocalKind]| {
        let mut names: Vec<&str> = code.locals.iter().filter(|l| kinds.contains(&l.kind)).map(|l| &*l.name).collect();
        names.sort();
        names.dedup();
        names.join(",")
    };
    println!(
        "CODE\t{}\t{}\t{}\t{:x}\t{},{},{}\t{}\t{}",
        code.qualname,
        code.name,
        code.first_line,
        code.flags,
        code.arg_count,
        code.posonly_count,
        code.kwonly_count,
        names(&[LocalKind::Free]),
        names(&[LocalKind::Cell]),
    );
    let mut at = 0;
    while at < code.words.len() {
        let Some(op) = Opcode::from_u8(code.words[at].op()) else { break };
        if let Some(category) = category(op) {
            let p = code.position(at as u32);
            let number = |n: u32| if n == u32::from(NO_REG) { 0 } else { n };
            println!("OP\t{category}\t{},{},{},{}", p.line, p.end_line, p.col, number(p.end_col));
        }
        at += 1 + op.extra();
    }
    for c in &code.consts {
        if let Const::Code(inner) = c {
            dump(inner);
        }
    }
}

fn main() {
    for path in std::env::args().skip(1) {
        let Ok(source) = std::fs::read_to_string(&path) else { continue };
        println!("FILE\t{path}");
        match compile(&source, &Options::new(Mode::Exec, path.as_str())) {
            Ok(done) => dump(&done.code),
            Err(error) => println!("ERROR\t{error}"),
        }
    }
}
