//! The names of a document: each as written once, with what handlers are told of it.

use rustc_hash::FxHashMap;
use std::rc::Rc;
use typhon_object::Value;

/// A name's number.
pub(super) type NameId = u32;

/// The names.
#[derive(Default)]
pub(super) struct Names {
    by_text: FxHashMap<Rc<str>, NameId>,
    known: Vec<Name>,
}

struct Name {
    raw: Rc<str>,
    /// What an element and an attribute of this name are called, each with the state of the namespaces in which that holds.
    reported: [(u64, Value); 2],
}

impl Names {
    /// The number of a name as written.
    pub(super) fn find(&mut self, raw: &str) -> NameId {
        if let Some(&id) = self.by_text.get(raw) {
            return id;
        }
        let (id, raw) = (self.known.len() as NameId, Rc::<str>::from(raw));
        self.known.push(Name { raw: Rc::clone(&raw), reported: Default::default() });
        self.by_text.insert(raw, id);
        id
    }

    /// As written.
    pub(super) fn raw(&self, id: NameId) -> &Rc<str> {
        &self.known[id as usize].raw
    }

    /// What it is called, if that is known of this state of the namespaces.
    pub(super) fn reported(&self, id: NameId, element: bool, state: u64) -> Option<&Value> {
        let (known, name) = &self.known[id as usize].reported[usize::from(element)];
        (*known == state).then_some(name).filter(|name| !name.is_absent())
    }

    /// Notes what it is called.
    pub(super) fn report(&mut self, id: NameId, element: bool, state: u64, name: Value) {
        self.known[id as usize].reported[usize::from(element)] = (state, name);
    }
}
