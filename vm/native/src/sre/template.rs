//! _sre.SRE_Template: a parsed replacement.

use super::text::{Out, Text};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, int};
use typhon_object::{Thread, Value, call, convert, ops, payload};
use typhon_sre::Marks;

/// Literals and references to groups by turns.
#[repr(C)]
pub(super) struct Template {
    header: Header,
    literal: Slot,
    /// A group, and the literal behind it.
    chunks: Box<[(usize, Slot)]>,
}

typhon_object::payload!(Template => TEMPLATE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.literal.get());
        self.chunks.iter().for_each(|(_, slot)| visit(&slot.get()));
    }
});

/// _sre.SRE_Template.
pub(super) static TEMPLATE: TypeDef =
    TypeDef { name: "_sre.SRE_Template", flags: flag::NO_NEW, ..TypeDef::of::<Template>() };

impl Template {
    /// Whether it refers to no group.
    pub(super) fn is_literal(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The first literal.
    pub(super) fn literal(&self) -> Value {
        self.literal.get()
    }
}

/// `_sre.template(pattern, [literal, group, literal, ...])`.
pub(super) fn template(t: &Thread, a: &[Value]) -> Res {
    let invalid = || error::type_error(t, "invalid template");
    let Some(list) = a[1].downcast::<List>() else { return Err(invalid()) };
    let items = list.to_vec();
    if items.len() % 2 == 0 {
        return Err(invalid());
    }
    let mut items = items.into_iter();
    let literal = items.next().unwrap_or_default();
    let mut chunks = Vec::new();
    while let (Some(group), Some(literal)) = (items.next(), items.next()) {
        if !int::is_int(&group) {
            return Err(error::type_error(t, "an integer is required"));
        }
        match usize::try_from(convert::to_isize(t, &group)?) {
            Ok(group) => chunks.push((group, Slot::new(literal))),
            Err(_) => return Err(invalid()),
        }
    }
    payload::new(t, |header| Template { header, literal: Slot::new(literal), chunks: chunks.into_boxed_slice() })
}

/// What a template became for one match.
pub(super) enum Expanded {
    /// Text of the subject's kind.
    Out(Out),
    /// Any object: a literal alone, or a join of mixed parts.
    Value(Value),
}

/// Fills a template in. A literal that is not of the subject's kind makes `join` say so.
pub(super) fn expand_into(t: &Thread, template: &Value, text: &Text, marks: &Marks) -> Res<Expanded> {
    let template = template.expect::<Template>();
    if template.is_literal() {
        return Ok(Expanded::Value(template.literal()));
    }
    let fits = |v: &Value| if text.is_bytes() { bytes::peek(v).is_some() } else { v.downcast::<Str>().is_some() };
    if !fits(&template.literal()) || template.chunks.iter().any(|(_, l)| !fits(&l.get())) {
        return join(t, template, text, marks).map(Expanded::Value);
    }
    let mut out = Out::new(text);
    out.push_value(&template.literal());
    for (group, literal) in &template.chunks {
        check_group(t, *group, marks)?;
        if let Some((from, to)) = marks.span(*group) {
            out.push(t, text, from, to)?;
        }
        out.push_value(&literal.get());
    }
    Ok(Expanded::Out(out))
}

fn check_group(t: &Thread, group: usize, marks: &Marks) -> Res<()> {
    if group > marks.groups.len() { Err(error::index_error(t, "no such group")) } else { Ok(()) }
}

fn join(t: &Thread, template: &Template, text: &Text, marks: &Marks) -> Res {
    let mut items = Vec::new();
    let mut push = |v: Value| -> Res<()> {
        if ops::truth(t, &v)? {
            items.push(v);
        }
        Ok(())
    };
    push(template.literal())?;
    for (group, literal) in &template.chunks {
        check_group(t, *group, marks)?;
        if let Some((from, to)) = marks.span(*group) {
            push(text.slice(t, from, to)?)?;
        }
        push(literal.get())?;
    }
    call::method(t, &text.empty(t)?, n::join(), &[List::from_vec(t, items)?])
}
