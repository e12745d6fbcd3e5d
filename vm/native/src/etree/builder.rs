//! TreeBuilder: events become elements.

use super::Factories;
use super::element::{self, Element};
use crate::ctor::bind;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::str_;
use typhon_object::{Thread, Value, attr, call, names, ops, payload, tuple, type_of};

/// What a builder can report besides building.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Start,
    End,
    StartNs,
    EndNs,
    Comment,
    Instruction,
}

/// Their names.
const EVENTS: [(Event, &str); 6] = [
    (Event::Start, "start"),
    (Event::End, "end"),
    (Event::StartNs, "start-ns"),
    (Event::EndNs, "end-ns"),
    (Event::Comment, "comment"),
    (Event::Instruction, "pi"),
];

/// A builder.
#[repr(C)]
pub(super) struct Builder {
    header: Header,
    root: Slot,
    /// The element that is open, or None.
    open: Slot,
    /// What was opened or closed last, or None.
    last: Slot,
    /// Text goes behind this; absent: into `last`.
    behind: Slot,
    /// The text that has come: its first piece, and a list of the others.
    text: Slot,
    more: Slot,
    /// A list of the elements that are open around `open`.
    stack: Slot,
    factory: Slot,
    comment_factory: Slot,
    instruction_factory: Slot,
    insert_comments: Cell<bool>,
    insert_instructions: Cell<bool>,
    /// Takes the events that are asked for.
    append: Slot,
    events: RefCell<[Value; EVENTS.len()]>,
}

typhon_object::payload!(Builder => BUILDER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.slots().iter().for_each(|slot| visit(&slot.get()));
        if let Ok(events) = self.events.try_borrow() {
            events.iter().for_each(visit);
        }
    }
    fn clear(&self) {
        for slot in self.slots() {
            drop(slot.take());
        }
    }
});

/// xml.etree.ElementTree.TreeBuilder.
pub(super) static BUILDER: TypeDef = TypeDef {
    name: "xml.etree.ElementTree.TreeBuilder",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| new(t, class)),
        init: Some(|t, v, args| bind(t, &INIT, v, args).map(drop)),
        ..Slots::NONE
    },
    methods: METHODS,
    ..TypeDef::of::<Builder>()
};

const METHODS: &[MethodDef] = &[
    def("data", "($self, data, /)", |t, a| this(&a[0]).data(t, &a[1]).map(|()| Value::NONE), ""),
    def("start", "($self, tag, attrs, /)", start, ""),
    def("end", "($self, tag, /)", |t, a| this(&a[0]).end(t), ""),
    def("comment", "($self, text, /)", |t, a| this(&a[0]).comment(t, &a[1]), ""),
    def(
        "pi",
        "($self, target, text=None, /)",
        |t, a| this(&a[0]).instruction(t, &a[1], a[2].opt().unwrap_or(&Value::NONE)),
        "",
    ),
    def("close", "($self, /)", |t, a| this(&a[0]).close(t), ""),
];

static INIT: MethodDef = def(
    "TreeBuilder",
    "($self, element_factory=None, *, comment_factory=None, pi_factory=None, insert_comments=False, insert_pis=False)",
    init,
    "",
);

pub(super) fn this(v: &Value) -> &Builder {
    v.expect::<Builder>()
}

/// A builder of exactly this type, with nothing special.
pub(super) fn plain(t: &Thread) -> Res {
    let made = new(t, &BUILDER.ty().value())?;
    this(&made).set_factories(t, &Value::ABSENT, &Value::ABSENT, false, false);
    Ok(made)
}

fn new(t: &Thread, class: &Value) -> Res {
    let (more, stack) = (List::create(t)?, List::create(t)?);
    payload::new_for(t, class, |header| Builder {
        header,
        root: Slot::empty(),
        open: Slot::new(Value::NONE),
        last: Slot::new(Value::NONE),
        behind: Slot::empty(),
        text: Slot::empty(),
        more: Slot::new(more),
        stack: Slot::new(stack),
        factory: Slot::empty(),
        comment_factory: Slot::empty(),
        instruction_factory: Slot::empty(),
        insert_comments: Cell::new(false),
        insert_instructions: Cell::new(false),
        append: Slot::empty(),
        events: RefCell::default(),
    })
}

