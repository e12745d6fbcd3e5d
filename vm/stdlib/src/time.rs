//! `time`.

use crate::kernel;
use crate::thread::turns;
use crate::world;
use std::time::{Duration, Instant};
use typhon_object::codec::{self, Known};
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs;
use typhon_object::structseq;
use typhon_object::tuple::Tuple;
use typhon_object::types::structseq as ss;
use typhon_object::types::{float, int, module};
use typhon_object::{Exc, Res, Thread, Value, attr, call, convert, error, type_of};

structseq! {
    /// `time.struct_time`.
    pub STRUCT_TIME = "time.struct_time",
    "The time value as returned by gmtime(), localtime(), and strptime(), and\naccepted by asctime(), mktime() and strftime().",
    flags 0, visible 9, complete |_| {},
    [
        ("tm_year", "year, for example, 1993"), ("tm_mon", "month of year, range [1, 12]"),
        ("tm_mday", "day of month, range [1, 31]"), ("tm_hour", "hours, range [0, 23]"),
        ("tm_min", "minutes, range [0, 59]"), ("tm_sec", "seconds, range [0, 61])"),
        ("tm_wday", "day of week, range [0, 6], Monday is 0"), ("tm_yday", "day of year, range [1, 366]"),
        ("tm_isdst", "1 if summer time is in effect, 0 if not, and -1 if unknown"),
        ("tm_zone", "abbreviation of timezone name"), ("tm_gmtoff", "offset from UTC in seconds"),
    ]
}

/// `time`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "time",
    doc: "This module provides various functions to manipulate time values.",
    functions: &[
        def("time", "($module, /)", |t, _| seconds(t, wall(t)?), "Return the current time in seconds since the Epoch."),
        def(
            "time_ns",
            "($module, /)",
            |t, _| nanos(t, wall(t)?),
            "Return the current time in nanoseconds since the Epoch.",
        ),
        def("monotonic", "($module, /)", |t, _| seconds(t, steady(t)?), "Monotonic clock, cannot go backward."),
        def(
            "monotonic_ns",
            "($module, /)",
            |t, _| nanos(t, steady(t)?),
            "Monotonic clock, cannot go backward, as nanoseconds.",
        ),
        def("perf_counter", "($module, /)", |t, _| seconds(t, steady(t)?), "Performance counter for benchmarking."),
        def(
            "perf_counter_ns",
            "($module, /)",
            |t, _| nanos(t, steady(t)?),
            "Performance counter for benchmarking as nanoseconds.",
        ),
        def(
            "process_time",
            "($module, /)",
            |t, _| seconds(t, clock(t, libc::CLOCK_PROCESS_CPUTIME_ID)?),
            "Process time for profiling.",
        ),
        def(
            "process_time_ns",
            "($module, /)",
            |t, _| nanos(t, clock(t, libc::CLOCK_PROCESS_CPUTIME_ID)?),
            "Process time for profiling as nanoseconds.",
        ),
        def(
            "thread_time",
            "($module, /)",
            |t, _| seconds(t, clock(t, libc::CLOCK_THREAD_CPUTIME_ID)?),
            "Thread time for profiling.",
        ),
        def(
            "thread_time_ns",
            "($module, /)",
            |t, _| nanos(t, clock(t, libc::CLOCK_THREAD_CPUTIME_ID)?),
            "Thread time for profiling as nanoseconds.",
        ),
        def(
            "clock_gettime",
            "($module, clk_id, /)",
            |t, a| seconds(t, clock(t, convert::to_i32(t, &a[0])?)?),
            "Return the time of the specified clock clk_id as a float.",
        ),
        def(
            "clock_gettime_ns",
            "($module, clk_id, /)",
            |t, a| nanos(t, clock(t, convert::to_i32(t, &a[0])?)?),
            "Return the time of the specified clock clk_id as nanoseconds (int).",
        ),
        def(
            "pthread_getcpuclockid",
            "($module, thread_id, /)",
            cpu_clock,
            "Return the clk_id of a thread's CPU time clock.",
        ),
        def(
            "clock_settime",
            "($module, clk_id, time, /)",
            |t, a| set_clock(t, &a[0], duration(t, &a[1])?),
            "Set the time of the specified clock clk_id.",
        ),
        def(
            "clock_settime_ns",
            "($module, clk_id, time, /)",
            |t, a| set_clock(t, &a[0], convert::to_i64(t, &a[1])?),
            "Set the time of the specified clock clk_id with nanoseconds.",
        ),
        def(
            "clock_getres",
            "($module, clk_id, /)",
            resolution,
            "Return the resolution (precision) of the specified clock clk_id.",
        ),
        def("sleep", "($module, seconds, /)", sleep, "Delay execution for a given number of seconds."),
        def(
            "gmtime",
            "($module, seconds=None, /)",
            |t, a| split(t, &a[0], false),
            "Convert seconds since the Epoch to a time tuple expressing UTC.",
        ),
        def(
            "localtime",
            "($module, seconds=None, /)",
            |t, a| split(t, &a[0], true),
            "Convert seconds since the Epoch to a time tuple expressing local time.",
        ),
        def("asctime", "($module, tuple=None, /)", asctime, "Convert a time tuple to a string."),
        def(
            "ctime",
            "($module, seconds=None, /)",
            ctime,
            "Convert a time in seconds since the Epoch to a string in local time.",
        ),
        def("mktime", "($module, tuple, /)", mktime, "Convert a time tuple in local time to seconds since the Epoch."),
        def(
            "strftime",
            "($module, format, tuple=None, /)",
            strftime,
            "Convert a time tuple to a string according to a format specification.",
        ),
        def(
            "strptime",
            "($module, string, format='%a %b %d %H:%M:%S %Y', /)",
            strptime,
            "Parse a string to a time tuple according to a format specification.",
        ),
        def(
            "tzset",
            "($module, /)",
            tzset,
            "Initialize, or reinitialize, the local timezone to the value stored in os.environ['TZ'].",
        ),
        def("get_clock_info", "($module, name, /)", clock_info, "Get information of the specified clock."),
    ],
    types: &[("struct_time", STRUCT_TIME.def)],
    init: Some(init),
};

