//! Managers: the `with` side of `localcontext()`.

use super::context;
use typhon_object::args::Args;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{def, raw};
use typhon_object::store::Slot;
use typhon_object::thread::Thread;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Value, payload};

/// decimal.ContextManager.
#[repr(C)]
pub(super) struct Manager {
    header: Header,
    local: Slot,
    global: Slot,
}

typhon_object::payload!(Manager => MANAGER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        [&self.local, &self.global].iter().for_each(|slot| visit(&slot.get()));
    }
    fn clear(&self) {
        drop(self.local.take());
        drop(self.global.take());
    }
});

/// decimal.ContextManager.
pub(super) static MANAGER: TypeDef = TypeDef {
    name: "decimal.ContextManager",
    flags: flag::NO_NEW,
    methods: &[def("__enter__", "($self, /)", enter, ""), raw("__exit__", "($self, /, *args)", exit, "")],
    ..TypeDef::of::<Manager>()
};

/// `localcontext(ctx=None, **kwargs)`.
pub(super) fn local_context(t: &Thread, args: Args<'_>) -> Res {
    args_at_most_one(t, args)?;
    let by_name = args.keyword("ctx");
    let given = args.positional().first().or(by_name);
    let global = context::current(t)?;
    let local = context::copy(t, &context::argument(t, given)?)?;
    for (key, x) in args.keywords() {
        if !typhon_object::strs::eq_str(key, "ctx") {
            context::apply(t, &local, key, x)?;
        }
    }
    payload::new(t, |header| Manager { header, local: Slot::new(local), global: Slot::new(global) })
}

fn args_at_most_one(t: &Thread, args: Args<'_>) -> Res<()> {
    Args::pos(args.positional()).expect_positional(t, "localcontext", 0, 1).map(|_| ())
}

fn enter(t: &Thread, a: &[Value]) -> Res {
    let local = a[0].expect::<Manager>().local.get();
    context::set_current(t, &local)?;
    Ok(local)
}

fn exit(t: &Thread, args: Args<'_>) -> Res {
    if let Some(m) = args.positional().first().and_then(|v| v.downcast::<Manager>()) {
        context::set_current(t, &m.global.get())?;
    }
    Ok(Value::FALSE)
}
