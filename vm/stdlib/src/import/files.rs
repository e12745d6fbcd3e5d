//! Source files and folders, as the path finder sees them.

use super::embedded;
use crate::text;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;
use typhon_interp::host::{self, Access};
use typhon_isa::Code;
use typhon_object::crossing::Crossing;
use typhon_object::error::{self, Res};
use typhon_object::strs::Str;
use typhon_object::{Thread, Value};
use typhon_qsbr::sync::Mutex;

/// What a folder holds under a name.
#[derive(Debug)]
pub enum Found {
    /// `name.py`.
    Module(PathBuf),
    /// `name/__init__.py`.
    Package(PathBuf),
    /// A folder without `__init__.py`: a portion of a namespace package.
    Portion,
}

struct Listing {
    changed: Option<SystemTime>,
    names: FxHashSet<Vec<u8>>,
}

/// The isolate's listings of the folders it imports from.
#[derive(Default)]
pub struct Folders {
    known: RefCell<FxHashMap<PathBuf, Rc<Listing>>>,
}

/// May the guest read this path?
pub fn may_read(t: &Thread, path: &Path) -> bool {
    host::of(t).is_some_and(|h| h.permit(Access::Read(path)).is_ok())
}

/// The path behind a str or bytes entry of `sys.path`; `''` is the working directory.
pub fn entry_path(entry: &Value) -> Option<PathBuf> {
    let bytes = text::to_os(entry.downcast::<Str>()?)?;
    if bytes.is_empty() {
        return std::env::current_dir().ok();
    }
    Some(PathBuf::from(OsStr::from_bytes(&bytes)))
}

/// Looks `name` up in a folder.
pub fn find(t: &Thread, folder: &Path, name: &str) -> Option<Found> {
    if !may_read(t, folder) {
        return None;
    }
    let listing = list(t, folder)?;
    if listing.names.contains(name.as_bytes()) {
        let package = folder.join(name);
        let init = package.join("__init__.py");
        if may_read(t, &init) && init.is_file() {
            return Some(Found::Package(init));
        }
        let file = format!("{name}.py");
        if !listing.names.contains(file.as_bytes()) && package.is_dir() {
            return Some(Found::Portion);
        }
    }
    let file = format!("{name}.py");
    if listing.names.contains(file.as_bytes()) {
        let path = folder.join(file);
        if may_read(t, &path) && path.is_file() {
            return Some(Found::Module(path));
        }
    }
    None
}

fn list(t: &Thread, folder: &Path) -> Option<Rc<Listing>> {
    let changed = std::fs::metadata(folder).ok()?.modified().ok();
    let folders = t.state::<Folders>();
    if let Some(known) = folders.known.borrow().get(folder)
        && known.changed == changed
        && changed.is_some()
    {
        return Some(Rc::clone(known));
    }
    let mut names = FxHashSet::default();
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        names.insert(entry.file_name().into_vec());
    }
    let listing = Rc::new(Listing { changed, names });
    folders.known.borrow_mut().insert(folder.to_path_buf(), Rc::clone(&listing));
    Some(listing)
}

/// Forgets the listings.
pub fn invalidate(t: &Thread) {
    t.state::<Folders>().known.borrow_mut().clear();
}

/// A file's source as text, for messages: `None` when it cannot be read or decoded.
pub fn read_source(t: &Thread, filename: &str) -> Option<String> {
    if let Some(path) = embedded::library_path(filename) {
        return embedded::unpacked(|| typhon_pylib::source(path)).and_then(|b| String::from_utf8(b).ok());
    }
    let path = Path::new(filename);
    if filename.starts_with('<') || !may_read(t, path) {
        return None;
    }
    let bytes = std::fs::read(path).ok()?;
    // Whoever asks may be making the error that says why the file cannot be decoded: bad bytes are shown as such.
    match typhon_compiler::syntax::decode::decode(&bytes, Some(filename), &|_, _| None) {
        Ok(text) => Some(text),
        Err(_) => Some(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

struct Cached {
    changed: SystemTime,
    size: u64,
    code: Arc<Code>,
}

/// The process's code of files, by path and optimization level.
static FILES: LazyLock<Mutex<FxHashMap<(PathBuf, u8), Cached>>> = LazyLock::new(Mutex::default);
const FILES_MAX: usize = 4096;

/// The code of a source file.
pub fn code(t: &Thread, path: &Path, filename: &str) -> Res<Arc<Code>> {
    let options = crate::compile::module_options(t, filename);
    let os_error = |e: &std::io::Error| {
        let name = text::from_os(t, path.as_os_str().as_bytes()).unwrap_or(Value::NONE);
        error::os_error(t, e.raw_os_error().unwrap_or(libc::EIO), Some(&name), None)
    };
    let meta = std::fs::metadata(path).map_err(|e| os_error(&e))?;
    let stamp = meta.modified().ok().map(|changed| (changed, meta.len()));
    let key = (path.to_path_buf(), options.optimize);
    if let Some((changed, size)) = stamp {
        let _crossing = Crossing::begin();
        if let Some(found) = FILES.lock().get(&key)
            && found.changed == changed
            && found.size == size
            && *found.code.filename == *filename
        {
            return Ok(Arc::clone(&found.code));
        }
    }
    t.check_alloc(usize::try_from(meta.len()).unwrap_or(usize::MAX))?;
    let bytes = std::fs::read(path).map_err(|e| os_error(&e))?;
    let source = crate::compile::decode(t, &bytes, filename)?;
    let code = crate::compile::text_code(t, &source, &options)?;
    if let Some((changed, size)) = stamp {
        let _crossing = Crossing::begin();
        let mut files = FILES.lock();
        if files.len() >= FILES_MAX {
            files.clear();
        }
        files.insert(key, Cached { changed, size, code: Arc::clone(&code) });
    }
    Ok(code)
}
