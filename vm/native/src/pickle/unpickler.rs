//! _pickle.Unpickler and its memo.

use super::load::Loader;
use super::load_object::find_class;
use super::memo::Read;
use super::save::own_hook;
use super::source::{File, Source};
use super::{UNPICKLING_ERROR, bad_pickle};
use crate::ctor::bind;
use crate::exclusive::Exclusive;
use crate::input::Input;
use std::cell::{Cell, RefCell};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getset};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{dict_, int};
use typhon_object::{Thread, Value, attr, convert, names, native, ops, payload, type_of};

/// An unpickler.
#[repr(C)]
struct Unpickler {
    header: Header,
    /// The file's methods; absent before `__init__`.
    read: Slot,
    readline: Slot,
    peek: Slot,
    buffers: Slot,
    persistent_load: Slot,
    fix_imports: Cell<bool>,
    proto: Cell<i64>,
    encoding: RefCell<(String, String)>,
    claim: Exclusive<()>,
    memo: RefCell<Read>,
}

typhon_object::payload!(Unpickler => UNPICKLER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.read, &self.readline, &self.peek, &self.buffers, &self.persistent_load] {
            visit(&slot.get());
        }
        if let Ok(memo) = self.memo.try_borrow() {
            memo.items().for_each(|(_, v)| visit(v));
        }
    }
    fn clear(&self) {
        for slot in [&self.read, &self.readline, &self.peek, &self.buffers, &self.persistent_load] {
            drop(slot.take());
        }
        if let Ok(mut memo) = self.memo.try_borrow_mut() {
            let old = std::mem::take(&mut *memo);
            drop(memo);
            drop(old);
        }
    }
});

/// _pickle.Unpickler.
pub(super) static UNPICKLER: TypeDef = TypeDef {
    name: "_pickle.Unpickler",
    doc: "This takes a binary file for reading a pickle data stream.\n\nThe protocol version of the pickle is detected automatically, so no\nprotocol argument is needed.  Bytes past the pickled object's\nrepresentation are ignored.",
    signature: "(file, *, fix_imports=True, encoding='ASCII', errors='strict',\n          buffers=())",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, empty)),
        init: Some(|t, v, args| bind(t, &INIT, v, args).map(drop)),
        ..Slots::NONE
    },
    methods: &[
        def(
            "load",
            "($self, /)",
            load,
            "Load a pickle.\n\nRead a pickled object representation from the open file object given\nin the constructor, and return the reconstituted object hierarchy\nspecified therein.",
        ),
        def(
            "find_class",
            "($self, module_name, global_name, /)",
            |t, a| {
                let u = this(&a[0]);
                find_class(t, &a[1], &a[2], u.proto.get(), u.fix_imports.get())
            },
            "Return an object from a specified module.\n\nIf necessary, the module will be imported. Subclasses may override\nthis method (e.g. to restrict unpickling of arbitrary classes and\nfunctions).\n\nThis method is called whenever a class or a function object is\nneeded.  Both arguments passed are str objects.",
        ),
        def(
            "__sizeof__",
            "($self, /)",
            |_, a| Ok(convert::from_usize(type_of(&a[0]).basic_size() + this(&a[0]).memo.borrow().len() * 8)),
            "Returns size in memory, in bytes.",
        ),
    ],
    getset: GETSET,
    ..TypeDef::of::<Unpickler>()
};

const GETSET: &[GetSetDef] = &[
    getset(
        "memo",
        |t, v| payload::new(t, |header| MemoProxy { header, unpickler: Slot::new(v.clone()) }),
        set_memo,
        "",
    ),
    getset(
        "persistent_load",
        |t, v| match this(v).persistent_load.get().present() {
            Some(f) => Ok(f),
            None => native::new_method(t, &PERSISTENT_LOAD, v.clone()),
        },
        |_, v, new| {
            this(v).persistent_load.set(&this(v).header, new.cloned().unwrap_or_default());
            Ok(())
        },
        "",
    ),
];

