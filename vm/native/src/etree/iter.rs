//! What walks a tree: `iter` and `itertext`.

use super::element::{Element, this};
use std::cell::{Cell, RefCell};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::types::iters::same;
use typhon_object::{Thread, Value, names, ops, payload, type_of};

/// An iterator over a tree: where it stands is a path of elements, each with the child to come.
#[repr(C)]
pub(super) struct Walk {
    header: Header,
    root: Slot,
    path: RefCell<Vec<(Value, usize)>>,
    /// The tag asked for; None for every element.
    tag: Slot,
    texts: Cell<bool>,
}

typhon_object::payload!(Walk => ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.root.get());
        visit(&self.tag.get());
        if let Ok(path) = self.path.try_borrow() {
            path.iter().for_each(|(element, _)| visit(element));
        }
    }
    fn clear(&self) {
        drop(self.root.take());
        drop(self.tag.take());
        let path = self.path.try_borrow_mut().map(|mut path| std::mem::take(&mut *path));
        drop(path);
    }
});

/// _elementtree._element_iterator.
pub(super) static ITER: TypeDef = TypeDef {
    name: "_elementtree._element_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<Walk>()
};

pub(super) const METHODS: &[MethodDef] = &[
    def("iter", "($self, /, tag=None)", iter, ""),
    def("itertext", "($self, /)", |t, a| make(t, &a[0], Value::NONE, true), ""),
];

fn iter(t: &Thread, a: &[Value]) -> Res {
    let tag = a[1].non_none().cloned().unwrap_or(Value::NONE);
    let star = strs::eq_str(&tag, "*") || bytes::peek(&tag).is_some_and(|text| text == b"*");
    make(t, &a[0], if star { Value::NONE } else { tag }, false)
}

fn make(t: &Thread, root: &Value, tag: Value, texts: bool) -> Res {
    payload::new(t, |header| Walk {
        header,
        root: Slot::new(root.clone()),
        path: RefCell::new(Vec::new()),
        tag: Slot::new(tag),
        texts: Cell::new(texts),
    })
}

/// Where the walk goes next.
enum Step {
    /// Into an element.
    Enter(Value),
    /// Out of an element, whose tail follows unless it is the root.
    Leave(Value, bool),
    End,
}

fn step(t: &Thread, walk: &Walk) -> Res<Step> {
    let mut path = walk.path.borrow_mut();
    let Some((parent, at)) = path.last_mut() else {
        return Ok(walk.root.take().present().map_or(Step::End, Step::Enter));
    };
    let Some(child) = this(parent).child(*at) else {
        let left = path.pop().map(|(parent, _)| parent).unwrap_or_default();
        return Ok(Step::Leave(left, !path.is_empty()));
    };
    if child.downcast::<Element>().is_none() {
        let name = type_of(&child).name();
        let text = format!("'{name}' object has no attribute 'iter'");
        return Err(error::attribute_error(t, &child, &names::intern_text(t, "iter"), text));
    }
    *at += 1;
    Ok(Step::Enter(child))
}

fn is_named(element: &Value) -> bool {
    let tag = this(element).tag.get();
    tag.is_none() || tag.downcast::<Str>().is_some()
}

fn next(t: &Thread, v: &Value) -> Res {
    let walk = v.expect::<Walk>();
    loop {
        t.poll()?;
        let text = match step(t, walk)? {
            Step::End => return Ok(Value::ABSENT),
            Step::Leave(element, true) if walk.texts.get() => this(&element).tail.get(),
            Step::Leave(..) => continue,
            // Comments and processing instructions have no inner text.
            Step::Enter(element) if walk.texts.get() && !is_named(&element) => {
                if walk.path.borrow().is_empty() {
                    continue;
                }
                this(&element).tail.get()
            }
            Step::Enter(element) => {
                walk.path.borrow_mut().push((element.clone(), 0));
                if walk.texts.get() {
                    this(&element).text.get()
                } else {
                    let wanted = walk.tag.get();
                    if wanted.is_none() || ops::eq(t, &this(&element).tag.get(), &wanted)? {
                        return Ok(element);
                    }
                    continue;
                }
            }
        };
        if !text.is_none() && ops::truth(t, &text)? {
            return Ok(text);
        }
    }
}
