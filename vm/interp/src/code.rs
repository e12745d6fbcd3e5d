//! code: the Python object behind a code block.

use crate::unit::Unit;
use std::sync::{Arc, OnceLock};
use typhon_isa::{Code, CodeFlags, LocalKind};
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, def, getter};
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, convert, payload, strs, tuple};

/// A code object.
#[repr(C)]
pub struct CodeObject {
    header: Header,
    /// The code.
    pub code: Arc<Code>,
    unit: OnceLock<Arc<Unit>>,
}

typhon_object::payload!(CodeObject => CODE);

impl CodeObject {
    /// This isolate's working copy, made on the first request.
    pub fn unit(&self, t: &Thread) -> Res<&Arc<Unit>> {
        if let Some(unit) = self.unit.get() {
            return Ok(unit);
        }
        let unit = Unit::of(t, &self.code)?;
        Ok(self.unit.get_or_init(|| unit))
    }

    /// Whether that has been made.
    pub(crate) fn has_unit(&self) -> bool {
        self.unit.get().is_some()
    }

    /// The same, with its constants and names made.
    fn ready_unit(&self, t: &Thread) -> Res<&Arc<Unit>> {
        let unit = self.unit(t)?;
        unit.ready(t)?;
        Ok(unit)
    }
}

/// A code object's value.
pub fn new_code(t: &Thread, code: &Arc<Code>) -> Res {
    payload::new(t, |header| CodeObject { header, code: Arc::clone(code), unit: OnceLock::new() })
}

/// code.
pub static CODE: TypeDef = TypeDef {
    name: "code",
    doc: "Create a code object.  Not for mere mortals.",
    id: typhon_object::ids::CODE,
    // As in CPython: what it holds refers to nothing that could lead back.
    flags: flag::NO_NEW | flag::WEAKREFS | flag::ATOMIC,
    slots: Slots { repr: Some(repr), compare: Some(compare), hash: Some(hash), ..Slots::NONE },
    getset: GETSET,
    methods: &[
        def(
            "co_lines",
            "($self, /)",
            |t, a| crate::code_iter::lines(t, me(&a[0])),
            "Return an iterator over (start, end, line) of the code.",
        ),
        def(
            "co_positions",
            "($self, /)",
            |t, a| crate::code_iter::positions(t, me(&a[0])),
            "Return an iterator over the source positions of the code.",
        ),
        def(
            "co_branches",
            "($self, /)",
            |t, a| crate::code_iter::branches(t, me(&a[0])),
            "Return an iterator over the branches of the code.",
        ),
        def(
            "_varname_from_oparg",
            "($self, /, oparg)",
            varname,
            "(internal-only) Return the local variable name for oparg.",
        ),
        def(
            "replace",
            "($self, /, **changes)",
            replace,
            "Return a copy of the code object with new values for the specified fields.",
        ),
        def("__replace__", "($self, /, **changes)", replace, "The same as replace()."),
        def("__sizeof__", "($self, /)", |_, a| Ok(convert::from_usize(256 + 8 * me(&a[0]).words.len())), ""),
    ],
    ..TypeDef::of::<CodeObject>()
};

fn me(v: &Value) -> &Arc<Code> {
    &v.expect::<CodeObject>().code
}

const GETSET: &[GetSetDef] = &[
    getter("co_name", |t, v| strs::new(t, &me(v).name), ""),
    getter("co_qualname", |t, v| strs::new(t, &me(v).qualname), ""),
    getter("co_filename", |t, v| strs::new(t, &me(v).filename), ""),
    getter("co_firstlineno", |_, v| Ok(Value::small(i64::from(me(v).first_line))), ""),
    getter("co_flags", |_, v| Ok(Value::small(i64::from(me(v).flags))), ""),
    getter("co_argcount", |_, v| Ok(Value::small(i64::from(me(v).arg_count))), ""),
    getter("co_posonlyargcount", |_, v| Ok(Value::small(i64::from(me(v).posonly_count))), ""),
    getter("co_kwonlyargcount", |_, v| Ok(Value::small(i64::from(me(v).kwonly_count))), ""),
    getter("co_nlocals", |t, v| Ok(convert::from_usize(varnames(t, v)?.len())), ""),
    getter("co_stacksize", |_, v| Ok(convert::from_usize(me(v).register_count as usize - me(v).locals.len())), ""),
    getter("co_varnames", |t, v| tuple::from_vec(t, varnames(t, v)?), ""),
    getter("co_cellvars", |t, v| of_kind(t, v, LocalKind::Cell), ""),
    getter("co_freevars", |t, v| of_kind(t, v, LocalKind::Free), ""),
    getter("co_names", |t, v| texts(t, me(v).names.iter().map(|n| &**n)), ""),
    getter("co_consts", |t, v| tuple::new(t, v.expect::<CodeObject>().ready_unit(t)?.consts()), ""),
    getter("co_code", bytes_of_words, ""),
    getter("_co_code_adaptive", bytes_of_words, ""),
    getter("co_linetable", |t, _| typhon_object::types::bytes::new(t, b""), ""),
    getter("co_exceptiontable", |t, _| typhon_object::types::bytes::new(t, b""), ""),
];

