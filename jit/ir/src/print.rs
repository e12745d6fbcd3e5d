//! A trace as text. Instructions are numbered in order, and a snapshot stands before its first use.

use crate::arg::{Arg, Const, Ty, Var};
use crate::op::Form;
use crate::snapshot::{Snap, SnapId, Src};
use crate::trace::{End, Imm, Inst, Trace};
use crate::word::Word;
use std::fmt::{self, Display, Formatter, Write};

impl Display for Trace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut printer = Printer {
            trace: self,
            names: vec![None; self.insts.len()],
            next: 0,
            snaps: vec![None; self.snaps.len()],
            next_snap: 0,
        };
        let text = printer.trace().map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

struct Printer<'t> {
    trace: &'t Trace,
    names: Vec<Option<u32>>,
    next: u32,
    snaps: Vec<Option<u32>>,
    next_snap: u32,
}

impl Printer<'_> {
    fn trace(&mut self) -> Result<String, fmt::Error> {
        let mut out = String::from("trace (");
        for (i, v) in self.trace.inputs.iter().enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            let name = self.define(*v);
            write!(out, "{comma}%{name}: {}", self.trace.inst(*v).ty.name())?;
        }
        out.push_str(") {\n");
        for v in &self.trace.head {
            self.inst(&mut out, *v)?;
        }
        if let Some(looped) = &self.trace.looped {
            let inits: Vec<String> = looped.params.iter().map(|(_, init)| self.arg(*init)).collect();
            out.push_str("loop (");
            for (i, ((v, _), init)) in looped.params.iter().zip(inits).enumerate() {
                let comma = if i > 0 { ", " } else { "" };
                let name = self.define(*v);
                write!(out, "{comma}%{name}: {} = {init}", self.trace.inst(*v).ty.name())?;
            }
            out.push_str(")\n");
            for v in &looped.body {
                self.inst(&mut out, *v)?;
            }
        }
        match &self.trace.end {
            End::Again(args) if args.is_empty() => out.push_str("  again\n"),
            End::Again(args) => writeln!(out, "  again {}", self.args(args))?,
            End::Join(args) => writeln!(out, "  join {}", self.args(args))?,
            End::Over(rounds) => writeln!(out, "  over {}", self.arg(*rounds))?,
            End::Leave(id) => {
                self.snap(&mut out, *id)?;
                writeln!(out, "  leave s{}", self.snap_name(*id))?;
            }
        }
        out.push_str("}\n");
        Ok(out)
    }

    fn define(&mut self, v: Var) -> u32 {
        let name = self.next;
        self.next += 1;
        self.names[v.index()] = Some(name);
        name
    }

    fn inst(&mut self, out: &mut String, v: Var) -> fmt::Result {
        let inst = self.trace.inst(v).clone();
        if let Some(id) = inst.exit {
            self.snap(out, id)?;
        }
        let body = self.body(&inst);
        out.push_str("  ");
        if inst.ty != Ty::Unit {
            let name = self.define(v);
            write!(out, "%{name}: {} = ", inst.ty.name())?;
        }
        out.push_str(&body);
        if let Some(id) = inst.exit {
            write!(out, " else s{}", self.snap_name(id))?;
        }
        out.push('\n');
        Ok(())
    }

    fn body(&self, inst: &Inst) -> String {
        let name = inst.op.name();
        let (first, rest) = inst.args.split_first().map_or((String::new(), &[][..]), |(a, b)| (self.arg(*a), b));
        let more = |rest: &[Arg]| if rest.is_empty() { String::new() } else { format!(", {}", self.args(rest)) };
        match (inst.op.form(), inst.imm) {
            (Form::Mem, Imm::Mem(class, off)) => format!("{name} {} {first}{off:+}{}", class.name(), more(rest)),
            (Form::Index, Imm::Mem(class, off)) => {
                let (index, rest) = rest.split_first().map_or((String::new(), &[][..]), |(a, b)| (self.arg(*a), b));
                format!("{name} {} {first}[{index}]{off:+}{}", class.name(), more(rest))
            }
            (_, Imm::New(shape, size)) => format!("{name} {shape} {size} {first}"),
            (_, Imm::Call(helper)) => format!("{name} {}({})", helper.name(), self.args(&inst.args)),
            _ => format!("{name} {}", self.args(&inst.args)).trim_end().to_string(),
        }
    }

    fn args(&self, args: &[Arg]) -> String {
        args.iter().map(|arg| self.arg(*arg)).collect::<Vec<_>>().join(", ")
    }

    /// An operand. One that is defined later, which the verifier complains of, is shown by its index.
    fn arg(&self, arg: Arg) -> String {
        match arg {
            Arg::Const(c) => constant(c),
            Arg::Var(v) => match self.names[v.index()] {
                Some(name) => format!("%{name}"),
                None => format!("%undefined.{}", v.0),
            },
        }
    }

    fn snap_name(&self, id: SnapId) -> String {
        self.snaps[id.index()].map_or_else(|| format!("undefined.{}", id.0), |name| name.to_string())
    }

    fn snap(&mut self, out: &mut String, id: SnapId) -> fmt::Result {
        if self.snaps[id.index()].is_some() {
            return Ok(());
        }
        let snap = self.trace.snap(id).clone();
        if let Some(parent) = snap.parent {
            self.snap(out, parent)?;
        }
        let name = self.next_snap;
        self.next_snap += 1;
        self.snaps[id.index()] = Some(name);
        write!(out, "  snap s{name}")?;
        if let Some(parent) = snap.parent {
            write!(out, " < s{}", self.snap_name(parent))?;
        }
        for place in &snap.frames {
            write!(out, " @{}:{}", place.code, place.offset)?;
            if place.what != 0 {
                write!(out, ":{}", place.what)?;
            }
        }
        self.slots(out, &snap)?;
        out.push('\n');
        Ok(())
    }

    fn slots(&self, out: &mut String, snap: &Snap) -> fmt::Result {
        let source = |src: &Src| match src {
            Src::Arg(arg) => self.arg(*arg),
            Src::Raw(arg) => format!("raw {}", self.arg(*arg)),
            Src::Virtual(i) => format!("&{i}"),
        };
        for (slot, src) in &snap.slots {
            let frame = if slot.frame == 0 { String::new() } else { format!("{}.", slot.frame) };
            write!(out, " r{frame}{}={}", slot.reg, source(src))?;
        }
        for v in &snap.virtuals {
            write!(out, " new {} {} x{} {{", v.shape, v.size, v.refs)?;
            for (i, (class, off, src)) in v.fields.iter().enumerate() {
                let space = if i > 0 { " " } else { "" };
                write!(out, "{space}{}{off:+}={}", class.name(), source(src))?;
            }
            out.push('}');
        }
        for arg in &snap.owes {
            write!(out, " owe {}", self.arg(*arg))?;
        }
        Ok(())
    }
}

/// A constant's text.
pub fn constant(c: Const) -> String {
    match c {
        Const::Int(i) => i.to_string(),
        Const::Flt(bits) if f64::from_bits(bits).is_finite() => format!("{:?}", f64::from_bits(bits)),
        Const::Flt(bits) => format!("f:{bits:#x}"),
        Const::Val(Word::NONE) => "None".into(),
        Const::Val(Word::TRUE) => "True".into(),
        Const::Val(Word::FALSE) => "False".into(),
        Const::Val(w) => format!("w:{:#x}", w.0),
        Const::Ptr(p) => format!("p:{p:#x}"),
        Const::Bool(b) => b.to_string(),
    }
}
