//! A trace from text. Names may be anything; numbers need not be in order.

use crate::arg::{Arg, Const, Ty, Var};
use crate::build::Builder;
use crate::helper::Helper;
use crate::op::{Form, Op};
use crate::snapshot::{Place, Slot, Snap, SnapId, Src, Virtual};
use crate::trace::{Args, End, Imm, Inst, Trace};
use crate::word::Word;
use crate::{Alias, verify};
use rustc_hash::FxHashMap;

/// What is wrong with a text.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// The trace that a text describes, verified.
pub fn parse(text: &str) -> Result<Trace, ParseError> {
    let mut parser =
        Parser { line: "", number: 0, new: Builder::new(), vars: FxHashMap::default(), snaps: FxHashMap::default() };
    let mut end = None;
    for (i, line) in text.lines().enumerate() {
        parser.number = i + 1;
        parser.line = line.split("//").next().unwrap_or_default().trim();
        if !parser.line.is_empty() && parser.line != "}" {
            if end.is_some() {
                return parser.fail("nothing comes behind the end");
            }
            end = parser.statement()?;
        }
    }
    let Some(end) = end else { return parser.fail("a trace ends with `again` or `leave`") };
    let number = parser.number;
    let trace = parser.new.finish(end);
    verify::verify(&trace).map_err(|what| ParseError { line: number, what: what.to_string() })?;
    Ok(trace)
}

struct Parser<'s> {
    /// What is left of the line.
    line: &'s str,
    number: usize,
    new: Builder,
    vars: FxHashMap<&'s str, Var>,
    snaps: FxHashMap<&'s str, SnapId>,
}

type Parsed<T> = Result<T, ParseError>;

impl<'s> Parser<'s> {
    fn fail<T>(&self, what: impl Into<String>) -> Parsed<T> {
        Err(ParseError { line: self.number, what: what.into() })
    }

    /// Takes `token` if it comes next.
    fn has(&mut self, token: &str) -> bool {
        let rest = self.line.strip_prefix(token);
        if let Some(rest) = rest {
            self.line = rest.trim_start();
        }
        rest.is_some()
    }

    fn expect(&mut self, token: &str) -> Parsed<()> {
        if self.has(token) { Ok(()) } else { self.fail(format!("expected `{token}` before `{}`", self.line)) }
    }

