//! One request in an isolate of its own.

use std::time::Instant;

use typhon_compiler::ModuleResult;
use typhon_interp::host::Host;
use typhon_interp::tier::{self, Spent};
use typhon_object::breaker::why;
use typhon_object::dict::Dict;
use typhon_object::error::{Exc, Res};
use typhon_object::gc::Gc;
use typhon_object::names::n;
use typhon_object::tally::Sharing;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value as Object};
use typhon_stdlib::import::gate;
use typhon_stdlib::isolate::{self, Environment, Options};
use typhon_stdlib::sys::{Config, Flags, streams};
use typhon_stdlib::{compile, fuel, report, site_builtins, text};

use crate::callbacks;
use crate::cancel::Cancel;
use crate::convert;
use crate::engine;
use crate::entry;
use crate::files;
use crate::limits::{LimitHit, LimitName, Usage};
use crate::outcome::{Detail, Outcome, Response, TerminationReason};
use crate::request::{Request, ResultMode};
use crate::value::Value;

/// Runs `request` in a fresh isolate on this thread and closes the isolate. Never panics on guest input, never
/// outlives a cancel by more than a few milliseconds, returns with every guest thread ended.
pub fn execute(request: &Request, host: &dyn Host, cancel: &Cancel) -> Response {
    if let Some(refused) = too_long(request) {
        return refused;
    }
    engine::with(&options(request), host, cancel, |t| {
        t.set_state(Environment(request.env.clone()));
        let before = begin(t);
        let mut usage = Usage::default();
        let ran = start(t, &mut usage).map_err(Failure::from).and_then(|main| run(t, &main, request, &mut usage));
        let mut response = conclude(t, request, cancel, ran);
        if t.breaker.stopped() || cancel.reason().is_some() {
            response = if_stopped(t, request, cancel, response);
            isolate::abandon(t);
        } else if let Err(e) = isolate::finalize(t)
            && (response.outcome.reason == TerminationReason::Completed || e.is_stopped())
        {
            response = conclude(t, request, cancel, Err(e.into()));
        }
        response.usage = counted(t, &before, usage);
        response
    })
}

pub(crate) fn too_long(request: &Request) -> Option<Response> {
    let limit = request.limits.source_bytes.filter(|limit| request.source.len() as u64 > *limit)?;
    let hit = LimitHit { which: LimitName::SourceBytes, limit, used: request.source.len() as u64 };
    Some(Response::of(Outcome::limit(hit)))
}

/// The finalizer of the result may have been what was stopped.
pub(crate) fn if_stopped(t: &Thread, request: &Request, cancel: &Cancel, response: Response) -> Response {
    if t.breaker.stopped() && response.outcome.reason == TerminationReason::Completed {
        return conclude(t, request, cancel, Err(Exc::stopped().into()));
    }
    response
}

/// An execution begins: what the isolate has used before is not its business.
pub(crate) fn begin(t: &Thread) -> Before {
    t.heap().begin_span();
    Before { compiled: spent(t), sharing: t.sharing() }
}

/// What the isolate had used when the execution began.
pub(crate) struct Before {
    compiled: Spent,
    sharing: Sharing,
}

fn spent(t: &Thread) -> Spent {
    tier::of(t).map(|tier| tier.spent()).unwrap_or_default()
}

pub(crate) fn counted(t: &Thread, before: &Before, usage: Usage) -> Usage {
    let (compiled, before_compiled) = (spent(t), before.compiled);
    let threads_peak = u32::try_from(typhon_stdlib::thread::turns::peak(t)).unwrap_or(u32::MAX);
    Usage {
        instructions: fuel::used(t),
        peak_heap_bytes: t.heap().peak() as u64,
        heap_byte_seconds: t.heap().span(),
        jit_compile: compiled.time.saturating_sub(before_compiled.time),
        jit_code_bytes: compiled.code_bytes.saturating_sub(before_compiled.code_bytes),
        gc: Gc::of(t).take_time(),
        threads_peak,
        sharing: (threads_peak > 1).then(|| t.sharing().since(before.sharing)),
        ..usage
    }
}

/// How the isolate for this request is made.
pub(crate) fn options(request: &Request) -> Options {
    Options {
        config: config(request),
        memory: request.limits.heap_bytes.map(|n| usize::try_from(n).unwrap_or(usize::MAX >> 1)),
        depth: request.limits.stack_depth,
        threads: request.limits.threads,
        turns: request.limits.cpu_parallelism == Some(1),
        verify: false,
        stack: engine::stack_left(),
    }
}

fn config(request: &Request) -> Config {
    let argv = if request.argv.is_empty() { vec![request.filename.clone()] } else { request.argv.clone() };
    let argv: Vec<Vec<u8>> = argv.into_iter().map(String::into_bytes).collect();
    let flags =
        Flags { isolated: 1, ignore_environment: 1, no_user_site: 1, safe_path: true, no_site: 1, ..Flags::default() };
    Config { orig_argv: argv.clone(), argv, flags, ..Config::default() }
}

pub(crate) struct Failure {
    error: Exc,
    compiling: bool,
}

impl From<Exc> for Failure {
    fn from(error: Exc) -> Self {
        Self { error, compiling: false }
    }
}

/// Fills a fresh isolate; its `__main__`.
pub(crate) fn start(t: &Thread, usage: &mut Usage) -> Res {
    let started = Instant::now();
    let main = isolate::populate(t)?;
    site_builtins::offer(t);
    usage.start_cost = started.elapsed();
    Ok(main)
}