/// What an unpickler without an own `persistent_load` answers.
static PERSISTENT_LOAD: MethodDef = def(
    "persistent_load",
    "($self, pid, /)",
    |t, _| {
        Err(bad_pickle(
            t,
            "A load persistent id instruction was encountered, but no persistent_load function was specified.",
        ))
    },
    "",
);

fn this(v: &Value) -> &Unpickler {
    v.expect::<Unpickler>()
}

fn empty(header: Header) -> Unpickler {
    Unpickler {
        header,
        read: Slot::empty(),
        readline: Slot::empty(),
        peek: Slot::empty(),
        buffers: Slot::empty(),
        persistent_load: Slot::empty(),
        fix_imports: Cell::new(true),
        proto: Cell::new(0),
        encoding: RefCell::default(),
        claim: Exclusive::new(()),
        memo: RefCell::default(),
    }
}

fn text_arg(t: &Thread, v: &Value, function: &str, name: &str, default: &str) -> Res<String> {
    match v.opt() {
        None => Ok(default.to_string()),
        Some(v) => match v.downcast::<Str>() {
            Some(s) => Ok(s.to_lossy()),
            None => {
                let kind = if v.is_none() { "None".into() } else { type_of(v).name() };
                Err(error::type_error(t, format_args!("{function}() argument '{name}' must be str, not {kind}")))
            }
        },
    }
}

fn buffers_arg(t: &Thread, v: &Value) -> Res<Option<Value>> {
    v.non_none().map(|v| ops::iter(t, v)).transpose()
}

fn file_of(t: &Thread, v: &Value) -> Res<File> {
    let of = |name: &str| attr::get_opt(t, v, &names::intern_text(t, name));
    let peek = of("peek")?;
    match (of("read")?, of("readline")?) {
        (Some(read), Some(readline)) => Ok(File { read, readline, peek }),
        _ => Err(error::type_error(t, "file must have 'read' and 'readline' attributes")),
    }
}

static INIT: MethodDef = def(
    "Unpickler",
    "($self, /, file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())",
    |t, a| {
        let file = file_of(t, &a[1])?;
        let encoding = text_arg(t, &a[3], "Unpickler", "encoding", "ASCII")?;
        let errors = text_arg(t, &a[4], "Unpickler", "errors", "strict")?;
        let u = this(&a[0]);
        u.fix_imports.set(a[2].opt().map_or(Ok(true), |v| ops::truth(t, v))?);
        u.read.set(&u.header, file.read);
        u.readline.set(&u.header, file.readline);
        u.peek.set(&u.header, file.peek.unwrap_or_default());
        u.buffers.set(&u.header, buffers_arg(t, &a[5])?.unwrap_or_default());
        u.encoding.replace((encoding, errors));
        u.proto.set(0);
        drop(u.memo.take());
        Ok(Value::NONE)
    },
    "",
);

fn loader<'a>(t: &'a Thread, source: Source<'a>, (encoding, errors): (String, String)) -> Loader<'a> {
    Loader {
        t,
        source,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Read::default(),
        proto: 0,
        fix_imports: true,
        encoding,
        errors,
        buffers: None,
        find_class: None,
        persistent_load: None,
    }
}

fn load(t: &Thread, a: &[Value]) -> Res {
    let u = this(&a[0]);
    let Some(read) = u.read.get().present() else {
        let name = type_of(&a[0]).name();
        let text = format_args!("Unpickler.__init__() was not called by {name}.__init__()");
        return Err(error::new(t, &UNPICKLING_ERROR, text));
    };
    let file = File { read, readline: u.readline.get(), peek: u.peek.get().present() };
    u.claim.with_or(t, "Unpickler object is already used", |()| load_with(t, &a[0], &file))
}

