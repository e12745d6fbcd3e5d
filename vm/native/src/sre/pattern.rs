//! re.Pattern.

use super::matched;
use super::scanner;
use super::template::{self, Template};
use super::text::{Account, Out, Text};
use std::cell::Cell;
use std::rc::Rc;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::{GetSetDef, MethodDef, def, getter};
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, exceptions, generic_alias, int, mapping_proxy};
use typhon_object::{Thread, Value, attr, buffer, call, convert, ops, payload, type_of};
use typhon_sre::{Marks, Matcher, Program, Spare};

/// A compiled regular expression.
#[repr(C)]
pub(super) struct Pattern {
    header: Header,
    pub(super) pattern: Slot,
    pub(super) groupindex: Slot,
    pub(super) indexgroup: Slot,
    flags: i64,
    /// Whether it was made from bytes; `None` if from neither bytes nor a str.
    is_bytes: Option<bool>,
    pub(super) program: Rc<Program>,
    code: Box<[u32]>,
    /// Memory that the last single match left.
    spare: Cell<Option<Spare>>,
}

typhon_object::payload!(Pattern => PATTERN {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        [&self.pattern, &self.groupindex, &self.indexgroup].iter().for_each(|slot| visit(&slot.get()));
    }
});

/// re.Pattern.
pub(super) static PATTERN: TypeDef = TypeDef {
    name: "re.Pattern",
    doc: "Compiled regular expression object.",
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots { repr: Some(repr), hash: Some(hash), compare: Some(compare), ..Slots::NONE },
    methods: METHODS,
    getset: GETSET,
    ..TypeDef::of::<Pattern>()
};

const METHODS: &[MethodDef] = &[
    def(
        "match",
        "($self, /, string, pos=0, endpos=sys.maxsize)",
        |t, a| find(t, a, Mode::Match),
        "Matches zero or more characters at the beginning of the string.",
    ),
    def(
        "fullmatch",
        "($self, /, string, pos=0, endpos=sys.maxsize)",
        |t, a| find(t, a, Mode::Full),
        "Matches against all of the string.",
    ),
    def(
        "search",
        "($self, /, string, pos=0, endpos=sys.maxsize)",
        |t, a| find(t, a, Mode::Search),
        "Scan through string looking for a match, and return a corresponding match object instance.\n\nReturn None if no position in the string matches.",
    ),
    def(
        "sub",
        "($self, /, repl, string, count=0)",
        |t, a| Ok(substitute(t, a)?.0),
        "Return the string obtained by replacing the leftmost non-overlapping occurrences of pattern in string by the replacement repl.",
    ),
    def(
        "subn",
        "($self, /, repl, string, count=0)",
        |t, a| {
            let (text, count) = substitute(t, a)?;
            tuple::from_array(t, [text, convert::from_usize(count)])
        },
        "Return the tuple (new_string, number_of_subs_made) found by replacing the leftmost non-overlapping occurrences of pattern with the replacement repl.",
    ),
    def(
        "findall",
        "($self, /, string, pos=0, endpos=sys.maxsize)",
        find_all,
        "Return a list of all non-overlapping matches of pattern in string.",
    ),
    def("split", "($self, /, string, maxsplit=0)", split, "Split string by the occurrences of pattern."),
    def(
        "finditer",
        "($self, /, string, pos=0, endpos=sys.maxsize)",
        |t, a| scanner::matches(t, &a[0], span_of(t, a)?),
        "Return an iterator over all non-overlapping matches for the RE pattern in string.\n\nFor each match, the iterator returns a match object.",
    ),
    def(
        "scanner",
        "($self, /, string, pos=0, endpos=sys.maxsize)",
        |t, a| scanner::scanner(t, &a[0], span_of(t, a)?),
        "",
    ),
    def("__copy__", "($self, /)", |_, a| Ok(a[0].clone()), ""),
    def("__deepcopy__", "($self, memo, /)", |_, a| Ok(a[0].clone()), ""),
    def(
        "__class_getitem__",
        "($type, object, /)",
        |t, a| generic_alias::new(t, &a[0], &a[1]),
        "Patterns are generic over the type of string they handle (str or bytes)",
    )
    .class(),
];

