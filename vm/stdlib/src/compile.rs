//! Source to code objects: errors as exceptions, remarks as warnings.

use std::sync::Arc;
use typhon_compiler::tree::table::Class;
use typhon_compiler::{Compiled, Cost, ErrorKind, Mode, Options, SyntaxError, Warning, WarningCategory};
use typhon_interp::code::new_code;
use typhon_object::aside;
use typhon_object::bulk;
use typhon_object::error::{self, Exc, Res};
use typhon_object::types::{exceptions as exc, int};
use typhon_object::{Thread, TypeDef, Value, attr, strs, tuple};

/// Compiles text and issues its warnings; the result is a code object.
pub fn text(t: &Thread, source: &str, options: &Options) -> Res {
    let code = text_code(t, source, options)?;
    new_code(t, &code)
}

/// Where text that was compiled before is found, whichever isolate that was for.
pub trait Library: std::fmt::Debug + Send + Sync {
    fn find(&self, source: &str, options: &Options) -> Option<Arc<Compiled>>;
    fn keep(&self, source: &str, options: &Options, unit: &Arc<Compiled>);
}

/// As [`text`], by way of `library`.
pub fn text_by(t: &Thread, source: &str, options: &Options, library: &dyn Library) -> Res {
    if let Some(unit) = library.find(source, options) {
        return new_code(t, &finish(t, &unit, &options.filename)?);
    }
    match aside_if_long(t, source, options, typhon_compiler::compile)? {
        Ok(compiled) => {
            let unit = Arc::new(compiled);
            library.keep(source, options, &unit);
            new_code(t, &finish(t, &unit, &options.filename)?)
        }
        Err(e) => refused(t, &e, &options.filename),
    }
}

/// As [`text`], the plain code.
pub fn text_code(t: &Thread, source: &str, options: &Options) -> Res<Arc<typhon_isa::Code>> {
    match aside_if_long(t, source, options, typhon_compiler::compile)? {
        Ok(compiled) => finish(t, &compiled, &options.filename),
        Err(e) => refused(t, &e, &options.filename),
    }
}

/// Longer text takes more than some milliseconds.
const LONG: usize = 64 << 10;
/// What any shorter text may take, a byte.
const SHORT_COST: usize = 16;
/// Text that is looked at between two looks at the breaker.
const PIECE: usize = 64 << 10;

/// What `work` makes of a source.
pub(crate) fn aside_if_long<R: Send + 'static>(
    t: &Thread,
    source: &str,
    options: &Options,
    work: fn(&str, &Options) -> R,
) -> Res<R> {
    if source.len() <= LONG {
        t.check_alloc(source.len() * SHORT_COST)?;
        return Ok(work(source, options));
    }
    let mut cost = Cost::default();
    for piece in source.as_bytes().chunks(PIECE) {
        cost.feed(piece);
        t.check_stop()?;
    }
    t.check_alloc(cost.bytes())?;
    let mut copy = Vec::new();
    bulk::extend(&mut copy, source.as_bytes());
    t.check_stop()?;
    let options = options.clone();
    aside::run(t, cost.bytes(), move || {
        let text = std::str::from_utf8(&copy).unwrap_or_default();
        typhon_compiler::while_wanted(aside::wanted, || work(text, &options))
    })
}

/// Issues what the parser remarked before it refused, and raises the refusal.
pub(crate) fn refused<T>(t: &Thread, e: &SyntaxError, filename: &str) -> Res<T> {
    e.warnings.iter().try_for_each(|w| issue(t, w, filename))?;
    Err(raise(t, e, filename))
}

/// The syntax tree of text, as Python objects.
pub fn tree(t: &Thread, source: &str, options: &Options) -> Res {
    match aside_if_long(t, source, options, typhon_compiler::parse)? {
        Ok(found) => {
            found.warnings.iter().try_for_each(|w| issue(t, w, &options.filename))?;
            crate::tree::show(t, &found.node)
        }
        Err(e) => refused(t, &e, &options.filename),
    }
}