fn init(t: &Thread, a: &[Value]) -> Res {
    let b = this(&a[0]);
    let truth = |v: &Value| v.opt().map_or(Ok(false), |v| ops::truth(t, v));
    let (comments, instructions) = (truth(&a[4])?, truth(&a[5])?);
    b.factory.set(&b.header, a[1].non_none().cloned().unwrap_or_default());
    b.set_factories(t, &a[2], &a[3], comments, instructions);
    Ok(Value::NONE)
}

fn start(t: &Thread, a: &[Value]) -> Res {
    if a[2].downcast::<Dict>().is_none() {
        let name = type_of(&a[2]).name();
        return Err(error::type_error(t, format_args!("start() argument 2 must be dict, not {name}")));
    }
    this(&a[0]).start(t, &a[1], a[2].clone())
}

impl Builder {
    fn slots(&self) -> [&Slot; 11] {
        [
            &self.root,
            &self.open,
            &self.last,
            &self.behind,
            &self.text,
            &self.more,
            &self.stack,
            &self.factory,
            &self.comment_factory,
            &self.instruction_factory,
            &self.append,
        ]
    }

    fn set_factories(&self, t: &Thread, comment: &Value, instruction: &Value, comments: bool, instructions: bool) {
        let known = t.state::<Factories>();
        let pick =
            |given: &Value, known: &RefCell<Value>| given.non_none().cloned().unwrap_or_else(|| known.borrow().clone());
        let (comment, instruction) = (pick(comment, &known.comment), pick(instruction, &known.instruction));
        self.insert_comments.set(comments && !comment.is_absent());
        self.insert_instructions.set(instructions && !instruction.is_absent());
        self.comment_factory.set(&self.header, comment);
        self.instruction_factory.set(&self.header, instruction);
    }

    /// Asks for events: `append` takes those of these names.
    pub(super) fn report_to(&self, append: Value) {
        self.append.set(&self.header, append);
        let old = self.events.take();
        drop(old);
    }

    /// Asks for one event, whose name is `name`; false if there is none of that name.
    pub(super) fn report(&self, name: &Value) -> Option<Event> {
        let event = EVENTS.iter().find(|(_, known)| strs::eq_str(name, known))?.0;
        let old = std::mem::replace(&mut self.events.borrow_mut()[event as usize], name.clone());
        drop(old);
        Some(event)
    }

    fn wanted(&self, event: Event) -> Option<Value> {
        self.events.borrow()[event as usize].clone().present()
    }

    fn happened(&self, t: &Thread, event: Event, what: impl FnOnce() -> Res) -> Res<()> {
        let Some(name) = self.wanted(event) else { return Ok(()) };
        let pair = tuple::from_array(t, [name, what()?])?;
        call::call1(t, &self.append.get(), &pair).map(drop)
    }

    /// Puts the text that has come where it belongs.
    fn flush(&self, t: &Thread) -> Res<()> {
        let Some(mut text) = self.text.take().present() else { return Ok(()) };
        let more = self.more.get();
        if let Some(list) = more.downcast::<List>().filter(|list| !list.is_empty()) {
            let pieces: Vec<Value> = std::iter::once(text).chain(list.take()).collect();
            text = join(t, &pieces)?;
        }
        let behind = self.behind.get();
        let (target, name) = if behind.is_absent() { (self.last.get(), "text") } else { (behind, "tail") };
        if let Some(e) = target.exact::<Element>() {
            let slot = if name == "text" { &e.text } else { &e.tail };
            let before = slot.get();
            slot.set(&e.header, if before.is_none() { text } else { join(t, &[before, text])? });
            return Ok(());
        }
        let name = names::intern_text(t, name);
        let before = attr::get(t, &target, &name)?;
        let text = if before.is_none() { text } else { ops::binary(t, ops::ADD, &before, &text)? };
        attr::set(t, &target, &name, Some(&text))
    }

    /// Makes `child` a child of the element that is open.
    fn adopt(&self, t: &Thread, parent: &Value, child: &Value) -> Res<()> {
        match parent.exact::<Element>() {
            Some(e) => {
                element::check(t, child)?;
                e.push(t, child.clone())
            }
            None => call::method(t, parent, &names::intern_text(t, "append"), std::slice::from_ref(child)).map(drop),
        }
    }