const CLOCKS: &[(&str, i32)] = &[
    ("CLOCK_REALTIME", libc::CLOCK_REALTIME),
    ("CLOCK_MONOTONIC", libc::CLOCK_MONOTONIC),
    ("CLOCK_MONOTONIC_RAW", libc::CLOCK_MONOTONIC_RAW),
    ("CLOCK_PROCESS_CPUTIME_ID", libc::CLOCK_PROCESS_CPUTIME_ID),
    ("CLOCK_THREAD_CPUTIME_ID", libc::CLOCK_THREAD_CPUTIME_ID),
    ("CLOCK_BOOTTIME", libc::CLOCK_BOOTTIME),
    ("CLOCK_TAI", libc::CLOCK_TAI),
    ("_STRUCT_TM_ITEMS", 11),
];

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    for (name, value) in CLOCKS {
        Dict::of(&dict).set_str(t, &names::intern_static(name), Value::small(i64::from(*value)))?;
    }
    set_zone(t, Dict::of(&dict))
}

/// `timezone`, `altzone`, `daylight`, `tzname`: what January and July of this year say.
fn set_zone(t: &Thread, dict: &Dict) -> Res<()> {
    const YEAR: i64 = (365 * 24 + 6) * 3600;
    let start = wall(t)?.as_secs() as i64 / YEAR * YEAR;
    let half = |at: i64| kernel::local_time(at).unwrap_or_default();
    let (january, july) = (half(start), half(start + YEAR / 2));
    let (winter, summer) = if january.offset < july.offset { (&january, &july) } else { (&july, &january) };
    let (std, dst) = if january.offset == july.offset { (&january, &july) } else { (winter, summer) };
    let pair = [world::fs_decode(t, std.zone.as_bytes())?, world::fs_decode(t, dst.zone.as_bytes())?];
    let fields = [
        ("timezone", convert::from_i64(t, -std.offset)?),
        ("altzone", convert::from_i64(t, -dst.offset)?),
        ("daylight", Value::small(i64::from(january.offset != july.offset))),
        ("tzname", typhon_object::tuple::from_array(t, pair)?),
    ];
    for (name, value) in fields {
        dict.set_str(t, &names::intern_static(name), value)?;
    }
    Ok(())
}

/// What a look at a clock takes where time is the host's invention: a program that waits by looking comes to an end.
const LOOK: Duration = Duration::from_micros(1);

fn wall(t: &Thread) -> Res<Duration> {
    let host = world::host(t)?;
    host.pass(LOOK);
    Ok(host.wall_clock())
}

pub(crate) fn steady(t: &Thread) -> Res<Duration> {
    let host = world::host(t)?;
    host.pass(LOOK);
    Ok(host.monotonic_clock())
}

