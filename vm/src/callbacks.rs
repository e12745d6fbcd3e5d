//! Host functions: what the guest calls and the client answers.
//!
//! The guest sees the module `typhon_host` (`typhon_host.py`), whose ground is the native module here. Both are made in an
//! isolate whose request grants functions.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use typhon_interp::host::{self, HostError};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::module;
use typhon_object::{Thread, Value as Object, attr, call, convert as number, strs};
use typhon_stdlib::sys::streams::host_result;
use typhon_stdlib::thread::turns;
use typhon_stdlib::{compile, import, text, world};

use crate::convert;
use crate::value::Value;

/// What an execution may call.
#[derive(Clone)]
pub struct Grant {
    pub functions: HostFunctions,
    pub calls: Arc<dyn HostCalls>,
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.functions.fmt(f)
    }
}

/// By what names it may: functions that are globals, and modules of functions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFunctions {
    pub globals: Vec<HostFunction>,
    pub modules: Vec<HostModule>,
}

impl HostFunctions {
    pub fn is_empty(&self) -> bool {
        self.globals.is_empty() && self.modules.is_empty()
    }
}

/// A module that the guest imports by its name, which is an identifier. A call of one of its functions is of `module.function`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostModule {
    pub name: String,
    pub documentation: String,
    pub functions: Vec<HostFunction>,
}

/// A function that the guest may call by its name, which is an identifier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFunction {
    pub name: String,
    pub documentation: String,
}

/// A call on its way out.
#[derive(Clone, Debug, PartialEq)]
pub struct HostCall {
    pub name: String,
    pub args: Vec<Value>,
    pub kwargs: Vec<(String, Value)>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub enum HostAnswer {
    Value(Value),
    /// The name of the exception's class, and its message.
    Raised {
        kind: String,
        message: String,
    },
}

/// The way to who answers. Called by any thread of the guest, many calls at once.
pub trait HostCalls: Send + Sync {
    /// Sends a call; its number. May wait while too many are open.
    fn begin(&self, call: HostCall) -> Result<u64, HostError>;

    /// Takes the answer to a call, once it is there.
    fn take(&self, number: u64) -> Option<HostAnswer>;

    /// Calls whose answers wait to be taken.
    fn arrived(&self) -> Vec<u64>;

    /// Nobody wants this answer any more.
    fn cancel(&self, number: u64);

    /// Grows with each answer and each [`HostCalls::wake`].
    fn epoch(&self) -> u64;

    /// Waits until the epoch is not `seen`, or the time is over; the epoch then.
    fn wait(&self, seen: u64, longest: Duration) -> u64;

