//! The embedded library: a folder that exists in this program only.

use rustc_hash::FxHashMap;
use std::sync::{Arc, LazyLock};
use typhon_interp::code::new_code;
use typhon_isa::Code;
use typhon_object::crossing::Crossing;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def, member};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, module};
use typhon_object::{Args, Thread, Value, payload, strs, tuple};
use typhon_qsbr::sync::Mutex;

/// `sys.prefix`.
pub const PREFIX: &str = "/typhon";
pub use typhon_pylib::FOLDER;

/// The library's own path of a file below [`FOLDER`].
pub fn library_path(filename: &str) -> Option<&str> {
    filename.strip_prefix(FOLDER)?.strip_prefix('/')
}

/// The library's file whose code bears a file name.
pub fn file_of(filename: &str) -> Option<&str> {
    // importlib's two halves are not called as they lie.
    let halves = ["importlib/_bootstrap.py", "importlib/_bootstrap_external.py"];
    library_path(filename).or_else(|| halves.into_iter().find(|path| typhon_pylib::filename(path) == filename))
}

/// The library's folder behind an entry of a path: `""` for [`FOLDER`] itself.
pub fn library_folder(entry: &str) -> Option<&str> {
    let rest = entry.strip_prefix(FOLDER)?;
    if rest.is_empty() { Some("") } else { rest.strip_prefix('/').map(|r| r.trim_end_matches('/')) }
}

/// A module in one of the library's folders: its path, and whether it is a package.
pub fn find(folder: &str, name: &str) -> Option<typhon_pylib::Entry> {
    if folder.is_empty() {
        return typhon_pylib::find(name);
    }
    typhon_pylib::find(&format!("{}.{name}", folder.replace('/', ".")))
}

/// The process's code of the library, by path and optimization level.
static CODE: LazyLock<Mutex<FxHashMap<(String, u8), Arc<Code>>>> = LazyLock::new(Mutex::default);

/// The code of a library file, read or compiled once a process.
pub fn code(t: &Thread, path: &str) -> Res<Arc<Code>> {
    let filename = typhon_pylib::filename(path);
    let options = crate::compile::module_options(t, &filename);
    let key = (path.to_owned(), options.optimize);
    if let Some(code) = kept(&key) {
        return Ok(code);
    }
    // What the process keeps is not charged to the isolate that happens to be the first.
    t.heap().exempt(|| {
        let code = ready(t, path, &options)?;
        let _crossing = Crossing::begin();
        Ok(Arc::clone(CODE.lock().entry(key).or_insert(code)))
    })
}

/// The code of a library file that some isolate has loaded with this one's options.
pub fn known(t: &Thread, path: &str) -> Option<Arc<Code>> {
    let options = crate::compile::module_options(t, "");
    kept(&(path.to_owned(), options.optimize))
}

fn kept(key: &(String, u8)) -> Option<Arc<Code>> {
    let _crossing = Crossing::begin();
    CODE.lock().get(key).cloned()
}

/// What `unpack` gets out of the library, for which it takes the library's lock.
pub(super) fn unpacked(unpack: impl FnOnce() -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    let _crossing = Crossing::begin();
    unpack()
}

fn ready(t: &Thread, path: &str, options: &typhon_compiler::Options) -> Res<Arc<Code>> {
    let bytes = if options.optimize == 0 { unpacked(|| typhon_pylib::code(path)) } else { None };
    match bytes.map(|bytes| typhon_isa::pack::unpack(&bytes)) {
        Some(Ok(code)) => Ok(code),
        Some(Err(_)) => Err(error::system_error(t, format_args!("the code of {path} is damaged"))),
        None => crate::compile::text_code(t, &source(t, path)?, options),
    }
}