/// Refuses a tree that has the wrong root for `compile()`'s mode.
pub fn check_root(t: &Thread, v: &Value, mode: Mode) -> Res<()> {
    crate::tree::check(t, v, root(mode))
}

/// Compiles a syntax tree made of Python objects.
pub fn of_tree(t: &Thread, v: &Value, options: &Options) -> Res {
    let node = crate::tree::read(t, v, root(options.mode))?;
    match typhon_compiler::compile_tree(&node, options) {
        Ok(compiled) => new_code(t, &finish(t, &compiled, &options.filename)?),
        Err(e) => Err(raise(t, &e, &options.filename)),
    }
}

/// The optimized copy of a syntax tree made of Python objects.
pub fn optimized_tree(t: &Thread, v: &Value, options: &Options) -> Res {
    let mut node = crate::tree::read(t, v, root(options.mode))?;
    match typhon_compiler::optimize_tree(&mut node, options) {
        Ok(()) => crate::tree::show(t, &node),
        Err(e) => Err(raise(t, &e, &options.filename)),
    }
}

/// The class that a tree of this mode has at its root.
fn root(mode: Mode) -> Class {
    match mode {
        Mode::Exec => Class::Module,
        Mode::Eval => Class::Expression,
        Mode::Single => Class::Interactive,
        Mode::FuncType => Class::FunctionType,
    }
}

fn finish(t: &Thread, compiled: &Compiled, filename: &str) -> Res<Arc<typhon_isa::Code>> {
    for w in &compiled.warnings {
        issue(t, w, filename)?;
    }
    Ok(compiled.code.clone())
}

fn issue(t: &Thread, w: &Warning, filename: &str) -> Res<()> {
    let category = match w.category {
        WarningCategory::Syntax => &exc::SYNTAX_WARNING,
        WarningCategory::Deprecation => &exc::DEPRECATION_WARNING,
    };
    let issued = crate::small::warnings::warn_explicit(t, category.ty(), &w.message, filename, w.line);
    match issued {
        // A filter made an error of it: as CPython, that is a SyntaxError at the same place.
        Err(e) if e.is(category) => {
            let place = |n: u32| Some(n as i32);
            let error = SyntaxError {
                kind: ErrorKind::Syntax,
                message: w.error_message(),
                line: w.line,
                col: place(w.col),
                end_line: Some(w.end_line),
                end_col: place(w.end_col),
                text: None,
                incomplete: false,
                metadata: None,
                warnings: Vec::new(),
            };
            Err(raise(t, &error, filename))
        }
        r => r,
    }
}

fn class(e: &SyntaxError) -> &'static TypeDef {
    match e.kind {
        ErrorKind::Syntax if e.incomplete => &exc::INCOMPLETE_INPUT_ERROR,
        ErrorKind::Syntax => &exc::SYNTAX_ERROR,
        ErrorKind::Indentation => &exc::INDENTATION_ERROR,
        ErrorKind::Tab => &exc::TAB_ERROR,
        ErrorKind::Memory => &exc::MEMORY_ERROR,
        ErrorKind::Recursion => &exc::RECURSION_ERROR,
        ErrorKind::Overflow => &exc::OVERFLOW_ERROR,
        ErrorKind::Value => &exc::VALUE_ERROR,
        ErrorKind::Type => &exc::TYPE_ERROR,
        ErrorKind::System => &exc::SYSTEM_ERROR,
    }
}

/// The exception that a refusal becomes.
pub fn raise(t: &Thread, e: &SyntaxError, filename: &str) -> Exc {
    let class = class(e);
    if !matches!(e.kind, ErrorKind::Syntax | ErrorKind::Indentation | ErrorKind::Tab) {
        return error::new(t, class, &e.message);
    }
    match details(t, e, filename) {
        Ok(args) => {
            let made = error::with_args(t, class.ty(), &args);
            if let Some((line, col, source)) = &e.metadata
                && let Err(failed) = metadata(t, &made, *line, *col, source)
            {
                return failed;
            }
            made
        }
        Err(failed) => failed,
    }
}

