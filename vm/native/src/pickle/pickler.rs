//! _pickle.Pickler and its memo.

use super::fail_pickling;
use super::memo::Written;
use super::op::HIGHEST;
use super::out::Out;
use super::save::{Saver, own_hook};
use crate::ctor::bind;
use crate::exclusive::Exclusive;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getset};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, dict_};
use typhon_object::{Thread, Value, attr, convert, names, native, ops, payload, type_of};

/// A pickler.
#[repr(C)]
pub(super) struct Pickler {
    header: Header,
    /// The file's `write`; absent before `__init__`.
    write: Slot,
    dispatch_table: Slot,
    buffer_callback: Slot,
    persistent_id: Slot,
    proto: Cell<i64>,
    binary: Cell<i64>,
    fast: Cell<i64>,
    fix_imports: Cell<bool>,
    claim: Exclusive<()>,
    memo: RefCell<Written>,
}

typhon_object::payload!(Pickler => PICKLER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.write, &self.dispatch_table, &self.buffer_callback, &self.persistent_id] {
            visit(&slot.get());
        }
        if let Ok(memo) = self.memo.try_borrow() {
            memo.items().iter().for_each(|(_, v)| visit(v));
        }
    }
    fn clear(&self) {
        for slot in [&self.write, &self.dispatch_table, &self.buffer_callback, &self.persistent_id] {
            drop(slot.take());
        }
        if let Ok(mut memo) = self.memo.try_borrow_mut() {
            let old = std::mem::take(&mut *memo);
            drop(memo);
            drop(old);
        }
    }
});

/// _pickle.Pickler.
pub(super) static PICKLER: TypeDef = TypeDef {
    name: "_pickle.Pickler",
    doc: "This takes a binary file for writing a pickle data stream.\n\nThe optional *protocol* argument tells the pickler to use the given\nprotocol; supported protocols are 0, 1, 2, 3, 4 and 5.  The default\nprotocol is 5.",
    signature: "(file, protocol=None, fix_imports=True, buffer_callback=None)",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, empty)),
        init: Some(|t, v, args| bind(t, &INIT, v, args).map(drop)),
        ..Slots::NONE
    },
    methods: &[
        def("dump", "($self, obj, /)", dump, "Write a pickled representation of the given object to the open file."),
        def(
            "clear_memo",
            "($self, /)",
            |t, a| clear(t, &a[0]),
            "Clears the pickler's \"memo\".\n\nThe memo is the data structure that remembers which objects the\npickler has already seen, so that shared or recursive objects are\npickled by reference and not by value.  This method is useful when\nre-using picklers.",
        ),
        def(
            "__sizeof__",
            "($self, /)",
            |_, a| {
                Ok(convert::from_usize(type_of(&a[0]).basic_size() + a[0].expect::<Pickler>().memo.borrow().len() * 32))
            },
            "Returns size in memory, in bytes.",
        ),
    ],
    getset: GETSET,
    ..TypeDef::of::<Pickler>()
};

fn this(v: &Value) -> &Pickler {
    v.expect::<Pickler>()
}

fn flag_of(cell: fn(&Pickler) -> &Cell<i64>, t: &Thread, v: &Value, new: Option<&Value>) -> Res<()> {
    match new {
        Some(new) => {
            cell(this(v)).set(i64::from(convert::to_i32(t, new)?));
            Ok(())
        }
        None => Err(error::type_error(t, "can't delete numeric/char attribute")),
    }
}

const GETSET: &[GetSetDef] = &[
    getset("bin", |_, v| Ok(Value::small(this(v).binary.get())), |t, v, new| flag_of(|p| &p.binary, t, v, new), ""),
    getset("fast", |_, v| Ok(Value::small(this(v).fast.get())), |t, v, new| flag_of(|p| &p.fast, t, v, new), ""),
    getset(
        "dispatch_table",
        |t, v| {
            let missing = || error::no_attribute(t, v, &names::intern_text(t, "dispatch_table"));
            this(v).dispatch_table.get().present().ok_or_else(missing)
        },
        |_, v, new| {
            this(v).dispatch_table.set(&this(v).header, new.cloned().unwrap_or_default());
            Ok(())
        },
        "",
    ),
    getset("memo", |t, v| payload::new(t, |header| MemoProxy { header, pickler: Slot::new(v.clone()) }), set_memo, ""),
    getset(
        "persistent_id",
        |t, v| match this(v).persistent_id.get().present() {
            Some(f) => Ok(f),
            None => native::new_method(t, &PERSISTENT_ID, v.clone()),
        },
        |_, v, new| {
            this(v).persistent_id.set(&this(v).header, new.cloned().unwrap_or_default());
            Ok(())
        },
        "",
    ),
];

