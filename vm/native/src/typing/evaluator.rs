//! _ConstEvaluator: an evaluator function whose value is known.

use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::tuple::Tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::union;
use typhon_object::{Thread, Value, convert, error, ops, payload, strs};

/// `annotationlib.Format.VALUE`.
pub(super) const VALUE: i64 = 1;
/// `annotationlib.Format.STRING`.
const STRING: i32 = 4;

/// The evaluator of a value.
#[repr(C)]
pub(super) struct Evaluator {
    header: Header,
    value: Slot,
}

typhon_object::payload!(Evaluator => EVALUATOR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.value.peek() });
    }
    fn clear(&self) {
        drop(self.value.take());
    }
});

/// _typing._ConstEvaluator.
pub(super) static EVALUATOR: TypeDef = TypeDef {
    name: "_typing._ConstEvaluator",
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(repr), call: Some(call), ..Slots::NONE },
    ..TypeDef::of::<Evaluator>()
};

/// The evaluator of `value`.
pub(super) fn new(t: &Thread, value: Value) -> Res {
    payload::new(t, |header| Evaluator { header, value: Slot::new(value) })
}

fn value(v: &Value) -> Value {
    v.expect::<Evaluator>().value.get().present().unwrap_or(Value::NONE)
}

fn repr(t: &Thread, v: &Value) -> Res {
    strs::new(t, &format!("<constevaluator {}>", ops::repr_text(t, &value(v))?))
}

fn call(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    args.no_keywords(t, "constevaluator.__call__")?;
    let [format] = args.values else {
        let n = args.values.len();
        return Err(error::type_error(
            t,
            format_args!("constevaluator.__call__() takes exactly 1 argument ({n} given)"),
        ));
    };
    let value = value(v);
    if convert::to_i32(t, format)? != STRING {
        return Ok(value);
    }
    match value.downcast::<Tuple>() {
        Some(items) => {
            let parts: Vec<String> = items.items().iter().map(|x| union::type_repr(t, x)).collect::<Res<_>>()?;
            strs::new(t, &format!("({})", parts.join(", ")))
        }
        None => strs::new(t, &union::type_repr(t, &value)?),
    }
}