const GETSET: &[GetSetDef] = &[
    getter("pattern", |_, v| Ok(this(v).pattern.get()), "The pattern string from which the RE object was compiled."),
    getter("flags", |t, v| convert::from_i64(t, this(v).flags), "The regex matching flags."),
    getter(
        "groups",
        |_, v| Ok(convert::from_usize(this(v).program.groups())),
        "The number of capturing groups in the pattern.",
    ),
    getter(
        "groupindex",
        |t, v| mapping_proxy::new(t, &this(v).groupindex.get()),
        "A dictionary mapping group names to group numbers.",
    ),
];

pub(super) fn this(v: &Value) -> &Pattern {
    v.expect::<Pattern>()
}

/// `_sre.compile(pattern, flags, code, groups, groupindex, indexgroup)`.
pub(super) fn compile(t: &Thread, a: &[Value]) -> Res {
    let flags = i64::from(convert::to_i32(t, &a[1])?);
    let code = argument::<List>(t, "code", "list", &a[2])?;
    let groups = convert::to_isize(t, &a[3])?;
    argument::<Dict>(t, "groupindex", "dict", &a[4])?;
    argument::<Tuple>(t, "indexgroup", "tuple", &a[5])?;
    let is_bytes = match &a[0] {
        p if p.is_none() => None,
        p if p.downcast::<Str>().is_some() => Some(false),
        p => Text::of(t, p).map(|_| Some(true))?,
    };
    let mut words = Vec::with_capacity(code.len());
    for word in code.to_vec() {
        if !int::is_int(&word) {
            return Err(error::type_error(t, "an integer is required"));
        }
        if int::is_negative(&word) {
            return Err(error::overflow_error(t, "can't convert negative value to unsigned int"));
        }
        match int::to_u64(&word).and_then(|w| u32::try_from(w).ok()) {
            Some(w) => words.push(w),
            None => return Err(error::overflow_error(t, "regular expression code size limit exceeded")),
        }
        if words.len() % 4096 == 0 {
            t.poll()?;
        }
    }
    t.check_alloc(words.len() * 32)?;
    let invalid = || error::runtime_error(t, "invalid SRE code");
    let groups = usize::try_from(groups).map_err(|_| invalid())?;
    let program = Program::new(&words, groups).map_err(|_| invalid())?;
    payload::new(t, |header| Pattern {
        header,
        pattern: Slot::new(a[0].clone()),
        groupindex: Slot::new(a[4].clone()),
        indexgroup: Slot::new(a[5].clone()),
        flags,
        is_bytes,
        program: Rc::new(program),
        code: words.into_boxed_slice(),
        spare: Cell::new(None),
    })
}

fn argument<'a, T: payload::Payload>(t: &Thread, name: &str, ty: &str, v: &'a Value) -> Res<&'a T> {
    v.downcast::<T>().ok_or_else(|| {
        let got = type_of(v).name();
        error::type_error(t, format_args!("compile() argument '{name}' must be {ty}, not {got}"))
    })
}

/// What a search works on.
pub(super) struct Span {
    pub(super) text: Text,
    pub(super) pos: usize,
    pub(super) endpos: usize,
}

impl Span {
    /// A whole text, for a pattern of its kind.
    fn whole(t: &Thread, pattern: &Pattern, string: &Value) -> Res<Self> {
        let text = Text::of(t, string)?;
        match pattern.is_bytes {
            Some(true) if !text.is_bytes() => {
                Err(error::type_error(t, "cannot use a bytes pattern on a string-like object"))
            }
            Some(false) if text.is_bytes() => {
                Err(error::type_error(t, "cannot use a string pattern on a bytes-like object"))
            }
            _ => {
                let endpos = text.len();
                Ok(Self { text, pos: 0, endpos })
            }
        }
    }
}

/// The arguments `string, pos, endpos` of a method.
fn span_of(t: &Thread, a: &[Value]) -> Res<Span> {
    let bound = |v: &Value| v.opt().map(|v| convert::to_isize(t, v)).transpose();
    let (pos, endpos) = (bound(&a[2])?, bound(&a[3])?);
    let mut span = Span::whole(t, this(&a[0]), &a[1])?;
    let len = span.endpos;
    let clamp = |i: Option<isize>, default: usize| i.map_or(default, |i| usize::try_from(i).unwrap_or(0).min(len));
    span.pos = clamp(pos, 0);
    span.endpos = clamp(endpos, len);
    Ok(span)
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Match,
    Full,
    Search,
}