/// What a pickler without an own `persistent_id` answers.
static PERSISTENT_ID: MethodDef = def("persistent_id", "($self, obj, /)", |_, _| Ok(Value::NONE), "");

fn empty(header: Header) -> Pickler {
    Pickler {
        header,
        write: Slot::empty(),
        dispatch_table: Slot::empty(),
        buffer_callback: Slot::empty(),
        persistent_id: Slot::empty(),
        proto: Cell::new(HIGHEST),
        binary: Cell::new(1),
        fast: Cell::new(0),
        fix_imports: Cell::new(true),
        claim: Exclusive::new(()),
        memo: RefCell::default(),
    }
}

/// A protocol argument: negative is the newest.
fn protocol_arg(t: &Thread, v: &Value) -> Res<i64> {
    let Some(v) = v.non_none() else { return Ok(HIGHEST) };
    match i64::from(convert::to_i32(t, v)?) {
        n if n < 0 => Ok(HIGHEST),
        n if n > HIGHEST => Err(error::value_error(t, format_args!("pickle protocol must be <= {HIGHEST}"))),
        n => Ok(n),
    }
}

/// The settings that picklers and `dump` take: protocol, fix_imports, buffer callback.
fn settings(t: &Thread, proto: &Value, fix_imports: &Value, callback: &Value) -> Res<(i64, bool, Option<Value>)> {
    let proto = protocol_arg(t, proto)?;
    let fix_imports = fix_imports.opt().map_or(Ok(true), |v| ops::truth(t, v))?;
    let callback = callback.non_none().cloned();
    if callback.is_some() && proto < 5 {
        return Err(error::value_error(t, "buffer_callback needs protocol >= 5"));
    }
    Ok((proto, fix_imports && proto < 3, callback))
}

fn write_of(t: &Thread, file: &Value) -> Res {
    let found = attr::get_opt(t, file, &names::intern_text(t, "write"))?;
    found.ok_or_else(|| error::type_error(t, "file must have a 'write' attribute"))
}

static INIT: MethodDef = def(
    "Pickler",
    "($self, /, file, protocol=None, fix_imports=True, buffer_callback=None)",
    |t, a| {
        let (proto, fix_imports, callback) = settings(t, &a[2], &a[3], &a[4])?;
        let p = this(&a[0]);
        let write = write_of(t, &a[1])?;
        p.proto.set(proto);
        p.binary.set(i64::from(proto > 0));
        p.fix_imports.set(fix_imports);
        p.fast.set(0);
        p.write.set(&p.header, write);
        p.buffer_callback.set(&p.header, callback.unwrap_or_default());
        drop(p.memo.take());
        if let Some(table) = attr::get_opt(t, &a[0], &names::intern_text(t, "dispatch_table"))? {
            p.dispatch_table.set(&p.header, table);
        }
        Ok(Value::NONE)
    },
    "",
);

fn saver<'a>(t: &'a Thread, out: Out<'a>, proto: i64, fix_imports: bool) -> Saver<'a> {
    Saver {
        t,
        out,
        memo: Written::default(),
        proto,
        fix_imports,
        fast: false,
        open: Default::default(),
        depth: 0,
        persistent_id: None,
        reducer_override: None,
        dispatch_table: None,
        buffer_callback: None,
    }
}

const USED: &str = "Pickler object is already used";

fn dump(t: &Thread, a: &[Value]) -> Res {
    let p = this(&a[0]);
    let Some(write) = p.write.get().present() else {
        let name = type_of(&a[0]).name();
        return Err(fail_pickling(t, format_args!("Pickler.__init__() was not called by {name}.__init__()")));
    };
    p.claim.with_or(t, USED, |()| dump_with(t, &a[0], write, &a[1]))?;
    Ok(Value::NONE)
}