fn clock(t: &Thread, id: i32) -> Res<Duration> {
    match id {
        libc::CLOCK_REALTIME => wall(t),
        libc::CLOCK_MONOTONIC => steady(t),
        _ if world::host(t)?.pass(Duration::ZERO) => steady(t),
        _ => kernel::clock(id).map_err(|e| error::os_error(t, e, None, None)),
    }
}

/// The clock of a thread of this isolate.
fn cpu_clock(t: &Thread, a: &[Value]) -> Res {
    let id = convert::to_u64(t, &a[0])?;
    let failed = |e| error::os_error(t, e, None, None);
    if id != turns::current() && id != turns::main(t) && !turns::alive(t).contains(&id) {
        return Err(failed(libc::ESRCH));
    }
    let Some(id) = kernel::signals::os_thread(id) else { return Err(failed(libc::ESRCH)) };
    kernel::thread_clock(id).map(|id| Value::small(id.into())).map_err(failed)
}

fn set_clock(t: &Thread, id: &Value, ns: i64) -> Res {
    let id = convert::to_i32(t, id)?;
    world::permit(t, typhon_interp::host::Access::ProcessState, None)?;
    kernel::set_clock(id, ns).map(|()| Value::NONE).map_err(|e| error::os_error(t, e, None, None))
}

fn seconds(t: &Thread, d: Duration) -> Res {
    convert::from_f64(t, d.as_nanos() as f64 / 1e9)
}

fn nanos(t: &Thread, d: Duration) -> Res {
    convert::from_i64(t, d.as_nanos() as i64)
}

fn resolution(t: &Thread, a: &[Value]) -> Res {
    let d = kernel::clock_resolution(convert::to_i32(t, &a[0])?).map_err(|e| error::os_error(t, e, None, None))?;
    seconds(t, d)
}

/// A length of time in seconds, rounded away from zero to nanoseconds.
pub fn duration(t: &Thread, v: &Value) -> Res<i64> {
    let too_large = || error::overflow_error(t, "timestamp too large to convert to C PyTime_t");
    if let Some(x) = float::as_f64(v).filter(|_| !int::is_int(v)) {
        if x.is_nan() {
            return Err(error::value_error(t, "Invalid value NaN (not a number)"));
        }
        let ns = x * 1e9;
        let ns = if ns < 0.0 { ns.floor() } else { ns.ceil() };
        return if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_807.0).contains(&ns) {
            Ok(ns as i64)
        } else {
            Err(too_large())
        };
    }
    if !int::is_int(v) && type_of(v).slots().index.is_none() {
        let name = type_of(v).name();
        let text = format!("'{name}' object cannot be interpreted as an integer or float");
        return Err(error::type_error(t, text));
    }
    let v = convert::to_index(t, v)?;
    int::to_i64(&v).and_then(|s| s.checked_mul(1_000_000_000)).ok_or_else(too_large)
}

fn sleep(t: &Thread, a: &[Value]) -> Res {
    let ns = duration(t, &a[0])?;
    let Ok(ns) = u64::try_from(ns) else {
        return Err(error::value_error(t, "sleep length must be non-negative"));
    };
    t.poll()?;
    let time = Duration::from_nanos(ns);
    if !world::pass(t, time) {
        pause(t, Some(Instant::now() + time), || false)?;
    }
    Ok(Value::NONE)
}

/// Sleeps until the deadline or until `done`, looking up every few milliseconds; whether `done`.
pub fn pause(t: &Thread, end: Option<Instant>, done: impl FnMut() -> bool) -> Res<bool> {
    pause_for(t, end, 0, done)
}

/// As [`pause`], looking also when somebody wakes `key`.
pub fn pause_for(t: &Thread, end: Option<Instant>, key: usize, mut done: impl FnMut() -> bool) -> Res<bool> {
    loop {
        if done() {
            return Ok(true);
        }
        let Some(slice) = slice(t, end) else { return Ok(false) };
        world::rest(t, end, || turns::park(t, key, slice));
        world::look_up(t)?;
    }
}

/// As [`pause_for`], where `done` comes to be true without the native lock, and is asked so.
pub fn pause_unless(t: &Thread, end: Option<Instant>, key: usize, done: impl Fn() -> bool) -> Res<bool> {
    loop {
        if done() {
            return Ok(true);
        }
        let Some(slice) = slice(t, end) else { return Ok(false) };
        world::rest(t, end, || turns::park_unless(t, key, slice, &done));
        world::look_up(t)?;
    }
}

/// How long to wait until the next look around; `None` if the time is over.
fn slice(t: &Thread, end: Option<Instant>) -> Option<Duration> {
    let left = end.map_or(world::SLICE, |e| e.saturating_duration_since(world::now(t)));
    if left.is_zero() || world::pass_until(t, end) { None } else { Some(left.min(world::SLICE)) }
}

