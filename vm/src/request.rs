//! What to run in a fresh isolate.

use std::sync::Arc;

use typhon_stdlib::compile::Library;
use typhon_stdlib::import::gate::Modules;

use crate::callbacks::Grant;
use crate::limits::Limits;
use crate::value::Value;
use crate::work::Work;

/// One program with its inputs. Every field is the caller's claim: the engine checks it.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Bytes, not text: decoding (PEP 263) is the compiler's duty and may fail as CPython's does.
    pub source: Vec<u8>,
    /// `__file__` and the name in tracebacks.
    pub filename: String,
    /// What of the program to call with the inputs, once it has run: names with dots between them.
    pub entry_point: Option<String>,
    /// `sys.argv`; empty means `[filename]`.
    pub argv: Vec<String>,
    /// `os.environ`, whole: nothing leaks in from the process.
    pub env: Vec<(String, String)>,
    /// Globals set before the program starts, or keywords for what is called of it. Names are Python identifiers; the service has checked them.
    pub inputs: Vec<(String, Value)>,
    pub stdin: Vec<u8>,
    /// Files put in their places before the program starts, where the host has them in memory.
    pub files: Vec<(String, Vec<u8>)>,
    /// Only in an isolate that lives on, and instead of the program.
    pub work: Option<Work>,
    pub result_mode: ResultMode,
    /// Compile the source, and run nothing: `Completed` or `CompileError`.
    pub validate_only: bool,
    /// What `sys.stdout` does with what it cannot encode while this runs, if not what it does by itself.
    pub handler: Option<&'static str>,
    pub limits: Limits,
    /// The host functions that the program may call.
    pub host: Option<Grant>,
    /// Which modules it may import, if that is not all.
    pub modules: Option<Arc<Modules>>,
    /// Where the source is looked for before it is compiled.
    pub library: Option<Arc<dyn Library>>,
    /// Nothing but the program and its inputs may decide what it does: its looks are counted even without a limit, and
    /// nothing is compiled while it runs. Clock, entropy and hashes are for the caller to see to.
    pub deterministic: bool,
}

/// What `Response::result` holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResultMode {
    #[default]
    None,
    /// The value of the program's last statement when that is an expression, else `None`.
    LastExpression,
    /// The value of a top-level `return`: the program is compiled as a function's body.
    ReturnValue,
    /// As `LastExpression`, but `repr(value)` as text.
    Repr,
}
