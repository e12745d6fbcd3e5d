//! Memos: objects that a pickle has already, by identity or by number.

use rustc_hash::FxHashMap;
use typhon_object::Value;

/// What a pickler has written: numbers by identity. The objects are kept, so that no other takes their place.
#[derive(Default)]
pub(super) struct Written {
    /// Open addressing over `kept`: positions counted from one, 0 where there is none. Half of it is free.
    table: Vec<u32>,
    kept: Vec<(usize, Value)>,
}

/// Places of the first table: most pickles need no second one.
const FIRST: usize = 128;

impl Written {
    /// Where the search for a word begins.
    #[inline(always)]
    fn start(&self, bits: u64) -> usize {
        // Objects are 16 bytes apart at least.
        let mixed = (bits >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed >> 32) as usize & (self.table.len() - 1)
    }

    /// The place of a word in the table: the one that names it, or a free one.
    #[inline]
    fn place(&self, bits: u64) -> usize {
        let mut at = self.start(bits);
        while let Some(i) = (self.table[at] as usize).checked_sub(1)
            && self.kept[i].1.bits() != bits
        {
            at = (at + 1) & (self.table.len() - 1);
        }
        at
    }

    /// The number of an object.
    #[inline]
    pub(super) fn get(&self, v: &Value) -> Option<usize> {
        if self.table.is_empty() {
            return None;
        }
        let i = (self.table[self.place(v.bits())] as usize).checked_sub(1)?;
        Some(self.kept[i].0)
    }

    /// How many there are, which is the next number.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Gives an object a number.
    #[inline]
    pub(super) fn put(&mut self, v: &Value, number: usize) {
        if 2 * (self.kept.len() + 1) > self.table.len() {
            self.grow();
        }
        let at = self.place(v.bits());
        self.kept.push((number, v.clone()));
        self.table[at] = self.kept.len() as u32;
    }

    #[cold]
    fn grow(&mut self) {
        self.table = vec![0; (2 * self.table.len()).max(FIRST)];
        self.kept.reserve(self.table.len() / 2 - self.kept.len());
        for i in 0..self.kept.len() {
            let at = self.place(self.kept[i].1.bits());
            self.table[at] = i as u32 + 1;
        }
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
        if i == n {
            self.row.push(v);
            self.count += 1;
            return Value::ABSENT;
        }
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
