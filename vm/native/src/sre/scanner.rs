//! Scanners: matches one after another.

use super::matched;
use super::pattern::{Mode, Span, look, this as pattern};
use std::cell::Cell;
use std::rc::Rc;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{def, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, payload};
use typhon_sre::Matcher;

/// Where a scan stands.
struct Scan {
    span: Span,
    /// `None` once a look has failed.
    at: Cell<Option<usize>>,
    must_advance: Cell<bool>,
}

impl Scan {
    fn next(&self, t: &Thread, pattern_value: &Value, mode: Mode) -> Res {
        let Some(at) = self.at.get() else { return Ok(Value::NONE) };
        let program = Rc::clone(&pattern(pattern_value).program);
        let mut matcher = Matcher::new(&program);
        let span = &self.span;
        if !look(t, &mut matcher, &span.text, (at, span.endpos), mode, self.must_advance.get())? {
            self.at.set(None);
            return Ok(Value::NONE);
        }
        let marks = matcher.marks();
        self.must_advance.set(marks.start == marks.end);
        self.at.set(Some(marks.end));
        matched::new(t, pattern_value, span.text.string(), (span.pos, span.endpos), marks)
    }
}

/// _sre.SRE_Scanner, and the iterator that `finditer` gives.
#[repr(C)]
pub(super) struct Scanner {
    header: Header,
    pattern: Slot,
    scan: Scan,
}

typhon_object::payload!(Scanner => SCANNER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.pattern.get());
    }
});

/// _sre.SRE_Scanner.
pub(super) static SCANNER: TypeDef = TypeDef {
    name: "_sre.SRE_Scanner",
    flags: flag::NO_NEW,
    methods: &[
        def("match", "($self, /)", |t, a| step(t, &a[0], Mode::Match), ""),
        def("search", "($self, /)", |t, a| step(t, &a[0], Mode::Search), ""),
    ],
    members: &[member("pattern", std::mem::offset_of!(Scanner, pattern), "")],
    ..TypeDef::of::<Scanner>()
};

/// The iterator of `finditer`.
#[repr(C)]
pub(super) struct Matches {
    header: Header,
    pattern: Slot,
    scan: Scan,
}

typhon_object::payload!(Matches => MATCHES {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.pattern.get());
    }
});

/// What CPython makes of `iter(scanner.search, None)`.
pub(super) static MATCHES: TypeDef = TypeDef {
    name: "callable_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<Matches>()
};

fn scan(span: Span) -> Scan {
    Scan { at: Cell::new(Some(span.pos)), must_advance: Cell::new(false), span }
}

/// `pattern.scanner(...)`.
pub(super) fn scanner(t: &Thread, pattern: &Value, span: Span) -> Res {
    payload::new(t, |header| Scanner { header, pattern: Slot::new(pattern.clone()), scan: scan(span) })
}

/// `pattern.finditer(...)`.
pub(super) fn matches(t: &Thread, pattern: &Value, span: Span) -> Res {
    payload::new(t, |header| Matches { header, pattern: Slot::new(pattern.clone()), scan: scan(span) })
}

fn step(t: &Thread, v: &Value, mode: Mode) -> Res {
    let s = v.expect::<Scanner>();
    s.scan.next(t, &s.pattern.get(), mode)
}

fn next(t: &Thread, v: &Value) -> Res {
    let s = v.expect::<Matches>();
    let found = s.scan.next(t, &s.pattern.get(), Mode::Search)?;
    Ok(if found.is_none() { Value::ABSENT } else { found })
}
