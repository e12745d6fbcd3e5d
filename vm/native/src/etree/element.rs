//! Element: its fields, and how one is made.

use super::{children, copies, iter, search};
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{self, GetSetDef, MethodDef, def, getset};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::DEPRECATION_WARNING;
use typhon_object::{Thread, Value, ops, payload, type_of};

/// An element.
#[repr(C)]
pub(super) struct Element {
    pub(super) header: Header,
    pub(super) tag: Slot,
    pub(super) text: Slot,
    pub(super) tail: Slot,
    /// A dict, or absent while there are no attributes.
    attrib: Slot,
    /// A list that is nobody else's, or absent while there are no children.
    children: Slot,
}

typhon_object::payload!(Element => ELEMENT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.tag, &self.text, &self.tail, &self.attrib, &self.children] {
            visit(&slot.get());
        }
    }
    fn clear(&self) {
        for slot in [&self.text, &self.tail, &self.attrib, &self.children] {
            drop(slot.take());
        }
    }
});

/// xml.etree.ElementTree.Element.
pub(super) static ELEMENT: TypeDef = TypeDef {
    name: "xml.etree.ElementTree.Element",
    flags: flag::BASETYPE | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, |header| Element::bare(header, Value::NONE))),
        init: Some(init),
        repr: Some(repr),
        bool: Some(truth),
        len: Some(|_, v| Ok(this(v).len())),
        getitem: Some(children::get),
        setitem: Some(children::set),
        ..Slots::NONE
    },
    methods: &METHODS,
    getset: GETSET,
    ..TypeDef::of::<Element>()
};

const PARTS: &[&[MethodDef]] = &[children::METHODS, copies::METHODS, iter::METHODS, search::METHODS, OWN];
const METHODS: [MethodDef; native::total(PARTS)] = native::join(PARTS);

const OWN: &[MethodDef] = &[
    def("get", "($self, /, key, default=None)", get, ""),
    def("set", "($self, key, value, /)", set, ""),
    def(
        "items",
        "($self, /)",
        |t, a| view(t, &a[0], |d| d.items().into_iter().map(|(k, v)| pair(t, k, v)).collect()),
        "",
    ),
    def("keys", "($self, /)", |t, a| view(t, &a[0], |d| Ok(d.keys())), ""),
    def("makeelement", "($self, tag, attrib, /)", make_element, ""),
    def("clear", "($self, /)", clear, ""),
];

const GETSET: &[GetSetDef] = &[
    getset(
        "tag",
        |_, v| Ok(this(v).tag.get()),
        |t, v, x| field(t, v, |e| &e.tag, x),
        "A string identifying what kind of data this element represents",
    ),
    getset(
        "text",
        |_, v| Ok(this(v).text.get()),
        |t, v, x| field(t, v, |e| &e.text, x),
        "A string of text directly after the start tag, or None",
    ),
    getset(
        "tail",
        |_, v| Ok(this(v).tail.get()),
        |t, v, x| field(t, v, |e| &e.tail, x),
        "A string of text directly after the end tag, or None",
    ),
    getset(
        "attrib",
        |_, v| Ok(this(v).attributes_made(v)),
        set_attrib,
        "A dictionary containing the element's attributes",
    ),
];

pub(super) fn this(v: &Value) -> &Element {
    v.expect::<Element>()
}

impl Element {
    fn bare(header: Header, tag: Value) -> Self {
        Self {
            header,
            tag: Slot::new(tag),
            text: Slot::new(Value::NONE),
            tail: Slot::new(Value::NONE),
            attrib: Slot::empty(),
            children: Slot::empty(),
        }
    }

    /// How many children it has.
    pub(super) fn len(&self) -> usize {
        self.children.get().downcast::<List>().map_or(0, List::len)
    }

    /// A child.
    pub(super) fn child(&self, i: usize) -> Option<Value> {
        self.children.get().downcast::<List>()?.get(i)
    }