/// Seconds since the epoch of an argument: None is now.
fn when(t: &Thread, v: &Value) -> Res<i64> {
    let out = || error::overflow_error(t, "timestamp out of range for platform time_t");
    let Some(v) = v.non_none() else { return Ok(wall(t)?.as_secs() as i64) };
    if let Some(x) = float::as_f64(v).filter(|_| !int::is_int(v)) {
        if x.is_nan() {
            return Err(error::value_error(t, "Invalid value NaN (not a number)"));
        }
        let x = x.floor();
        return if (-9.2e18..9.2e18).contains(&x) { Ok(x as i64) } else { Err(out()) };
    }
    let v = convert::to_index(t, v)?;
    int::to_i64(&v).ok_or_else(out)
}

fn split(t: &Thread, v: &Value, local: bool) -> Res {
    let at = when(t, v)?;
    let tm = if local { kernel::local_time(at) } else { kernel::utc_time(at) };
    let tm = tm.map_err(|e| error::os_error(t, e, None, None))?;
    let mut fields = Vec::with_capacity(11);
    for n in tm.fields() {
        fields.push(convert::from_i64(t, n)?);
    }
    fields.push(world::fs_decode(t, tm.zone.as_bytes())?);
    fields.push(convert::from_i64(t, tm.offset)?);
    ss::new(t, &STRUCT_TIME, fields)
}

/// A time tuple argument.
fn time_tuple(t: &Thread, v: &Value, function: &str) -> Res<kernel::Tm> {
    let Some(tuple) = v.downcast::<Tuple>() else {
        return Err(error::type_error(t, "Tuple or struct_time argument required"));
    };
    let illegal = || error::type_error(t, format_args!("{function}(): illegal time tuple argument"));
    let items = tuple.items();
    if items.len() != 9 {
        return Err(illegal());
    }
    let mut n = [0_i64; 9];
    for (n, item) in n.iter_mut().zip(items) {
        *n = match convert::to_i32(t, item) {
            Err(e) if e.is(&typhon_object::types::exceptions::TYPE_ERROR) => {
                if int::is_int(item) {
                    return Err(e);
                }
                return Err(illegal());
            }
            r => i64::from(r?),
        };
    }
    if n[0] < i64::from(i32::MIN) + 1900 {
        return Err(error::overflow_error(t, "year out of range"));
    }
    let mut tm = kernel::Tm::from_fields(n);
    if std::ptr::eq(type_of(v), STRUCT_TIME.def.ty()) {
        let zone = attr::get_text(t, v, "tm_zone")?;
        if !zone.is_none() {
            tm.zone = strs::display(&zone);
            tm.offset = convert::to_i64(t, &attr::get_text(t, v, "tm_gmtoff")?).unwrap_or(0);
        }
    }
    Ok(tm)
}

/// Puts what may be 0 in a tuple to 1, and refuses what is out of range.
fn check(t: &Thread, mut tm: kernel::Tm) -> Res<kernel::Tm> {
    let bad = |what: &str| -> Exc { error::value_error(t, format_args!("{what} out of range")) };
    if tm.month == -1 {
        tm.month = 0;
    }
    if tm.day == 0 {
        tm.day = 1;
    }
    if tm.year_day == -1 {
        tm.year_day = 0;
    }
    let within = |v: i64, low: i64, high: i64| (low..=high).contains(&v);
    let faults = [
        (!within(tm.month, 0, 11), "month"),
        (!within(tm.day, 1, 31), "day of month"),
        (!within(tm.hour, 0, 23), "hour"),
        (!within(tm.minute, 0, 59), "minute"),
        (!within(tm.second, 0, 61), "seconds"),
        (tm.week_day < 0, "day of week"),
        (!within(tm.year_day, 0, 365), "day of year"),
    ];
    match faults.iter().find(|f| f.0) {
        Some((_, what)) => Err(bad(what)),
        None => {
            // Any day of the week is taken modulo 7, as in C.
            tm.week_day %= 7;
            tm.dst = tm.dst.clamp(-1, 1);
            Ok(tm)
        }
    }
}

fn now(t: &Thread) -> Res<kernel::Tm> {
    kernel::local_time(wall(t)?.as_secs() as i64).map_err(|e| error::os_error(t, e, None, None))
}

fn asctime(t: &Thread, a: &[Value]) -> Res {
    let tm = match a[0].opt() {
        Some(v) => check(t, time_tuple(t, v, "asctime")?)?,
        None => now(t)?,
    };
    show(t, &tm)
}