/// Compiles the program and runs it in `main`.
pub(crate) fn run(t: &Thread, main: &Object, request: &Request, usage: &mut Usage) -> Result<Object, Failure> {
    let compiling = |error| Failure { error, compiling: true };
    let began = Instant::now();
    let source = compile::decode(t, &request.source, &request.filename).map_err(compiling)?;
    report::keep_source(t, &request.filename, &source);
    let mut options = compile::module_options(t, &request.filename);
    options.result = match request.result_mode {
        // What is returned is the callable's, and its program is a module like any.
        _ if request.entry_point.is_some() => ModuleResult::None,
        ResultMode::None => ModuleResult::None,
        ResultMode::LastExpression | ResultMode::Repr => ModuleResult::LastExpression,
        ResultMode::ReturnValue => ModuleResult::Return,
    };
    let code = match &request.library {
        Some(library) => compile::text_by(t, &source, &options, &**library),
        None => compile::text(t, &source, &options),
    };
    let code = code.map_err(compiling)?;
    usage.compile = began.elapsed();
    report::keep_code(t, &code);
    if request.validate_only {
        return Ok(Object::NONE);
    }
    let globals = Dict::of(main);
    globals.set_str(t, n::__file__(), typhon_object::strs::new(t, &request.filename)?)?;
    globals.set_str(t, n::__spec__(), Object::NONE)?;
    callbacks::install(t, main, request.host.as_ref())?;
    streams::handle(t, request.handler)?;
    files::put(t, &request.files)?;
    let inputs = request.inputs.iter().map(|(name, value)| Ok((name, convert::to_object(t, value, 0)?)));
    let inputs = inputs.collect::<Res<Vec<_>>>()?;
    gate::set(t, request.modules.as_ref());
    if request.deterministic || request.limits.instructions.is_some() {
        fuel::begin(t, request.limits.instructions);
    }
    if let Some(path) = &request.entry_point {
        return Ok(entry::call(t, main, &code, path, inputs)?);
    }
    for (name, value) in inputs {
        text::put(t, main, name, value)?;
    }
    Ok(compile::run(t, &code, main, main)?)
}

pub(crate) fn conclude(t: &Thread, request: &Request, cancel: &Cancel, ran: Result<Object, Failure>) -> Response {
    let mut response = Response::of(Outcome::completed());
    // A finalizer that was stopped has nobody to tell; its program ends all the same.
    let result = ran.and_then(|value| if t.breaker.stopped() { Err(Exc::stopped().into()) } else { Ok(value) });
    let result = result.and_then(|value| match request.result_mode {
        _ if request.validate_only => Ok(None),
        ResultMode::None => Ok(None),
        ResultMode::Repr => Ok(Some(Value::Str(typhon_object::ops::repr_text(t, &value)?))),
        ResultMode::LastExpression | ResultMode::ReturnValue => Ok(Some(convert::from_object(t, &value, request)?)),
    });
    match result {
        Ok(value) => response.result = value,
        Err(failure) => response.outcome = outcome(t, request, cancel, &failure),
    }
    response
}

fn outcome(t: &Thread, request: &Request, cancel: &Cancel, failure: &Failure) -> Outcome {
    let e = &failure.error;
    if e.is_stopped() {
        return stopped(t, request, cancel);
    }
    if e.is(&exc::SYSTEM_EXIT) {
        return match report::exit_status(t, e.value()) {
            Ok(code) => Outcome { reason: TerminationReason::Exit, detail: Detail::ExitCode(code) },
            Err(error) => outcome(t, request, cancel, &Failure { error, compiling: false }),
        };
    }
    let exception = convert::exception(t, e.value());
    let reason = match () {
        () if failure.compiling => TerminationReason::CompileError,
        () if e.is(&exc::KEYBOARD_INTERRUPT) && cancel.interrupted() => TerminationReason::Interrupted,
        () if e.is(&exc::MEMORY_ERROR) && request.limits.heap_bytes.is_some() => TerminationReason::Memory,
        () if e.is(&exc::RECURSION_ERROR) && request.limits.stack_depth.is_some() => TerminationReason::Stack,
        () => TerminationReason::Exception,
    };
    Outcome { reason, detail: Detail::Exception(Box::new(exception)) }
}

/// The outcome of an isolate that was stopped: by whoever cancelled it, or by its memory account.
fn stopped(t: &Thread, request: &Request, cancel: &Cancel) -> Outcome {
    if t.breaker.stop_reason() == Some(why::MEMORY) {
        let limit = request.limits.heap_bytes.unwrap_or(u64::MAX);
        let used = t.heap().peak() as u64;
        return Outcome::limit(LimitHit { which: LimitName::HeapBytes, limit, used });
    }
    if t.breaker.stop_reason() == Some(why::FUEL) {
        let limit = request.limits.instructions.unwrap_or(u64::MAX);
        return Outcome::limit(LimitHit { which: LimitName::Instructions, limit, used: fuel::used(t) });
    }
    match cancel.reason() {
        Some(reason) => Outcome::cancelled(&reason),
        None => Outcome {
            reason: TerminationReason::Interrupted,
            detail: Detail::Cancelled { by: "the engine".to_owned() },
        },
    }
}

/// An exception's text, for callers that show it.
pub(crate) fn shown(t: &Thread, e: &Object) -> Res<String> {
    report::text(t, e, None)
}