/// The text of a library file.
pub fn source(t: &Thread, path: &str) -> Res<String> {
    let bytes = unpacked(|| typhon_pylib::source(path));
    match bytes.and_then(|b| String::from_utf8(b).ok()) {
        Some(text) => Ok(text),
        None => Err(error::os_error(t, libc::ENOENT, Some(&strs::new(t, &format!("{FOLDER}/{path}"))?), None)),
    }
}

/// Loads modules of the library: the loader of one of them.
#[repr(C)]
pub struct Loader {
    header: Header,
    name: Slot,
    path: Slot,
    /// The path within the library.
    pub entry: typhon_pylib::Entry,
}

typhon_object::payload!(Loader => LOADER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.name.peek());
            visit(self.path.peek());
        }
    }
});

/// EmbeddedLoader.
pub static LOADER: TypeDef = TypeDef {
    name: "_frozen_importlib_external.EmbeddedLoader",
    doc: "Loads modules of the library that is part of the program.",
    flags: flag::NO_NEW,
    methods: LOADER_METHODS,
    members: &[
        member("name", std::mem::offset_of!(Loader, name), ""),
        member("path", std::mem::offset_of!(Loader, path), ""),
    ],
    ..TypeDef::of::<Loader>()
};

const LOADER_METHODS: &[MethodDef] = &[
    def("create_module", "($self, spec, /)", |_, _| Ok(Value::NONE), "Use default semantics for module creation."),
    def("exec_module", "($self, module, /)", exec_module, "Execute the module."),
    def("is_package", "($self, fullname=None, /)", |_, a| Ok(Value::bool(me(&a[0]).entry.is_package)), ""),
    def("get_filename", "($self, fullname=None, /)", |_, a| Ok(me(&a[0]).path.get()), ""),
    def("get_source", "($self, fullname=None, /)", |t, a| strs::new(t, &source(t, me(&a[0]).entry.path)?), ""),
    def("get_code", "($self, fullname=None, /)", |t, a| new_code(t, &code(t, me(&a[0]).entry.path)?), ""),
    def("get_data", "($self, path, /)", get_data, "The bytes of a file of the library."),
    def("path_stats", "($self, path, /)", path_stats, ""),
    def("get_resource_reader", "($self, name=None, /)", |_, _| Ok(Value::NONE), ""),
    def("source_to_code", "($self, data, path, /)", source_to_code, ""),
];

fn me(v: &Value) -> &Loader {
    v.expect::<Loader>()
}

/// The loader of a library module.
pub fn loader(t: &Thread, name: &Value, path: &Value, entry: typhon_pylib::Entry) -> Res {
    payload::new(t, |header| Loader { header, name: Slot::new(name.clone()), path: Slot::new(path.clone()), entry })
}

fn exec_module(t: &Thread, a: &[Value]) -> Res {
    super::gate::load_named(t, &me(&a[0]).name.get())?;
    let code = new_code(t, &code(t, me(&a[0]).entry.path)?)?;
    if a[1].downcast::<module::Module>().is_none() {
        return Err(error::type_error(t, "exec_module() argument must be a module"));
    }
    let dict = module::dict_of(t, &a[1]);
    super::add_builtins(t, &dict)?;
    crate::compile::run(t, &code, &dict, &dict)?;
    Ok(Value::NONE)
}

fn data(t: &Thread, path: &Value) -> Res<Vec<u8>> {
    let text = strs::display(path);
    match library_path(&text).and_then(|path| unpacked(|| typhon_pylib::source(path))) {
        Some(bytes) => Ok(bytes),
        None => Err(error::os_error(t, libc::ENOENT, Some(path), None)),
    }
}

fn get_data(t: &Thread, a: &[Value]) -> Res {
    bytes::new(t, &data(t, &a[1])?)
}

fn path_stats(t: &Thread, a: &[Value]) -> Res {
    let size = data(t, &a[1])?.len();
    let d = typhon_object::dict::Dict::create(t);
    crate::text::put(t, &d, "mtime", Value::small(0))?;
    crate::text::put(t, &d, "size", typhon_object::convert::from_usize(size))?;
    Ok(d)
}