fn show(t: &Thread, tm: &kernel::Tm) -> Res {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let day = DAYS.get(tm.week_day as usize).unwrap_or(&"???");
    let month = MONTHS.get(tm.month as usize).unwrap_or(&"???");
    let text = format!("{day} {month}{:3} {:02}:{:02}:{:02} {}", tm.day, tm.hour, tm.minute, tm.second, tm.year);
    strs::new(t, &text)
}

fn ctime(t: &Thread, a: &[Value]) -> Res {
    let tm = kernel::local_time(when(t, &a[0])?).map_err(|e| error::os_error(t, e, None, None))?;
    show(t, &tm)
}

fn mktime(t: &Thread, a: &[Value]) -> Res {
    let tm = time_tuple(t, &a[0], "mktime")?;
    match kernel::make_time(&tm) {
        Some(at) => convert::from_f64(t, at as f64),
        None => Err(error::overflow_error(t, "mktime argument out of range")),
    }
}

fn strftime(t: &Thread, a: &[Value]) -> Res {
    if a[0].downcast::<strs::Str>().is_none() {
        let name = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("strftime() argument 1 must be str, not {name}")));
    }
    let tm = match a[1].opt() {
        Some(v) => check(t, time_tuple(t, v, "strftime")?)?,
        None => now(t)?,
    };
    let format = codec::encode_known(t, &a[0], Known::Utf8, Some("surrogatepass"))?;
    let mut out = Vec::new();
    // A NUL would end C's format, so the parts between are formatted one by one.
    for (i, part) in format.split(|&b| b == 0).enumerate() {
        if i > 0 {
            out.push(0);
        }
        t.check_alloc(part.len() * 256)?;
        out.extend(kernel::format_time(part, &tm));
    }
    let made = typhon_object::types::bytes::new(t, &out)?;
    codec::decode_known(t, &made, &out, Known::Utf8, Some("surrogatepass"))
}

fn strptime(t: &Thread, a: &[Value]) -> Res {
    let module = (t.hooks.import)(t, "_strptime")?;
    let f = attr::get_text(t, &module, "_strptime_time")?;
    let given = a.iter().filter(|v| !v.is_absent()).cloned().collect::<Vec<_>>();
    call::call(t, &f, &given)
}

fn tzset(t: &Thread, _: &[Value]) -> Res {
    // Where the process's environment is not the guest's, it has no other zone to say than before.
    if world::host(t)?.permit(typhon_interp::host::Access::ProcessState).is_err() {
        return Ok(Value::NONE);
    }
    kernel::reset_zone();
    let module = (t.hooks.import)(t, "time")?;
    set_zone(t, Dict::of(&module::dict_of(t, &module)))?;
    Ok(Value::NONE)
}

fn clock_info(t: &Thread, a: &[Value]) -> Res {
    let name = convert::to_text(t, &a[0], "get_clock_info", "argument 1")?;
    let (id, adjustable) = match name.as_str() {
        "time" => (libc::CLOCK_REALTIME, true),
        "monotonic" | "perf_counter" => (libc::CLOCK_MONOTONIC, false),
        "process_time" => (libc::CLOCK_PROCESS_CPUTIME_ID, false),
        "thread_time" => (libc::CLOCK_THREAD_CPUTIME_ID, false),
        _ => return Err(error::value_error(t, "unknown clock")),
    };
    let how = match id {
        libc::CLOCK_REALTIME => "clock_gettime(CLOCK_REALTIME)",
        libc::CLOCK_MONOTONIC => "clock_gettime(CLOCK_MONOTONIC)",
        libc::CLOCK_PROCESS_CPUTIME_ID => "clock_gettime(CLOCK_PROCESS_CPUTIME_ID)",
        _ => "clock_gettime(CLOCK_THREAD_CPUTIME_ID)",
    };
    let resolution = kernel::clock_resolution(id).map_err(|e| error::os_error(t, e, None, None))?;
    let types = (t.hooks.import)(t, "types")?;
    let made = call::call0(t, &attr::get_text(t, &types, "SimpleNamespace")?)?;
    let fields = [
        ("implementation", strs::new(t, how)?),
        ("monotonic", Value::bool(!adjustable)),
        ("adjustable", Value::bool(adjustable)),
        ("resolution", seconds(t, resolution)?),
    ];
    for (name, value) in fields {
        attr::set(t, &made, &names::intern_static(name), Some(&value))?;
    }
    Ok(made)
}
