//! re.Match.

use super::pattern::{self, Pattern};
use super::template;
use super::text::Text;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getter, member, raw};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::generic_alias;
use typhon_object::{Thread, Value, convert, ops, payload};
use typhon_sre::Marks;

/// What a search found.
#[repr(C)]
pub(super) struct Match {
    header: Header,
    string: Slot,
    pattern: Slot,
    regs: Slot,
    pos: usize,
    endpos: usize,
    marks: Marks,
}

typhon_object::payload!(Match => MATCH {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        [&self.string, &self.pattern, &self.regs].iter().for_each(|slot| visit(&slot.get()));
    }
});

/// re.Match.
pub(super) static MATCH: TypeDef = TypeDef {
    name: "re.Match",
    doc: "The result of re.match() and re.search().\nMatch objects always have a boolean value of True.",
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(repr), getitem: Some(|t, m, key| group(t, m, key, &Value::NONE)), ..Slots::NONE },
    methods: METHODS,
    getset: GETSET,
    members: &[
        member("string", std::mem::offset_of!(Match, string), "The string passed to match() or search()."),
        member("re", std::mem::offset_of!(Match, pattern), "The regular expression object."),
    ],
    ..TypeDef::of::<Match>()
};

const METHODS: &[MethodDef] = &[
    raw(
        "group",
        "",
        groups_by_name,
        "group([group1, ...]) -> str or tuple.\n    Return subgroup(s) of the match by indices or names.\n    For 0 returns the entire match.",
    ),
    def(
        "start",
        "($self, group=0, /)",
        |t, a| Ok(place(span(t, a)?.map(|s| s.0))),
        "Return index of the start of the substring matched by group.",
    ),
    def(
        "end",
        "($self, group=0, /)",
        |t, a| Ok(place(span(t, a)?.map(|s| s.1))),
        "Return index of the end of the substring matched by group.",
    ),
    def(
        "span",
        "($self, group=0, /)",
        |t, a| {
            let s = span(t, a)?;
            pair(t, s)
        },
        "For match object m, return the 2-tuple (m.start(group), m.end(group)).",
    ),
    def(
        "groups",
        "($self, /, default=None)",
        all_groups,
        "Return a tuple containing all the subgroups of the match, from 1.\n\n  default\n    Is used for groups that did not participate in the match.",
    ),
    def(
        "groupdict",
        "($self, /, default=None)",
        group_dict,
        "Return a dictionary containing all the named subgroups of the match, keyed by the subgroup name.\n\n  default\n    Is used for groups that did not participate in the match.",
    ),
    def(
        "expand",
        "($self, /, template)",
        expand,
        "Return the string obtained by doing backslash substitution on the string template, as done by the sub() method.",
    ),
    def("__copy__", "($self, /)", |_, a| Ok(a[0].clone()), ""),
    def("__deepcopy__", "($self, memo, /)", |_, a| Ok(a[0].clone()), ""),
    def(
        "__class_getitem__",
        "($type, object, /)",
        |t, a| generic_alias::new(t, &a[0], &a[1]),
        "Matches are generic over the type of string which was matched (str or bytes)",
    )
    .class(),
];

const GETSET: &[GetSetDef] = &[
    getter(
        "pos",
        |_, v| Ok(convert::from_usize(this(v).pos)),
        "The index into the string at which the RE engine started looking for a match.",
    ),
    getter(
        "endpos",
        |_, v| Ok(convert::from_usize(this(v).endpos)),
        "The index into the string beyond which the RE engine will not go.",
    ),
    getter(
        "lastindex",
        |_, v| Ok(this(v).marks.lastindex.map_or(Value::NONE, convert::from_usize)),
        "The integer index of the last matched capturing group.",
    ),
    getter("lastgroup", last_group, "The name of the last matched capturing group."),
    getter("regs", regs, ""),
];

fn this(v: &Value) -> &Match {
    v.expect::<Match>()
}

/// A match object.
pub(super) fn new(t: &Thread, pattern: &Value, string: &Value, at: (usize, usize), marks: &Marks) -> Res {
    payload::new(t, |header| Match {
        header,
        string: Slot::new(string.clone()),
        pattern: Slot::new(pattern.clone()),
        regs: Slot::empty(),
        pos: at.0,
        endpos: at.1,
        marks: marks.clone(),
    })
}

