//! An attribute of a type parameter that is computed on first access.

use super::evaluator;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::store::Slot;
use typhon_object::{Thread, Value, call};

/// A value, or the compiler's function that evaluates it.
pub(super) struct Lazy {
    value: Slot,
    evaluate: Slot,
}

impl Lazy {
    /// A known value; absent for none.
    pub(super) fn of(value: Value) -> Self {
        Self { value: Slot::new(value), evaluate: Slot::empty() }
    }

    /// A value that `evaluate` computes.
    pub(super) fn deferred(evaluate: Value) -> Self {
        Self { value: Slot::empty(), evaluate: Slot::new(evaluate) }
    }

    /// Replaces the value by one that `evaluate` computes.
    pub(super) fn defer(&self, header: &Header, evaluate: Value) {
        drop(self.value.take());
        self.evaluate.set(header, evaluate);
    }

    /// The value as far as it is known.
    pub(super) fn known(&self) -> Value {
        self.value.get()
    }

    /// Whether the value is computed by a function.
    pub(super) fn is_deferred(&self) -> bool {
        !self.evaluate.is_absent()
    }

    /// The function that computes the value; absent if there is none.
    pub(super) fn function(&self) -> Value {
        self.evaluate.get()
    }

    /// The value, computed now if need be; absent if there is none.
    pub(super) fn get(&self, t: &Thread, header: &Header) -> Res {
        let (value, evaluate) = (self.value.get(), self.evaluate.get());
        if !value.is_absent() || evaluate.is_absent() {
            return Ok(value);
        }
        let made = call::call1(t, &evaluate, &Value::small(evaluator::VALUE))?;
        self.value.set(header, made.clone());
        Ok(made)
    }

    /// A function of an annotation format that gives the value; None if there is no value.
    pub(super) fn evaluator(&self, t: &Thread) -> Res {
        let (value, evaluate) = (self.value.get(), self.evaluate.get());
        if !evaluate.is_absent() {
            return Ok(evaluate);
        }
        if value.is_absent() { Ok(Value::NONE) } else { evaluator::new(t, value) }
    }

    /// Shows both to the collector.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.value.peek());
            visit(self.evaluate.peek());
        }
    }

    /// Drops both.
    pub(super) fn clear(&self) {
        drop(self.value.take());
        drop(self.evaluate.take());
    }
}