fn texts<'a>(t: &Thread, names: impl Iterator<Item = &'a str>) -> Res {
    let names = names.map(|n| strs::new(t, n)).collect::<Res<Vec<_>>>()?;
    tuple::from_vec(t, names)
}

fn varnames(t: &Thread, v: &Value) -> Res<Vec<Value>> {
    me(v)
        .locals
        .iter()
        .filter(|l| l.is_arg || matches!(l.kind, LocalKind::Local | LocalKind::Hidden))
        .map(|l| strs::new(t, &l.name))
        .collect()
}

fn of_kind(t: &Thread, v: &Value, kind: LocalKind) -> Res {
    texts(t, me(v).locals.iter().filter(|l| l.kind == kind).map(|l| &*l.name))
}

fn bytes_of_words(t: &Thread, v: &Value) -> Res {
    let bytes: Vec<u8> = me(v).words.iter().flat_map(|w| w.0.to_le_bytes()).collect();
    typhon_object::types::bytes::new(t, &bytes)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let c = me(v);
    strs::new(
        t,
        &format!("<code object {} at {:#x}, file \"{}\", line {}>", c.name, v.id(), c.filename, c.first_line.max(1)),
    )
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<CodeObject>(), b.downcast::<CodeObject>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let same = Arc::ptr_eq(&x.code, &y.code) || same_code(&x.code, &y.code);
    Ok(match op {
        CompareOp::Eq => Value::bool(same),
        CompareOp::Ne => Value::bool(!same),
        _ => Value::NOT_IMPLEMENTED,
    })
}

/// Equality ignores the file name and, as in CPython, compares nested code by value.
fn same_code(x: &Code, y: &Code) -> bool {
    x.name == y.name
        && x.first_line == y.first_line
        && x.flags == y.flags
        && (x.arg_count, x.posonly_count, x.kwonly_count) == (y.arg_count, y.posonly_count, y.kwonly_count)
        && x.locals == y.locals
        && x.words == y.words
        && x.names == y.names
        && x.handlers == y.handlers
        && x.consts.len() == y.consts.len()
        && x.consts.iter().zip(&y.consts).all(|(a, b)| match (a, b) {
            (typhon_isa::Const::Code(a), typhon_isa::Const::Code(b)) => same_code(a, b),
            (a, b) => a == b,
        })
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let c = me(v);
    let name = strs::new(t, &c.name)?;
    let h = typhon_object::ops::hash(t, &name)?;
    // A multiple of an odd number keeps neighbouring lines apart.
    let line = i64::from(c.first_line).wrapping_mul(1_000_003);
    Ok((h ^ line ^ (c.words.len() as i64) << 8) & (i64::MAX - 1))
}

fn varname(t: &Thread, a: &[Value]) -> Res {
    let i = convert::to_isize(t, &a[1])?;
    match usize::try_from(i).ok().and_then(|i| me(&a[0]).locals.get(i)) {
        Some(local) => strs::new(t, &local.name),
        None => Err(typhon_object::error::index_error(t, "tuple index out of range")),
    }
}

fn replace(t: &Thread, a: &[Value]) -> Res {
    let mut code = Code::clone(me(&a[0]));
    let Some(changes) = a[1].opt() else { return new_code(t, &Arc::new(code)) };
    for (key, value) in typhon_object::dict::Dict::of(changes).items() {
        let key = strs::display(&key);
        let text = || -> Res<Arc<str>> { Ok(convert::to_text(t, &value, "replace", &key)?.into()) };
        match key.as_str() {
            "co_name" => code.name = text()?,
            "co_qualname" => code.qualname = text()?,
            "co_filename" => code.filename = text()?,
            "co_firstlineno" => code.first_line = convert::to_i32(t, &value)?.max(0) as u32,
            "co_flags" => {
                // Flags that decide how the body runs cannot change; markers such as CO_ITERABLE_COROUTINE can.
                let fixed = CodeFlags::VARARGS | CodeFlags::VARKEYWORDS | CodeFlags::GENERATOR | CodeFlags::COROUTINE;
                let new = convert::to_i32(t, &value)? as u32;
                code.flags = (code.flags & fixed) | (new & !fixed);
            }
            "co_consts" | "co_names" | "co_varnames" | "co_code" | "co_linetable" | "co_exceptiontable"
            | "co_freevars" | "co_cellvars" | "co_argcount" | "co_posonlyargcount" | "co_kwonlyargcount"
            | "co_nlocals" | "co_stacksize" => {
                return Err(typhon_object::error::value_error(
                    t,
                    format_args!("code.replace() cannot change {key}: Typhon's bytecode is not CPython's"),
                ));
            }
            _ => {
                return Err(typhon_object::error::type_error(
                    t,
                    format_args!("replace() got an unexpected keyword argument '{key}'"),
                ));
            }
        }
    }
    new_code(t, &Arc::new(code))
}
