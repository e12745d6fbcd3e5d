//! Memos: objects that a pickle has already, by identity or by number.

use rustc_hash::FxHashMap;
use typhon_object::Value;

/// What a pickler has written: numbers by identity. The objects are kept, so that no other takes their place.
#[derive(Default)]
pub(super) struct Written {
    places: FxHashMap<u64, usize>,
    kept: Vec<(usize, Value)>,
}

impl Written {
    /// The number of an object.
    #[inline]
    pub(super) fn get(&self, v: &Value) -> Option<usize> {
        self.places.get(&v.bits()).copied()
    }

    /// How many there are, which is the next number.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Gives an object a number.
    #[inline]
    pub(super) fn put(&mut self, v: &Value, number: usize) {
        self.places.insert(v.bits(), number);
        self.kept.push((number, v.clone()));
    }

    /// Numbers and objects.
    pub(super) fn items(&self) -> &[(usize, Value)] {
        &self.kept
    }
}

/// What an unpickler has read, by number: a row, and the numbers far beyond it.
#[derive(Default)]
pub(super) struct Read {
    row: Vec<Value>,
    far: FxHashMap<usize, Value>,
    count: usize,
}

impl Read {
    /// The object with a number.
    #[inline]
    pub(super) fn get(&self, i: usize) -> Option<Value> {
        match self.row.get(i) {
            Some(v) => v.opt().cloned(),
            None => self.far.get(&i).cloned(),
        }
    }

    /// Objects stored so far: the next number of MEMOIZE.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Stores an object; the old one is the caller's to drop.
    #[inline]
    pub(super) fn put(&mut self, i: usize, v: Value) -> Value {
        let n = self.row.len();
        let old = if i < n {
            std::mem::replace(&mut self.row[i], v)
        } else if i <= 2 * n + 64 {
            self.row.resize_with(i, || Value::ABSENT);
            self.row.push(v);
            Value::ABSENT
        } else {
            self.far.insert(i, v).unwrap_or_default()
        };
        self.count += usize::from(old.is_absent());
        old
    }

    /// Numbers and objects.
    pub(super) fn items(&self) -> impl Iterator<Item = (usize, &Value)> {
        let row = self.row.iter().enumerate().filter(|(_, v)| !v.is_absent());
        row.chain(self.far.iter().map(|(i, v)| (*i, v)))
    }
}