fn dump_with(t: &Thread, pickler: &Value, write: Value, v: &Value) -> Res<()> {
    let p = this(pickler);
    let mut s = saver(t, Out::new(t, Some(write)), p.proto.get(), p.fix_imports.get());
    s.fast = p.fast.get() != 0;
    s.persistent_id = own_hook(t, pickler, "persistent_id")?;
    s.reducer_override = attr::get_opt(t, pickler, &names::intern_text(t, "reducer_override"))?;
    s.dispatch_table = p.dispatch_table.get().present();
    s.buffer_callback = p.buffer_callback.get().present();
    s.memo = p.memo.take();
    let saved = s.dump(v);
    let Saver { out, memo, .. } = s;
    drop(p.memo.replace(memo));
    saved?;
    out.finish().map(drop)
}

/// `dumps(obj, ...)`.
pub(super) fn dumps(t: &Thread, a: &[Value]) -> Res {
    let (proto, fix_imports, callback) = settings(t, &a[1], &a[2], &a[3])?;
    let mut s = saver(t, Out::new(t, None), proto, fix_imports);
    s.buffer_callback = callback;
    s.dump(&a[0])?;
    bytes::from_vec(t, s.out.finish()?)
}

/// `dump(obj, file, ...)`.
pub(super) fn dump_to(t: &Thread, a: &[Value]) -> Res {
    let (proto, fix_imports, callback) = settings(t, &a[2], &a[3], &a[4])?;
    let mut s = saver(t, Out::new(t, Some(write_of(t, &a[1])?)), proto, fix_imports);
    s.buffer_callback = callback;
    s.dump(&a[0])?;
    s.out.finish()?;
    Ok(Value::NONE)
}

fn clear(t: &Thread, v: &Value) -> Res {
    let memo = this(v).claim.with_or(t, USED, |()| Ok(this(v).memo.take()))?;
    drop(memo);
    Ok(Value::NONE)
}

fn set_memo(t: &Thread, v: &Value, new: Option<&Value>) -> Res<()> {
    let Some(new) = new else { return Err(error::type_error(t, "attribute deletion is not supported")) };
    let mut memo = Written::default();
    if let Some(proxy) = new.downcast::<MemoProxy>() {
        let pickler = proxy.pickler.get();
        this(&pickler).memo.borrow().items().iter().for_each(|(i, v)| memo.put(v, *i));
    } else if let Some(dict) = new.downcast::<Dict>() {
        for (_, pair) in dict.items() {
            match pair.downcast::<Tuple>().map(Tuple::items) {
                Some([i, v]) => memo.put(v, convert::to_isize(t, i)?.max(0) as usize),
                _ => return Err(error::type_error(t, "'memo' values must be 2-item tuples")),
            }
        }
    } else {
        let name = type_of(new).name();
        let text = format_args!("'memo' attribute must be a PicklerMemoProxy object or dict, not {name}");
        return Err(error::type_error(t, text));
    }
    drop(this(v).memo.replace(memo));
    Ok(())
}

/// A pickler's memo as an object.
#[repr(C)]
struct MemoProxy {
    header: Header,
    pickler: Slot,
}

typhon_object::payload!(MemoProxy => MEMO_PROXY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.pickler.get());
    }
});

/// _pickle.PicklerMemoProxy.
pub(super) static MEMO_PROXY: TypeDef = TypeDef {
    name: "_pickle.PicklerMemoProxy",
    flags: flag::NO_NEW,
    methods: &[
        def(
            "clear",
            "($self, /)",
            |t, a| clear(t, &a[0].expect::<MemoProxy>().pickler.get()),
            "Remove all items from memo.",
        ),
        def("copy", "($self, /)", copy_memo, "Copy the memo to a new object."),
        def(
            "__reduce__",
            "($self, /)",
            |t, a| {
                let args = tuple::from_array(t, [copy_memo(t, a)?])?;
                tuple::from_array(t, [dict_::DICT.ty().value(), args])
            },
            "Implement pickle support.",
        ),
    ],
    ..TypeDef::of::<MemoProxy>()
};

fn copy_memo(t: &Thread, a: &[Value]) -> Res {
    let pickler = a[0].expect::<MemoProxy>().pickler.get();
    let items = this(&pickler).memo.borrow().items().to_vec();
    let dict = Dict::create(t);
    for (i, v) in items {
        let key = convert::from_i64(t, v.id())?;
        let pair = tuple::from_array(t, [convert::from_usize(i), v])?;
        Dict::of(&dict).set(t, &key, &pair)?;
    }
    Ok(dict)
}