    /// Takes a word: letters, digits, and what else names and numbers are made of.
    fn word(&mut self) -> Parsed<&'s str> {
        let end = self.line.find(|c: char| !(c.is_alphanumeric() || "_.:".contains(c))).unwrap_or(self.line.len());
        if end == 0 {
            return self.fail(format!("expected a word before `{}`", self.line));
        }
        let (word, rest) = self.line.split_at(end);
        self.line = rest.trim_start();
        Ok(word)
    }

    fn number<T: std::str::FromStr>(&mut self) -> Parsed<T> {
        let minus = if self.has("-") { "-" } else { "" };
        let word = self.word()?;
        format!("{minus}{word}").parse().or_else(|_| self.fail(format!("`{word}` is no such number")))
    }

    fn statement(&mut self) -> Parsed<Option<End>> {
        if self.has("trace (") {
            while !self.has(")") {
                let (name, ty) = self.typed()?;
                let v = self.new.input(ty);
                self.vars.insert(name, v);
                self.has(",");
            }
            self.expect("{")?;
        } else if self.has("loop (") {
            self.looped()?;
        } else if self.has("snap ") {
            self.snap()?;
        } else if self.has("again") {
            return Ok(Some(End::Again(self.rest()?)));
        } else if self.has("join ") {
            return Ok(Some(End::Join(self.rest()?)));
        } else if self.has("over ") {
            return Ok(Some(End::Over(self.arg()?)));
        } else if self.has("leave ") {
            return Ok(Some(End::Leave(self.snap_name()?)));
        } else {
            self.inst()?;
        }
        if self.line.is_empty() { Ok(None) } else { self.fail(format!("what is `{}`?", self.line)) }
    }

    /// Operands to the end of the line.
    fn rest(&mut self) -> Parsed<Vec<Arg>> {
        let mut args = Vec::new();
        while !self.line.is_empty() {
            args.push(self.arg()?);
            self.has(",");
        }
        Ok(args)
    }

    fn looped(&mut self) -> Parsed<()> {
        let mut params = Vec::new();
        while !self.has(")") {
            let (name, ty) = self.typed()?;
            self.expect("=")?;
            params.push((name, ty, self.arg()?));
            self.has(",");
        }
        self.new.begin_loop();
        for (name, ty, init) in params {
            let v = self.new.param(ty, init);
            self.vars.insert(name, v);
        }
        Ok(())
    }

    /// `%name: type`.
    fn typed(&mut self) -> Parsed<(&'s str, Ty)> {
        self.expect("%")?;
        let name = self.word()?;
        let (name, ty) = match name.strip_suffix(':') {
            Some(name) => (name, self.word()?),
            None => return self.fail("expected `: type` behind the name"),
        };
        match Ty::parse(ty) {
            Some(ty) => Ok((name, ty)),
            None => self.fail(format!("`{ty}` is no type")),
        }
    }

    fn inst(&mut self) -> Parsed<()> {
        let target = if self.line.starts_with('%') {
            let target = self.typed()?;
            self.expect("=")?;
            Some(target)
        } else {
            None
        };
        let name = self.word()?;
        let Some(op) = Op::parse(name) else { return self.fail(format!("`{name}` is no operation")) };
        let (args, imm) = self.operands(op)?;
        let exit = if self.has("else ") { Some(self.snap_name()?) } else { None };
        let ty = target.map_or(Ty::Unit, |(_, ty)| ty);
        let v = self.new.push(Inst { op, ty, args, imm, exit });
        if let Some((name, _)) = target {
            self.vars.insert(name, v);
        }
        Ok(())
    }

    fn operands(&mut self, op: Op) -> Parsed<(Args, Imm)> {
        let mut args = Args::new();
        let imm = match op.form() {
            Form::Plain | Form::Param => Imm::None,
            Form::Mem | Form::Index => {
                let class = self.class()?;
                args.push(self.arg()?);
                if op.form() == Form::Index {
                    self.expect("[")?;
                    args.push(self.arg()?);
                    self.expect("]")?;
                }
                let off = self.offset()?;
                self.has(",");
                Imm::Mem(class, off)
            }
            Form::New => Imm::New(self.number()?, self.number()?),
            Form::Call => {
                let name = self.word()?;
                let Some(helper) = Helper::parse(name) else { return self.fail(format!("`{name}` is no helper")) };
                self.expect("(")?;
                while !self.has(")") {
                    args.push(self.arg()?);
                    self.has(",");
                }
                return Ok((args, Imm::Call(helper)));
            }
        };
        while !self.line.is_empty() && !self.line.starts_with("else ") {
            args.push(self.arg()?);
            self.has(",");
        }
        Ok((args, imm))
    }

    fn class(&mut self) -> Parsed<Alias> {
        let name = self.word()?;
        Alias::parse(name).map_or_else(|| self.fail(format!("`{name}` is no class of memory")), Ok)
    }

    fn offset(&mut self) -> Parsed<i32> {
        if self.has("+") || self.line.starts_with('-') { self.number() } else { self.fail("expected an offset") }
    }

    fn arg(&mut self) -> Parsed<Arg> {
        if self.has("%") {
            let name = self.word()?;
            return match self.vars.get(name) {
                Some(v) => Ok((*v).into()),
                None => self.fail(format!("%{name} is not defined here")),
            };
        }
        let minus = self.has("-");
        // `1e-7`: the word ends at the sign.
        let mut word = self.word()?.to_string();
        if word.ends_with('e') && word.starts_with(|c: char| c.is_ascii_digit()) && self.has("-") {
            word = format!("{word}-{}", self.word()?);
        }
        if minus {
            word.insert(0, '-');
        }
        let hex = |prefix: &str| word.strip_prefix(prefix).and_then(|h| u64::from_str_radix(h, 16).ok());
        let c = match word.as_str() {
            "true" => Const::Bool(true),
            "false" => Const::Bool(false),
            "None" => Const::Val(Word::NONE),
            "True" => Const::Val(Word::TRUE),
            "False" => Const::Val(Word::FALSE),
            w => match (hex("w:0x"), hex("p:0x"), hex("f:0x"), w.parse(), w.parse()) {
                (Some(bits), ..) => Const::Val(Word(bits)),
                (_, Some(bits), ..) => Const::Ptr(bits),
                (_, _, Some(bits), ..) => Const::Flt(bits),
                (.., Ok(i), _) => Const::Int(i),
                (.., Ok(x)) => Const::flt(x),
                _ => return self.fail(format!("what is `{w}`?")),
            },
        };
        Ok(c.into())
    }

    fn snap_name(&mut self) -> Parsed<SnapId> {
        let name = self.word()?;
        self.snaps.get(name).map_or_else(|| self.fail(format!("there is no snapshot {name} above")), |id| Ok(*id))
    }

    fn snap(&mut self) -> Parsed<()> {
        let name = self.word()?;
        let mut snap = Snap::default();
        if self.has("<") {
            snap.parent = Some(self.snap_name()?);
        }
        while self.has("@") {
            let word = self.word()?;
            let mut parts = word.split(':');
            let mut number = |none| parts.next().map_or(none, |part| part.parse::<u64>().ok());
            let (Some(code), Some(offset), Some(what)) = (number(None), number(None), number(Some(0))) else {
                return self.fail(format!("`{word}` is no place"));
            };
            let (Ok(code), Ok(offset)) = (code.try_into(), offset.try_into()) else {
                return self.fail(format!("`{word}` is no place"));
            };
            snap.frames.push(Place { code, offset, what });
        }
        while !self.line.is_empty() {
            if self.has("owe ") {
                snap.owes.push(self.arg()?);
            } else if self.has("new ") {
                snap.virtuals.push(self.made()?);
            } else {
                let slot = self.slot()?;
                self.expect("=")?;
                snap.slots.insert(slot, self.src()?);
            }
        }
        let id = self.new.snap(snap);
        self.snaps.insert(name, id);
        Ok(())
    }

    fn slot(&mut self) -> Parsed<Slot> {
        self.expect("r")?;
        let word = self.word()?;
        let (frame, reg) = word.split_once('.').unwrap_or(("0", word));
        match (frame.parse(), reg.parse()) {
            (Ok(frame), Ok(reg)) => Ok(Slot { frame, reg }),
            _ => self.fail(format!("r{word} is no register")),
        }
    }

    fn src(&mut self) -> Parsed<Src> {
        if self.has("&") {
            return Ok(Src::Virtual(self.number()?));
        }
        Ok(if self.has("raw ") { Src::Raw(self.arg()?) } else { Src::Arg(self.arg()?) })
    }

    fn made(&mut self) -> Parsed<Virtual> {
        let (shape, size) = (self.number()?, self.number()?);
        self.expect("x")?;
        let refs = self.number()?;
        self.expect("{")?;
        let mut fields = Vec::new();
        while !self.has("}") {
            let (class, off) = (self.class()?, self.offset()?);
            self.expect("=")?;
            fields.push((class, off, self.src()?));
        }
        Ok(Virtual { shape, size, refs, fields })
    }
}