    /// Lets those who wait look again.
    fn wake(&self);
}

/// Bytes of one call's arguments; what is more is left out, and marked so.
const ARGUMENT_BYTES: u64 = 1 << 20;

/// The calls of the execution that runs.
#[derive(Default)]
struct Granted(RefCell<Option<Arc<dyn HostCalls>>>);

static MODULE: ModuleDef = ModuleDef {
    name: "_typhon_host",
    doc: "The ground of typhon_host.",
    functions: &[
        def("begin", "($module, name, args, kwargs, /)", begin, "Starts a call."),
        def("take", "($module, number, /)", take, "The answer, or None."),
        def("arrived", "($module, /)", arrived, "Calls whose answers are there."),
        def("cancel", "($module, number, /)", cancel, "Gives a call up."),
        def("epoch", "($module, /)", |t, _| number::from_u64(t, calls(t)?.epoch()), "How many answers there were."),
        def("wait", "($module, seen, seconds, /)", wait, "Waits for another answer."),
        def("wake", "($module, /)", |t, _| calls(t).map(|calls| calls.wake()).map(|()| Object::NONE), "Ends waits."),
        def("now", "($module, /)", now, "The steady clock."),
    ],
    types: &[],
    init: None,
};

const SOURCE: &str = include_str!("typhon_host.py");

/// Gives the running execution its functions; an execution without a grant has nobody to call.
pub(crate) fn install(t: &Thread, main: &Object, grant: Option<&Grant>) -> Res<()> {
    let Some(grant) = grant else {
        withdraw(t);
        return Ok(());
    };
    *t.state::<Granted>().0.borrow_mut() = Some(grant.calls.clone());
    let m = match text::loaded(t, "typhon_host") {
        Some(m) => m,
        None => make(t)?,
    };
    let globals = named(t, &grant.functions.globals)?;
    let modules = grant.functions.modules.iter().map(|module| {
        let text = [strs::new(t, &module.name)?, strs::new(t, &module.documentation)?];
        tuple::from_vec(t, text.into_iter().chain([named(t, &module.functions)?]).collect())
    });
    let modules = List::from_vec(t, modules.collect::<Res<Vec<_>>>()?)?;
    call::call(t, &attr::get_text(t, &m, "_install")?, &[main.clone(), globals, modules]).map(drop)
}

/// Pairs of name and documentation.
fn named(t: &Thread, functions: &[HostFunction]) -> Res {
    let pairs = functions.iter().map(|function| {
        tuple::from_vec(t, vec![strs::new(t, &function.name)?, strs::new(t, &function.documentation)?])
    });
    List::from_vec(t, pairs.collect::<Res<Vec<_>>>()?)
}

/// The execution is over: what its threads still call finds nobody.
pub(crate) fn withdraw(t: &Thread) {
    let calls = t.get_state::<Granted>().and_then(|granted| granted.0.borrow_mut().take());
    drop(calls);
}

fn make(t: &Thread) -> Res {
    let native = import::load_native(t, "_typhon_host", &MODULE)?;
    let m = module::new(t, &text::name(t, "typhon_host"))?;
    let dict = module::dict_of(t, &m);
    import::add_builtins(t, &dict)?;
    text::put(t, &dict, "_native", native)?;
    let code = compile::text(t, SOURCE, &compile::module_options(t, "<typhon_host>"))?;
    compile::run(t, &code, &dict, &dict)?;
    Dict::of(&t.modules().get()).set(t, &text::name(t, "typhon_host"), &m)?;
    Ok(m)
}

fn calls(t: &Thread) -> Res<Arc<dyn HostCalls>> {
    let granted = t.state::<Granted>().0.borrow().clone();
    granted.ok_or_else(|| error::runtime_error(t, "nobody answers host functions in this execution"))
}

fn begin(t: &Thread, a: &[Object]) -> Res {
    let calls = calls(t)?;
    let mut copy = convert::Copy::new(t, ARGUMENT_BYTES);
    let mut args = Vec::new();
    for value in a[1].downcast::<Tuple>().map(|args| args.items().to_vec()).unwrap_or_default() {
        args.push(copy.value(&value)?);
    }
    let mut kwargs = Vec::new();
    for (name, value) in a[2].downcast::<Dict>().map(|kwargs| kwargs.items()).unwrap_or_default() {
        kwargs.push((strs::display(&name), copy.value(&value)?));
    }
    let call = HostCall { name: strs::display(&a[0]), args, kwargs };
    number::from_u64(t, host_result(t, turns::idle(t, || calls.begin(call)))?)
}

fn take(t: &Thread, a: &[Object]) -> Res {
    match calls(t)?.take(number::to_u64(t, &a[0])?) {
        None => Ok(Object::NONE),
        Some(HostAnswer::Value(value)) => {
            tuple::from_vec(t, vec![Object::bool(true), convert::to_object(t, &value, 0)?])
        }
        Some(HostAnswer::Raised { kind, message }) => {
            tuple::from_vec(t, vec![Object::bool(false), strs::new(t, &kind)?, strs::new(t, &message)?])
        }
    }
}

fn arrived(t: &Thread, _: &[Object]) -> Res {
    let numbers = calls(t)?.arrived();
    List::from_vec(t, numbers.into_iter().map(|n| number::from_u64(t, n)).collect::<Res<Vec<_>>>()?)
}

fn cancel(t: &Thread, a: &[Object]) -> Res {
    calls(t)?.cancel(number::to_u64(t, &a[0])?);
    Ok(Object::NONE)
}

fn wait(t: &Thread, a: &[Object]) -> Res {
    let calls = calls(t)?;
    let seen = number::to_u64(t, &a[0])?;
    let seconds = number::to_f64(t, &a[1])?;
    let mut left = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::from_secs(3600));
    // An interrupt is noticed between two slices; an answer ends one.
    loop {
        let slice = left.min(world::SLICE);
        let epoch = turns::idle(t, || calls.wait(seen, slice));
        t.poll()?;
        left = left.saturating_sub(slice);
        if epoch != seen || left.is_zero() {
            return number::from_u64(t, epoch);
        }
    }
}

fn now(t: &Thread, _: &[Object]) -> Res {
    let clock = host::of(t).map(|host| host.monotonic_clock()).unwrap_or_default();
    number::from_f64(t, clock.as_secs_f64())
}