fn metadata(t: &Thread, e: &Exc, line: u32, col: u32, source: &str) -> Res<()> {
    let items = [Value::small(i64::from(line)), Value::small(i64::from(col)), strs::new(t, source)?];
    let v = tuple::from_array(t, items)?;
    exc::set_field(t, e, "_metadata", &v);
    Ok(())
}

fn details(t: &Thread, e: &SyntaxError, filename: &str) -> Res<[Value; 2]> {
    let number = |n: Option<i32>| n.map_or(Value::NONE, |n| Value::small(i64::from(n)));
    let text = match &e.text {
        Some(text) => strs::new(t, text)?,
        None => source_line(t, filename, e.line)?,
    };
    let mut place = vec![strs::new(t, filename)?, Value::small(i64::from(e.line)), number(e.col), text];
    if e.end_line.is_some() {
        place.push(e.end_line.map_or(Value::NONE, |n| Value::small(i64::from(n))));
        place.push(number(e.end_col));
    }
    Ok([strs::new(t, &e.message)?, tuple::from_vec(t, place)?])
}

/// The line of a source file, None when it cannot be read.
fn source_line(t: &Thread, filename: &str, line: u32) -> Res {
    let found = crate::import::files::read_source(t, filename)
        .and_then(|text| text.split_inclusive('\n').nth((line as usize).wrapping_sub(1)).map(str::to_owned));
    match found {
        Some(text) => strs::new(t, &text),
        None => Ok(Value::NONE),
    }
}

/// Decodes source bytes as CPython's tokenizer (BOM, PEP 263); the error is a SyntaxError about `filename`.
pub fn decode(t: &Thread, bytes: &[u8], filename: &str) -> Res<String> {
    let codecs = |name: &str, bytes: &[u8]| codec(t, name, bytes);
    match typhon_compiler::syntax::decode::decode(bytes, Some(filename), &codecs) {
        Ok(text) => Ok(text),
        Err(e) => Err(raise(t, &e, filename)),
    }
}

/// Decodes with a codec that the compiler does not know itself, for PEP 263.
fn codec(t: &Thread, name: &str, bytes: &[u8]) -> Option<Result<String, String>> {
    let decoded = typhon_object::types::bytes::new(t, bytes)
        .and_then(|v| typhon_object::codec::decode_object(t, &v, Some(name), None));
    match decoded {
        Ok(v) => v.downcast::<strs::Str>().map(|s| Ok(s.to_lossy())),
        Err(e) if e.is(&exc::LOOKUP_ERROR) => None,
        Err(e) => Some(Err(typhon_object::ops::str(t, e.value()).map(|s| strs::display(&s)).unwrap_or_default())),
    }
}

/// How many digits an int literal may have.
pub fn digit_limit(t: &Thread) -> u32 {
    u32::try_from(int::digits_max(t)).unwrap_or(u32::MAX)
}

/// The options of a file or library module.
pub fn module_options(t: &Thread, filename: &str) -> Options {
    let flags = t.state::<crate::sys::Settings>();
    let mut options = Options::new(Mode::Exec, filename);
    options.optimize = flags.optimize.get();
    options.int_max_digits = digit_limit(t);
    options
}

/// Runs a code object in a namespace that is globals and locals at once.
pub fn run(t: &Thread, code: &Value, globals: &Value, locals: &Value) -> Res {
    let dict = typhon_object::dict::Dict::of(globals);
    let builtins = typhon_interp::function::builtins_of(t, dict);
    let f = typhon_interp::function::new(t, code, globals, &builtins)?;
    typhon_interp::call::run_code(t, &f, Some(locals))
}

/// `sys.flags`-style attribute of an object as text, for messages.
pub fn attr_text(t: &Thread, v: &Value, name: &str) -> Res<String> {
    let x = attr::get_text(t, v, name)?;
    Ok(strs::display(&x))
}