fn source_to_code(t: &Thread, a: &[Value]) -> Res {
    let compile = typhon_object::attr::get_text(t, &super::builtins_module(t)?, "compile")?;
    typhon_object::call::call(t, &compile, &[a[1].clone(), a[2].clone(), strs::new(t, "exec")?])
}

/// Finds modules in one folder of the library: what the path hook gives.
#[repr(C)]
pub struct Finder {
    header: Header,
    path: Slot,
    folder: Box<str>,
}

typhon_object::payload!(Finder => FINDER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.path.peek() });
    }
});

/// EmbeddedFinder.
pub static FINDER: TypeDef = TypeDef {
    name: "_frozen_importlib_external.EmbeddedFinder",
    doc: "Finds modules of the library that is part of the program.",
    slots: Slots { new: Some(new_finder), ..Slots::NONE },
    methods: &[
        def("find_spec", "($self, fullname, target=None)", find_spec, "The module's spec, or None."),
        def("iter_modules", "($self, prefix='')", iter_modules, "(name, is package) of every module in the folder."),
        def("invalidate_caches", "($self, /)", |_, _| Ok(Value::NONE), "Nothing is cached."),
    ],
    members: &[member("path", std::mem::offset_of!(Finder, path), "")],
    ..TypeDef::of::<Finder>()
};

/// The class is its own path hook: it refuses other folders with ImportError.
fn new_finder(t: &Thread, class: &Value, a: Args<'_>) -> Res {
    let [path] = a.expect_positional(t, "EmbeddedFinder", 1, 1)? else {
        return Err(error::type_error(t, "EmbeddedFinder expected 1 argument"));
    };
    let text = strs::display(path);
    let Some(folder) = library_folder(&text).filter(|f| path.downcast::<Str>().is_some() && exists(f)) else {
        return Err(error::import_error(t, false, &Value::NONE, Some(path), "not a folder of the embedded library"));
    };
    payload::new_for(t, class, |header| Finder { header, path: Slot::new(path.clone()), folder: folder.into() })
}

fn exists(folder: &str) -> bool {
    folder.is_empty() || !typhon_pylib::list(folder).is_empty()
}

fn find_spec(t: &Thread, a: &[Value]) -> Res {
    let full = strs::display(&a[1]);
    let tail = full.rsplit('.').next().unwrap_or_default();
    match find(&a[0].expect::<Finder>().folder, tail) {
        Some(entry) => spec(t, &a[1], entry),
        None => Ok(Value::NONE),
    }
}

/// The spec of a library module.
pub fn spec(t: &Thread, name: &Value, entry: typhon_pylib::Entry) -> Res {
    let path = strs::new(t, &format!("{FOLDER}/{}", entry.path))?;
    let loader = loader(t, name, &path, entry)?;
    let search = if entry.is_package {
        let folder = entry.path.trim_end_matches("/__init__.py");
        List::from_vec(t, vec![strs::new(t, &format!("{FOLDER}/{folder}"))?])?
    } else {
        Value::NONE
    };
    super::spec::new(t, name, path, search, super::spec::Lazy::Made, loader)
}

fn iter_modules(t: &Thread, a: &[Value]) -> Res {
    let folder = &a[0].expect::<Finder>().folder;
    let prefix = a[1].opt().map(strs::display).unwrap_or_default();
    let mut rows = Vec::new();
    for name in typhon_pylib::list(folder) {
        let (stem, package) = match (name.is_folder, name.name.strip_suffix(".py")) {
            (false, Some("__init__") | None) => continue,
            (false, Some(stem)) => (stem, false),
            (true, _) if find(folder, name.name).is_some_and(|e| e.is_package) => (name.name, true),
            (true, _) => continue,
        };
        rows.push(tuple::from_array(t, [strs::new(t, &format!("{prefix}{stem}"))?, Value::bool(package)])?);
    }
    List::from_vec(t, rows)
}