/// One look into the text.
pub(super) fn look(
    t: &Thread,
    matcher: &mut Matcher<'_>,
    text: &Text,
    at: (usize, usize),
    mode: Mode,
    must_advance: bool,
) -> Res<bool> {
    let mut account = Account::new(t);
    let (subject, (pos, endpos)) = (text.subject(), at);
    let found = match mode {
        Mode::Match => matcher.match_(subject, pos, endpos, must_advance, &mut account),
        Mode::Full => matcher.fullmatch(subject, pos, endpos, &mut account),
        Mode::Search => matcher.search(subject, pos, endpos, must_advance, &mut account),
    };
    found.map_err(|e| account.exception(e))
}

fn find(t: &Thread, a: &[Value], mode: Mode) -> Res {
    let span = span_of(t, a)?;
    let pattern = this(&a[0]);
    let mut matcher = Matcher::with(&pattern.program, pattern.spare.take().unwrap_or_default());
    let bounds = (span.pos, span.endpos);
    let found = match look(t, &mut matcher, &span.text, bounds, mode, false) {
        Ok(true) => matched::new(t, &a[0], span.text.string(), bounds, matcher.marks()),
        Ok(false) => Ok(Value::NONE),
        Err(e) => Err(e),
    };
    pattern.spare.set(matcher.leave());
    found
}

/// Calls `f` with every match from left to right until it says to stop.
fn each_match(t: &Thread, program: &Program, span: &Span, mut f: impl FnMut(&Marks) -> Res<bool>) -> Res<()> {
    let mut matcher = Matcher::new(program);
    let (mut pos, mut must_advance) = (span.pos, false);
    while look(t, &mut matcher, &span.text, (pos, span.endpos), Mode::Search, must_advance)? {
        let marks = matcher.marks();
        pos = marks.end;
        must_advance = marks.start == marks.end;
        if !f(marks)? {
            break;
        }
        t.poll()?;
    }
    Ok(())
}

fn find_all(t: &Thread, a: &[Value]) -> Res {
    let span = span_of(t, a)?;
    let program = Rc::clone(&this(&a[0]).program);
    let groups = program.groups();
    let list = List::create(t)?;
    let text = &span.text;
    let group = |marks: &Marks, i: usize| match marks.span(i) {
        Some((from, to)) => text.slice(t, from, to),
        None => text.empty(t),
    };
    each_match(t, &program, &span, |marks| {
        let item = if groups < 2 {
            group(marks, groups)?
        } else {
            let items = (1..=groups).map(|i| group(marks, i)).collect::<Res<Vec<_>>>()?;
            tuple::from_vec(t, items)?
        };
        list.expect::<List>().push(t, item)?;
        Ok(true)
    })?;
    Ok(list)
}

fn split(t: &Thread, a: &[Value]) -> Res {
    let max = count(t, &a[2])?;
    let span = Span::whole(t, this(&a[0]), &a[1])?;
    let program = Rc::clone(&this(&a[0]).program);
    let list = List::create(t)?;
    let out = list.expect::<List>();
    let text = &span.text;
    let (mut last, mut done) = (0, 0);
    if max.is_none_or(|max| max > 0) {
        each_match(t, &program, &span, |marks| {
            out.push(t, text.slice(t, last, marks.start)?)?;
            for i in 1..=program.groups() {
                let part = marks.span(i).map(|(from, to)| text.slice(t, from, to)).transpose()?;
                out.push(t, part.unwrap_or(Value::NONE))?;
            }
            last = marks.end;
            done += 1;
            Ok(max != Some(done))
        })?;
    }
    out.push(t, text.slice(t, last, text.len())?)?;
    Ok(list)
}

/// A count of replacements or splits: 0 means no limit, and less than 0 none at all.
fn count(t: &Thread, v: &Value) -> Res<Option<usize>> {
    let n = v.opt().map_or(Ok(0), |v| convert::to_isize(t, v))?;
    Ok(if n == 0 { None } else { Some(usize::try_from(n).unwrap_or(0)) })
}

