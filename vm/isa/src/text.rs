//! The text form of code: one line an instruction.

use crate::{code::Code, constant::Const, opcode::*, word::*};
use std::fmt::Write;

/// Disassembles `code` and, after it, the code objects among its constants.
pub fn disassemble(code: &Code) -> String {
    let mut out = String::new();
    write_code(code, &mut out);
    out
}

fn write_code(code: &Code, out: &mut String) {
    let _ = writeln!(
        out,
        "code {} ({}:{}), {} registers",
        code.qualname, code.filename, code.first_line, code.register_count
    );
    let mut at = 0;
    let mut line = 0;
    while at < code.words.len() {
        let word = code.words[at];
        let Some(op) = Opcode::from_u8(word.op()) else {
            let _ = writeln!(out, "{at:5} ??? {:#x}", word.0);
            at += 1;
            continue;
        };
        let position = code.position(at as u32);
        let mark = if position.line != line { position.line.to_string() } else { String::new() };
        line = position.line;
        let _ = writeln!(out, "{mark:>5} {at:5} {}", instruction(code, at, op));
        at += 1 + op.extra();
    }
    for h in &code.handlers {
        let _ = writeln!(out, "      {}..{} -> {} at r{}", h.start, h.end, h.target, h.depth);
    }
    for constant in &code.consts {
        if let Const::Code(inner) = constant {
            out.push('\n');
            write_code(inner, out);
        }
    }
}

/// The text of the instruction at `at`.
pub fn instruction(code: &Code, at: usize, op: Opcode) -> String {
    let word = code.words[at];
    let info = op.info();
    let mut out = format!("{:<18}", info.name);
    let regs = [word.a(), word.b(), word.c()];
    let kills = [KILL_A, KILL_B, KILL_C];
    for (i, letter) in info.operands.iter().enumerate() {
        let register = |r: usize| match code.locals.get(r) {
            Some(local) => local.name.to_string(),
            None if r == NO_REG as usize => "-".to_string(),
            None => format!("r{r}"),
        };
        match *letter {
            "d" | "u" | "m" | "w" => out.push_str(&register(regs[i])),
            "s" => {
                out.push_str(&register(regs[i]));
                if word.x() & kills[i] != 0 {
                    out.push('!');
                }
            }
            "n" => out.push_str(code.names.get(regs[i]).map_or("?", |n| n)),
            "i" if info.operands[1] == "i" && i == 1 => out.push_str(&word.bc().to_string()),
            "i" if info.operands[1] == "i" => continue,
            "i" => out.push_str(&word.imm().to_string()),
            "k" if i == 1 => match code.consts.get(word.bc() as usize) {
                Some(value) => write_const(value, &mut out),
                None => out.push('?'),
            },
            "j" if i == 1 => out.push_str(&format!("-> {}", (at + 1 + op.extra()) as i64 + i64::from(word.bc()))),
            _ => continue,
        }
        out.push(' ');
    }
    match op {
        Opcode::BinaryOp | Opcode::BinaryOpImm => out.push_str(BinaryKind::from_u8(word.kind()).text()),
        Opcode::UnaryOp => out.push_str(UnaryKind::from_u8(word.kind()).text()),
        Opcode::Compare | Opcode::CompareImm => out.push_str(CompareKind::from_u8(word.kind()).text()),
        Opcode::CompareJump | Opcode::CompareImmJump => out.push_str(CompareKind::from_u8(word.kind() & 7).text()),
        _ if word.kind() != 0 => {
            let _ = write!(out, "kind {}", word.kind());
        }
        _ => {}
    }
    if matches!(op, Opcode::CompareJump | Opcode::CompareImmJump | Opcode::ForIter | Opcode::Send) {
        let _ = write!(out, " -> {}", (at + 1 + op.extra()) as i64 + i64::from(code.words[at + 1].low()));
    }
    out.trim_end().to_string()
}

/// A constant in brief: code by its name, strings as text.
fn write_const(value: &Const, out: &mut String) {
    let _ = match value {
        Const::Str(s) => write!(out, "{:?}", String::from_utf8_lossy(s)),
        Const::Bytes(b) => write!(out, "b{:?}", String::from_utf8_lossy(b)),
        Const::Code(code) => write!(out, "<{}>", code.qualname),
        Const::Tuple(items) => {
            out.push('(');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                write_const(item, out);
            }
            out.push(')');
            Ok(())
        }
        Const::Int(i) => write!(out, "{i}"),
        other => write!(out, "{other:?}"),
    };
}