fn place(i: Option<usize>) -> Value {
    i.map_or(Value::small(-1), convert::from_usize)
}

fn pair(t: &Thread, s: Option<(usize, usize)>) -> Res {
    tuple::from_array(t, [place(s.map(|s| s.0)), place(s.map(|s| s.1))])
}

fn span(t: &Thread, a: &[Value]) -> Res<Option<(usize, usize)>> {
    let m = this(&a[0]);
    let Some(group) = a[1].opt() else { return Ok(m.marks.span(0)) };
    let pattern = m.pattern.get();
    let i = pattern::group_number(t, pattern.expect::<Pattern>(), group)?;
    Ok(m.marks.span(i))
}

/// The text of a group by number, or `default`.
fn text_of(t: &Thread, m: &Match, i: usize, default: &Value) -> Res {
    match m.marks.span(i) {
        Some((from, to)) => Text::of(t, &m.string.get())?.slice(t, from, to),
        None => Ok(default.clone()),
    }
}

fn group(t: &Thread, v: &Value, group: &Value, default: &Value) -> Res {
    let m = this(v);
    let pattern = m.pattern.get();
    let i = pattern::group_number(t, pattern.expect::<Pattern>(), group)?;
    text_of(t, m, i, default)
}

fn groups_by_name(t: &Thread, a: Args<'_>) -> Res {
    a.no_keywords(t, "re.Match.group")?;
    let (m, wanted) = (&a.values[0], &a.values[1..]);
    match wanted {
        [] => text_of(t, this(m), 0, &Value::NONE),
        [one] => group(t, m, one, &Value::NONE),
        _ => {
            let items = wanted.iter().map(|g| group(t, m, g, &Value::NONE)).collect::<Res<Vec<_>>>()?;
            tuple::from_vec(t, items)
        }
    }
}

fn all_groups(t: &Thread, a: &[Value]) -> Res {
    let m = this(&a[0]);
    let default = &a[1].opt().cloned().unwrap_or(Value::NONE);
    let items = (1..=m.marks.groups.len()).map(|i| text_of(t, m, i, default)).collect::<Res<Vec<_>>>()?;
    tuple::from_vec(t, items)
}

fn group_dict(t: &Thread, a: &[Value]) -> Res {
    let m = this(&a[0]);
    let default = &a[1].opt().cloned().unwrap_or(Value::NONE);
    let (pattern, out) = (m.pattern.get(), Dict::create(t));
    let names = pattern.expect::<Pattern>().groupindex.get();
    for name in Dict::of(&names).keys() {
        let text = group(t, &a[0], &name, default)?;
        Dict::of(&out).set(t, &name, &text)?;
    }
    Ok(out)
}

fn expand(t: &Thread, a: &[Value]) -> Res {
    let m = this(&a[0]);
    let made = pattern::compile_template(t, &m.pattern.get(), &a[1])?;
    let text = Text::of(t, &m.string.get())?;
    match template::expand_into(t, &made, &text, &m.marks)? {
        template::Expanded::Value(v) => Ok(v),
        template::Expanded::Out(out) => out.finish(t),
    }
}

fn last_group(_: &Thread, v: &Value) -> Res {
    let m = this(v);
    let pattern = m.pattern.get();
    let names = pattern.expect::<Pattern>().indexgroup.get();
    let name = m.marks.lastindex.and_then(|i| names.downcast::<Tuple>()?.items().get(i).cloned());
    Ok(name.unwrap_or(Value::NONE))
}

fn regs(t: &Thread, v: &Value) -> Res {
    let m = this(v);
    if m.regs.is_absent() {
        let spans = (0..=m.marks.groups.len()).map(|i| pair(t, m.marks.span(i))).collect::<Res<Vec<_>>>()?;
        m.regs.set(&m.header, tuple::from_vec(t, spans)?);
    }
    Ok(m.regs.get())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let m = this(v);
    let shown: String = ops::repr_text(t, &text_of(t, m, 0, &Value::NONE)?)?.chars().take(50).collect();
    let (start, end) = (m.marks.start, m.marks.end);
    strs::new(t, &format!("<re.Match object; span=({start}, {end}), match={shown}>"))
}