/// What replaces a match.
enum Filter {
    Literal(Value),
    Template(Value),
    Callable(Value),
}

fn substitute(t: &Thread, a: &[Value]) -> Res<(Value, usize)> {
    let max = count(t, &a[3])?;
    let filter = filter(t, &a[0], &a[1])?;
    let span = Span::whole(t, this(&a[0]), &a[2])?;
    let program = Rc::clone(&this(&a[0]).program);
    let mut subst = Subst { pattern: &a[0], span: &span, out: Ok(Out::new(&span.text)), last: 0, done: 0 };
    if max.is_none_or(|max| max > 0) {
        each_match(t, &program, &span, |marks| {
            subst.one(t, &filter, marks)?;
            Ok(max != Some(subst.done))
        })?;
    }
    subst.finish(t)
}

fn filter(t: &Thread, pattern: &Value, repl: &Value) -> Res<Filter> {
    if call::is_callable(repl) {
        return Ok(Filter::Callable(repl.clone()));
    }
    let plain = match repl.downcast::<Str>() {
        Some(s) => s.units().iter().all(|c| c != u32::from(b'\\')),
        None if buffer::supported(repl) => !buffer::get(t, repl, buffer::SIMPLE)?.as_slice().contains(&b'\\'),
        None => false,
    };
    if plain {
        return Ok(Filter::Literal(repl.clone()));
    }
    let made = compile_template(t, pattern, repl)?;
    match made.downcast::<Template>() {
        Some(template) if template.is_literal() => Ok(Filter::Literal(template.literal())),
        _ => Ok(Filter::Template(made)),
    }
}

/// `re._compile_template(pattern, repl)`.
pub(super) fn compile_template(t: &Thread, pattern: &Value, repl: &Value) -> Res {
    let re = (t.hooks.import)(t, "re")?;
    let f = attr::get_text(t, &re, "_compile_template")?;
    let made = match call::call(t, &f, &[pattern.clone(), repl.clone()]) {
        // The cache wants something hashable: a bytearray becomes bytes.
        Err(e) if e.is(&exceptions::TYPE_ERROR) && type_of(repl).slots().hash.is_none() => {
            let plain = match repl.downcast::<Str>() {
                Some(_) => strs::exact(t, repl)?,
                None if buffer::supported(repl) => bytes::new(t, buffer::get(t, repl, buffer::SIMPLE)?.as_slice())?,
                None => return Err(e),
            };
            call::call(t, &f, &[pattern.clone(), plain])?
        }
        r => r?,
    };
    if made.downcast::<Template>().is_none() {
        let name = type_of(&made).name();
        let text = format_args!("the result of compiling a replacement string is {name}, not Template").to_string();
        return Err(error::runtime_error(t, text));
    }
    Ok(made)
}

/// A substitution under way. `out` is an error once an item turns up that is not of the subject's kind: then the items
/// are kept as objects, and joining them says what is wrong with them.
struct Subst<'a> {
    pattern: &'a Value,
    span: &'a Span,
    out: Result<Out, Vec<Value>>,
    last: usize,
    done: usize,
}

impl Subst<'_> {
    fn one(&mut self, t: &Thread, filter: &Filter, marks: &Marks) -> Res<()> {
        self.subject(t, marks.start)?;
        self.last = marks.end;
        self.done += 1;
        let item = match filter {
            Filter::Literal(v) => v.clone(),
            Filter::Template(v) => {
                return match (&mut self.out, template::expand_into(t, v, &self.span.text, marks)?) {
                    (out, template::Expanded::Value(v)) => push_item(t, out, &self.span.text, self.last, v),
                    (Ok(Out::Str(out)), template::Expanded::Out(Out::Str(b))) => {
                        let v = b.finish(t)?;
                        out.push_value(v.expect::<Str>());
                        Ok(())
                    }
                    (out, template::Expanded::Out(b)) => push_item(t, out, &self.span.text, self.last, b.finish(t)?),
                };
            }
            Filter::Callable(f) => {
                let m = matched::new(t, self.pattern, self.span.text.string(), (0, self.span.endpos), marks)?;
                call::call1(t, f, &m)?
            }
        };
        if item.is_none() {
            return Ok(());
        }
        push_item(t, &mut self.out, &self.span.text, self.last, item)
    }

    /// Appends the subject up to `to`.
    fn subject(&mut self, t: &Thread, to: usize) -> Res<()> {
        if self.last >= to {
            return Ok(());
        }
        match &mut self.out {
            Ok(out) => out.push(t, &self.span.text, self.last, to),
            Err(items) => {
                items.push(self.span.text.slice(t, self.last, to)?);
                Ok(())
            }
        }
    }

    fn finish(mut self, t: &Thread) -> Res<(Value, usize)> {
        self.subject(t, self.span.endpos)?;
        let text = match self.out {
            Ok(_) if self.done == 0 => self.span.text.slice(t, 0, self.span.endpos)?,
            Ok(out) => out.finish(t)?,
            Err(items) => call::method(t, &self.span.text.empty(t)?, n::join(), &[List::from_vec(t, items)?])?,
        };
        Ok((text, self.done))
    }
}