fn load_with(t: &Thread, v: &Value, file: &File) -> Res {
    let u = this(v);
    let mut l = loader(t, Source::file(t, file), u.encoding.borrow().clone());
    l.fix_imports = u.fix_imports.get();
    l.buffers = u.buffers.get().present();
    l.persistent_load = own_hook(t, v, "persistent_load")?;
    l.find_class = own_hook(t, v, "find_class")?;
    l.memo = u.memo.take();
    let made = l.load();
    u.proto.set(l.proto);
    drop(u.memo.replace(std::mem::take(&mut l.memo)));
    made
}

/// `loads(data, ...)`.
pub(super) fn loads(t: &Thread, a: &[Value]) -> Res {
    let encoding = text_arg(t, &a[2], "loads", "encoding", "ASCII")?;
    let errors = text_arg(t, &a[3], "loads", "errors", "strict")?;
    let mut l = loader(t, Source::memory(t, Input::get(t, &a[0])?), (encoding, errors));
    l.fix_imports = a[1].opt().map_or(Ok(true), |v| ops::truth(t, v))?;
    l.buffers = buffers_arg(t, &a[4])?;
    l.load()
}

/// `load(file, ...)`.
pub(super) fn load_from(t: &Thread, a: &[Value]) -> Res {
    let file = file_of(t, &a[0])?;
    let encoding = text_arg(t, &a[2], "load", "encoding", "ASCII")?;
    let errors = text_arg(t, &a[3], "load", "errors", "strict")?;
    let mut l = loader(t, Source::file(t, &file), (encoding, errors));
    l.fix_imports = a[1].opt().map_or(Ok(true), |v| ops::truth(t, v))?;
    l.buffers = buffers_arg(t, &a[4])?;
    l.load()
}

fn set_memo(t: &Thread, v: &Value, new: Option<&Value>) -> Res<()> {
    let Some(new) = new else { return Err(error::type_error(t, "attribute deletion is not supported")) };
    let mut memo = Read::default();
    if let Some(proxy) = new.downcast::<MemoProxy>() {
        let unpickler = proxy.unpickler.get();
        let items: Vec<_> = this(&unpickler).memo.borrow().items().map(|(i, v)| (i, v.clone())).collect();
        items.into_iter().for_each(|(i, v)| drop(memo.put(i, v)));
    } else if let Some(dict) = new.downcast::<Dict>() {
        for (key, v) in dict.items() {
            if !int::is_int(&key) {
                return Err(error::type_error(t, "memo key must be integers"));
            }
            let Ok(i) = usize::try_from(convert::to_isize(t, &key)?) else {
                return Err(error::value_error(t, "memo key must be positive integers."));
            };
            drop(memo.put(i, v));
        }
    } else {
        let name = type_of(new).name();
        let text = format_args!("'memo' attribute must be an UnpicklerMemoProxy object or dict, not {name}");
        return Err(error::type_error(t, text));
    }
    drop(this(v).memo.replace(memo));
    Ok(())
}

/// An unpickler's memo as an object.
#[repr(C)]
struct MemoProxy {
    header: Header,
    unpickler: Slot,
}

typhon_object::payload!(MemoProxy => MEMO_PROXY {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.unpickler.get());
    }
});

/// _pickle.UnpicklerMemoProxy.
pub(super) static MEMO_PROXY: TypeDef = TypeDef {
    name: "_pickle.UnpicklerMemoProxy",
    flags: flag::NO_NEW,
    methods: &[
        def(
            "clear",
            "($self, /)",
            |_, a| {
                drop(this(&a[0].expect::<MemoProxy>().unpickler.get()).memo.take());
                Ok(Value::NONE)
            },
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
            "Implement pickling support.",
        ),
    ],
    ..TypeDef::of::<MemoProxy>()
};

fn copy_memo(t: &Thread, a: &[Value]) -> Res {
    let unpickler = a[0].expect::<MemoProxy>().unpickler.get();
    let items: Vec<_> = this(&unpickler).memo.borrow().items().map(|(i, v)| (i, v.clone())).collect();
    let dict = Dict::create(t);
    for (i, v) in items {
        Dict::of(&dict).set(t, &convert::from_usize(i), &v)?;
    }
    Ok(dict)
}