    /// An element begins.
    pub(super) fn start(&self, t: &Thread, tag: &Value, attrib: Value) -> Res {
        self.flush(t)?;
        let factory = self.factory.get();
        let node = if factory.is_absent() {
            element::make(t, tag.clone(), attrib)?
        } else {
            let attrib = attrib.present().unwrap_or_else(|| Dict::create(t));
            call::call(t, &factory, &[tag.clone(), attrib])?
        };
        let parent = self.open.get();
        drop(self.behind.take());
        if !parent.is_none() {
            self.adopt(t, &parent, &node)?;
        } else if self.root.is_absent() {
            self.root.set(&self.header, node.clone());
        } else {
            return Err(error::new(t, &super::PARSE_ERROR, "multiple elements on top level"));
        }
        if let Some(stack) = self.stack.get().downcast::<List>() {
            stack.push(t, parent)?;
        }
        self.open.set(&self.header, node.clone());
        self.last.set(&self.header, node.clone());
        self.happened(t, Event::Start, || Ok(node.clone()))?;
        Ok(node)
    }

    /// Some text comes. What comes before the root is dropped.
    pub(super) fn data(&self, t: &Thread, text: &Value) -> Res<()> {
        if self.last.get().is_none() {
            return Ok(());
        }
        if self.text.is_absent() {
            self.text.set(&self.header, text.clone());
            return Ok(());
        }
        match self.more.get().downcast::<List>() {
            Some(list) => list.push(t, text.clone()),
            None => Ok(()),
        }
    }

    /// The open element ends.
    pub(super) fn end(&self, t: &Thread) -> Res {
        self.flush(t)?;
        let outer = self.stack.get().downcast::<List>().and_then(List::pop);
        let Some(outer) = outer else { return Err(error::index_error(t, "pop from empty stack")) };
        let ended = self.open.replace(&self.header, outer);
        self.last.set(&self.header, ended.clone());
        self.behind.set(&self.header, ended.clone());
        self.happened(t, Event::End, || Ok(ended.clone()))?;
        Ok(ended)
    }

    fn insert(&self, t: &Thread, node: &Value) -> Res<()> {
        let open = self.open.get();
        if !open.is_none() {
            self.adopt(t, &open, node)?;
            self.behind.set(&self.header, node.clone());
        }
        Ok(())
    }

    pub(super) fn comment(&self, t: &Thread, text: &Value) -> Res {
        self.flush(t)?;
        let factory = self.comment_factory.get();
        let made = if factory.is_absent() { text.clone() } else { call::call1(t, &factory, text)? };
        if self.insert_comments.get() {
            self.insert(t, &made)?;
        }
        self.happened(t, Event::Comment, || Ok(made.clone()))?;
        Ok(made)
    }

    pub(super) fn instruction(&self, t: &Thread, target: &Value, text: &Value) -> Res {
        self.flush(t)?;
        let factory = self.instruction_factory.get();
        let args = [target.clone(), text.clone()];
        let made = if factory.is_absent() { tuple::from_array(t, args)? } else { call::call(t, &factory, &args)? };
        if self.insert_instructions.get() {
            self.insert(t, &made)?;
        }
        self.happened(t, Event::Instruction, || Ok(made.clone()))?;
        Ok(made)
    }

    /// A namespace prefix is bound.
    pub(super) fn start_namespace(&self, t: &Thread, prefix: &Value, uri: &Value) -> Res<()> {
        self.happened(t, Event::StartNs, || tuple::from_array(t, [prefix.clone(), uri.clone()]))
    }

    /// A namespace prefix is bound no longer.
    pub(super) fn end_namespace(&self, t: &Thread) -> Res<()> {
        self.happened(t, Event::EndNs, || Ok(Value::NONE))
    }

    /// The root, or None.
    pub(super) fn close(&self, _: &Thread) -> Res {
        Ok(self.root.get().present().unwrap_or(Value::NONE))
    }
}

fn join(t: &Thread, pieces: &[Value]) -> Res {
    let empty = strs::new(t, "")?;
    if let Some(other) = pieces.iter().find(|piece| piece.downcast::<Str>().is_none()) {
        let name = type_of(other).name();
        return Err(error::type_error(t, format_args!("sequence item 0: expected str instance, {name} found")));
    }
    str_::join(t, &empty, &tuple::new(t, pieces)?)
}