fn push_item(t: &Thread, out: &mut Result<Out, Vec<Value>>, text: &Text, _last: usize, item: Value) -> Res<()> {
    match out {
        Ok(built) => {
            if built.push_value(&item) {
                return t.check_alloc(built.size() / 4);
            }
            // What came before counts as one item; CPython counts its pieces, which only shows in the message.
            let before = std::mem::replace(built, Out::new(text)).finish(t)?;
            let mut items = Vec::new();
            if ops::truth(t, &before)? {
                items.push(before);
            }
            items.push(item);
            *out = Err(items);
        }
        Err(items) => items.push(item),
    }
    Ok(())
}

fn repr(t: &Thread, v: &Value) -> Res {
    const NAMES: [(i64, &str); 8] = [
        (2, "re.IGNORECASE"),
        (8, "re.MULTILINE"),
        (16, "re.DOTALL"),
        (64, "re.VERBOSE"),
        (128, "re.DEBUG"),
        (256, "re.ASCII"),
        (4, "re.LOCALE"),
        (32, "re.UNICODE"),
    ];
    const KIND: i64 = 4 | 32 | 256;
    let p = this(v);
    let mut flags = p.flags;
    if p.is_bytes == Some(false) && flags & KIND == 32 {
        flags &= !32;
    }
    let mut shown: Vec<String> = Vec::new();
    for (bit, name) in NAMES {
        if flags & bit != 0 {
            shown.push(name.to_string());
            flags &= !bit;
        }
    }
    if flags != 0 {
        shown.push(format!("0x{flags:x}"));
    }
    let text: String = ops::repr_text(t, &p.pattern.get())?.chars().take(200).collect();
    let sep = if shown.is_empty() { "" } else { ", " };
    strs::new(t, &format!("re.compile({text}{sep}{})", shown.join("|")))
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let p = this(v);
    let code: Vec<u8> = p.code.iter().flat_map(|w| w.to_ne_bytes()).collect();
    let h = strs::hash_bytes(&code) ^ ops::hash(t, &p.pattern.get())? ^ p.flags ^ p.program.groups() as i64;
    Ok(if h == -1 { -2 } else { h })
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (CompareOp::Eq | CompareOp::Ne, Some(x), Some(y)) = (op, a.downcast::<Pattern>(), b.downcast::<Pattern>())
    else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let same = a.is(b)
        || x.flags == y.flags
            && x.is_bytes == y.is_bytes
            && x.code == y.code
            && ops::eq(t, &x.pattern.get(), &y.pattern.get())?;
    Ok(Value::bool(same == (op == CompareOp::Eq)))
}

/// The number of a group given by number or name; IndexError if there is none.
pub(super) fn group_number(t: &Thread, pattern: &Pattern, group: &Value) -> Res<usize> {
    let number = if type_of(group).slots().index.is_some() {
        Some(convert::to_index_clamped(t, group)?)
    } else {
        let names = pattern.groupindex.get();
        Dict::of(&names).get(t, group)?.and_then(|v| int::to_i64(&v)).map(|i| i as isize)
    };
    match number.and_then(|i| usize::try_from(i).ok()).filter(|&i| i <= pattern.program.groups()) {
        Some(i) => Ok(i),
        None => Err(error::index_error(t, "no such group")),
    }
}
