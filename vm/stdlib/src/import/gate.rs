//! The gate: which modules a program may import, where its caller has said.
//!
//! What the program's own code asks for must be let in, by whatever way it asks. The library's code imports by statements that nobody
//! outside of it writes, so these may lead to anything but what is kept out. A module that is there already can be reached without
//! an import: the gate guides, and keeps out what has not been loaded yet; it is no wall around what has.

use super::embedded;
use std::sync::Arc;
use typhon_interp::code::CodeObject;
use typhon_interp::frame_object::FrameObject;
use typhon_isa::{Code, Const, Opcode};
use typhon_object::error::{self, Exc, Res};
use typhon_object::{Thread, Value, attr, strs};
use typhon_qsbr::Flag;
use typhon_qsbr::sync::Mutex;

/// Names of modules, each of which stands for its submodules, too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Modules {
    /// Empty lets in all that are not kept out.
    pub allow: Vec<String>,
    pub deny: Vec<String>,
}

/// Is there for every program: its own module, and what offers what its caller grants.
const ALWAYS: &[&str] = &["__future__", "__main__", "__program__", "builtins", "typhon_host"];

impl Modules {
    /// Whether nobody may import it.
    pub fn denies(&self, name: &str) -> bool {
        self.deny.iter().any(|front| is_within(name, front))
    }

    /// Whether a program may, as far as `allow` goes. A package is let in if something of it is.
    pub fn allows(&self, name: &str) -> bool {
        let listed = |entry: &String| is_within(name, entry) || is_within(entry, name);
        self.allow.is_empty() || ALWAYS.contains(&name) || self.allow.iter().any(listed)
    }
}

fn is_within(name: &str, front: &str) -> bool {
    name.strip_prefix(front).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// An isolate's gate.
struct Gate {
    /// To look at without the lock.
    shut: Flag,
    modules: Mutex<Option<Arc<Modules>>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { shut: Flag::new(false), modules: Mutex::default() }
    }
}

/// From now on the isolate's programs may import these; without any, all.
pub fn set(t: &Thread, modules: Option<&Arc<Modules>>) {
    if modules.is_none() && t.get_state::<Gate>().is_none() {
        return;
    }
    let gate = t.state::<Gate>();
    *gate.modules.lock() = modules.cloned();
    if modules.is_some() { gate.shut.set() } else { gate.shut.clear() }
}

fn modules(t: &Thread) -> Option<Arc<Modules>> {
    let gate = t.state::<Gate>();
    if gate.shut.get() { gate.modules.lock().clone() } else { None }
}

/// How many imports are under way on the thread that were let in.
#[derive(Default)]
struct Inside(std::cell::Cell<u32>);

/// Lets `name` in, or does not, for the Python code that runs; then runs `load`, in which importlib's code finds it let in.
pub(super) fn through(t: &Thread, name: &str, load: impl FnOnce() -> Res) -> Res {
    let Some(modules) = modules(t) else { return load() };
    ask(t, &modules, name)?;
    inside(t, load)
}

/// Runs what the import system does by itself, or for what was let in.
pub(super) fn inside(t: &Thread, load: impl FnOnce() -> Res) -> Res {
    let depth = &t.own_state::<Inside>().0;
    depth.set(depth.get() + 1);
    let loaded = load();
    depth.set(depth.get() - 1);
    loaded
}

fn ask(t: &Thread, modules: &Modules, name: &str) -> Res<()> {
    let known = crate::text::loaded(t, name).is_some();
    if by_statement_of_the_library(t)? {
        return if modules.denies(name) && !known { Err(refused(t, name)) } else { Ok(()) };
    }
    if modules.denies(name) || !modules.allows(name) { Err(refused(t, name)) } else { Ok(()) }
}

/// importlib's own code is about to load a module of the library or of the program.
pub(super) fn load(t: &Thread, name: &str) -> Res<()> {
    let Some(modules) = modules(t) else { return Ok(()) };
    let asked = t.own_state::<Inside>().0.get() > 0;
    if modules.denies(name) || !asked && !modules.allows(name) { Err(refused(t, name)) } else { Ok(()) }
}

fn refused(t: &Thread, name: &str) -> Exc {
    let text = format!("import of '{name}' is not permitted by the policy of this execution");
    match strs::new(t, name) {
        Ok(name) => error::import_error(t, false, &name, None, text),
        Err(e) => e,
    }
}

/// Whether what runs is an import statement in the library's own code, which no program has written.
fn by_statement_of_the_library(t: &Thread) -> Res<bool> {
    let Some(frame) = crate::frames::at(t, 0)? else { return Ok(false) };
    let Some(standing) = frame.downcast::<FrameObject>().map(FrameObject::offset) else { return Ok(false) };
    let code = attr::get_text(t, &frame, "f_code")?;
    let Some(code) = code.downcast::<CodeObject>().map(|object| object.code.clone()) else { return Ok(false) };
    let is_import = code.words.get(standing as usize).is_some_and(|word| word.op() == Opcode::ImportName as u8);
    let Some(path) = embedded::file_of(&code.filename).filter(|_| is_import) else { return Ok(false) };
    // Anybody can give a file's name to code; nobody else's code is the file's.
    Ok(embedded::known(t, path).is_some_and(|file| is_part(&code, &file)))
}

fn is_part(code: &Arc<Code>, of: &Arc<Code>) -> bool {
    let inner = |constant: &Const| matches!(constant, Const::Code(inner) if is_part(code, inner));
    Arc::ptr_eq(code, of) || of.consts.iter().any(inner)
}

/// The name of a module that importlib speaks of.
pub(super) fn load_named(t: &Thread, name: &Value) -> Res<()> {
    load(t, &strs::display(name))
}