    /// The list of children, made if need be.
    pub(super) fn children(&self, t: &Thread) -> Res {
        if let Some(list) = self.children.get().present() {
            return Ok(list);
        }
        let list = List::create(t)?;
        self.children.set(&self.header, list.clone());
        Ok(list)
    }

    /// Copies of the references to the children.
    pub(super) fn child_vec(&self) -> Vec<Value> {
        self.children.get().downcast::<List>().map_or_else(Vec::new, List::to_vec)
    }

    /// Adds a child.
    pub(super) fn push(&self, t: &Thread, child: Value) -> Res<()> {
        self.children(t)?.expect::<List>().push(t, child)
    }

    /// The dict of attributes, or absent.
    pub(super) fn attributes(&self) -> Value {
        self.attrib.get()
    }

    fn attributes_made(&self, _: &Value) -> Value {
        if let Some(dict) = self.attrib.get().present() {
            return dict;
        }
        match typhon_object::thread::current() {
            Some(t) => {
                let dict = Dict::create(t);
                self.attrib.set(&self.header, dict.clone());
                dict
            }
            None => Value::NONE,
        }
    }

    /// Gives it other attributes: a dict that becomes its own, or absent.
    pub(super) fn set_attributes(&self, dict: Value) {
        self.attrib.set(&self.header, dict);
    }

    /// Takes everything but the tag away.
    pub(super) fn reset(&self) {
        let old = [
            self.attrib.take(),
            self.children.take(),
            self.text.replace(&self.header, Value::NONE),
            self.tail.replace(&self.header, Value::NONE),
        ];
        drop(old);
    }
}

/// A new element of exactly this type. An empty dict is as good as none.
pub(super) fn make(t: &Thread, tag: Value, attrib: Value) -> Res {
    let attrib = if attrib.downcast::<Dict>().is_some_and(Dict::is_empty) { Value::ABSENT } else { attrib };
    payload::new(t, |header| Element { attrib: Slot::new(attrib), ..Element::bare(header, tag) })
}

/// TypeError unless it is an element.
pub(super) fn check(t: &Thread, v: &Value) -> Res<()> {
    if v.downcast::<Element>().is_some() { Ok(()) } else { Err(not_element(t, v)) }
}

#[cold]
fn not_element(t: &Thread, v: &Value) -> Exc {
    error::type_error(t, format_args!("expected an Element, not \"{}\"", type_of(v).name()))
}

/// The attributes that a call's arguments give: a dict at position `at`, and keywords.
fn given_attributes(t: &Thread, function: &str, args: Args<'_>, at: usize) -> Res {
    let n = args.positional().len();
    if n < at {
        let s = if at == 1 { "" } else { "s" };
        return Err(error::type_error(t, format_args!("{function}() takes at least {at} argument{s} ({n} given)")));
    }
    if n > at + 1 {
        let most = at + 1;
        return Err(error::type_error(t, format_args!("{function}() takes at most {most} arguments ({n} given)")));
    }
    let made = match args.positional().get(at) {
        None => Value::ABSENT,
        Some(v) => match v.downcast::<Dict>() {
            Some(dict) => dict.copy(t)?,
            None => {
                let (place, name) = (at + 1, type_of(v).name());
                return Err(error::type_error(
                    t,
                    format_args!("{function}() argument {place} must be dict, not {name}"),
                ));
            }
        },
    };
    if !args.has_keywords() {
        return Ok(made);
    }
    let mut made = made;
    if made.is_absent() {
        made = match args.keyword("attrib") {
            None => Dict::create(t),
            Some(v) => match v.downcast::<Dict>() {
                Some(dict) => dict.copy(t)?,
                None => {
                    let name = type_of(v).name();
                    return Err(error::type_error(t, format_args!("attrib must be dict, not {name}")));
                }
            },
        };
    }
    let named = args.positional().len() == at;
    for (key, v) in args.keywords() {
        if !(named && strs::eq_str(key, "attrib")) {
            Dict::of(&made).set(t, key, v)?;
        }
    }
    Ok(made)
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let attrib = given_attributes(t, "Element", args, 1)?;
    let e = this(v);
    if !attrib.is_absent() && !Dict::of(&attrib).is_empty() {
        e.set_attributes(attrib);
    }
    e.tag.set(&e.header, args.values[0].clone());
    e.text.set(&e.header, Value::NONE);
    e.tail.set(&e.header, Value::NONE);
    Ok(())
}

