//! Prints code as a Python literal, for tools that execute or inspect it outside.

use std::fmt::Write;
use typhon_compiler::{Mode, Options, compile};
use typhon_isa::{Code, Const};

fn text(s: &str) -> String {
    bytes("s", s.as_bytes())
}

fn bytes(tag: &str, b: &[u8]) -> String {
    let hex: String = b.iter().map(|b| format!("{b:02x}")).collect();
    format!("({tag:?},{hex:?})")
}

fn constant(c: &Const) -> String {
    let all = |items: &[Const]| items.iter().map(|c| constant(c) + ",").collect::<String>();
    match c {
        Const::None => "None".into(),
        Const::Bool(b) => if *b { "True" } else { "False" }.into(),
        Const::Ellipsis => "...".into(),
        Const::Int(i) => i.to_string(),
        Const::BigInt { negative, magnitude } => {
            format!("('i',{negative},{:?})", bytes("", magnitude)).replace("true", "True").replace("false", "False")
        }
        Const::Float(f) => format!("('f',{})", f.to_bits()),
        Const::Complex(r, i) => format!("('c',{},{})", r.to_bits(), i.to_bits()),
        Const::Str(s) => bytes("s", s),
        Const::Bytes(b) => bytes("b", b),
        Const::Tuple(t) => format!("('t',[{}])", all(t)),
        Const::FrozenSet(t) => format!("('z',[{}])", all(t)),
        Const::Slice(t) => format!("('l',[{}])", all(&**t)),
        Const::Code(code) => format!("('k',{})", dump(code)),
    }
}

fn dump(code: &Code) -> String {
    let mut out = String::from("{");
    let _ = write!(out, "'name':{},'qualname':{},'flags':{},", text(&code.name), text(&code.qualname), code.flags);
    let _ = write!(out, "'args':({},{},{}),", code.arg_count, code.posonly_count, code.kwonly_count);
    let _ = write!(out, "'regs':{},'line':{},'locals':[", code.register_count, code.first_line);
    for l in &code.locals {
        let _ = write!(out, "({},'{:?}'),", text(&l.name), l.kind);
    }
    out.push_str("],'words':[");
    code.words.iter().for_each(|w| out.push_str(&format!("{},", w.0)));
    out.push_str("],'consts':[");
    code.consts.iter().for_each(|c| out.push_str(&(constant(c) + ",")));
    out.push_str("],'names':[");
    code.names.iter().for_each(|n| out.push_str(&(text(n) + ",")));
    out.push_str("],'handlers':[");
    for h in &code.handlers {
        let _ = write!(out, "({},{},{},{}),", h.start, h.end, h.target, h.depth);
    }
    out.push_str("],'lines':[");
    code.positions.iter().for_each(|p| out.push_str(&format!("({},{}),", p.start, p.line)));
    out.push_str("]}");
    out
}

fn main() {
    let mut args = std::env::args().skip(1);
    let Some(first) = args.next() else { return };
    if first == "--opcodes" {
        for op in typhon_isa::opcode::OPCODES {
            println!("{} {}", op.info().name, op.extra());
        }
        return;
    }
    let source = std::fs::read_to_string(&first).unwrap_or_default();
    match compile(&source, &Options::new(Mode::Exec, first.as_str())) {
        Ok(done) => println!("{}", dump(&done.code)),
        Err(error) => eprintln!("{error}"),
    }
}