/// `SubElement(parent, tag, attrib={}, **extra)`.
pub(super) fn sub_element(t: &Thread, args: Args<'_>) -> Res {
    if let Some(parent) = args.positional().first()
        && args.positional().len() > 1
        && parent.downcast::<Element>().is_none()
    {
        let (wanted, name) = (ELEMENT.name, type_of(parent).name());
        return Err(error::type_error(t, format_args!("SubElement() argument 1 must be {wanted}, not {name}")));
    }
    let attrib = given_attributes(t, "SubElement", args, 2)?;
    let made = make(t, args.values[1].clone(), attrib)?;
    this(&args.values[0]).push(t, made.clone())?;
    Ok(made)
}

fn make_element(t: &Thread, a: &[Value]) -> Res {
    match a[2].downcast::<Dict>() {
        Some(dict) => make(t, a[1].clone(), dict.copy(t)?),
        None => {
            let name = type_of(&a[2]).name();
            Err(error::type_error(t, format_args!("makeelement() argument 2 must be dict, not {name}")))
        }
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let e = this(v);
    let Some(_shown) = t.show(&e.header) else {
        return Err(error::runtime_error(t, "reentrant call inside xml.etree.ElementTree.Element.__repr__"));
    };
    strs::new(t, &format!("<Element {} at {:#x}>", ops::repr_text(t, &e.tag.get())?, v.id()))
}

fn truth(t: &Thread, v: &Value) -> Res<bool> {
    const TEXT: &str = "Testing an element's truth value will always return True in future versions.  Use specific 'len(elem)' or 'elem is not None' test instead.";
    (t.hooks.warn)(t, &DEPRECATION_WARNING.ty().value(), TEXT, 1)?;
    Ok(this(v).len() > 0)
}

#[cold]
fn cannot_delete(t: &Thread, v: &Value) -> Exc {
    error::attribute_error(t, v, &Value::NONE, "can't delete element attribute")
}

fn field(t: &Thread, v: &Value, slot: fn(&Element) -> &Slot, x: Option<&Value>) -> Res<()> {
    let Some(x) = x else { return Err(cannot_delete(t, v)) };
    let e = this(v);
    slot(e).set(&e.header, x.clone());
    Ok(())
}

fn set_attrib(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let Some(x) = x else { return Err(cannot_delete(t, v)) };
    if x.downcast::<Dict>().is_none() {
        return Err(error::type_error(t, format_args!("attrib must be dict, not {}", type_of(x).name())));
    }
    this(v).set_attributes(x.clone());
    Ok(())
}

fn get(t: &Thread, a: &[Value]) -> Res {
    let attrib = this(&a[0]).attributes();
    let found = match attrib.downcast::<Dict>() {
        Some(dict) => dict.get(t, &a[1])?,
        None => None,
    };
    Ok(found.unwrap_or_else(|| a[2].opt().cloned().unwrap_or(Value::NONE)))
}

fn set(t: &Thread, a: &[Value]) -> Res {
    let attrib = this(&a[0]).attributes_made(&a[0]);
    Dict::of(&attrib).set(t, &a[1], &a[2])?;
    Ok(Value::NONE)
}

fn view(t: &Thread, v: &Value, f: impl FnOnce(&Dict) -> Res<Vec<Value>>) -> Res {
    let attrib = this(v).attributes();
    let items = attrib.downcast::<Dict>().map_or(Ok(Vec::new()), f)?;
    List::from_vec(t, items)
}

fn pair(t: &Thread, k: Value, v: Value) -> Res {
    typhon_object::tuple::from_array(t, [k, v])
}

fn clear(_: &Thread, a: &[Value]) -> Res {
    this(&a[0]).reset();
    Ok(Value::NONE)
}
