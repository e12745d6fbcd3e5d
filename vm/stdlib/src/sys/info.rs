//! The struct sequences of sys, and what never changes.

use super::Settings;
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::types::{int, structseq};
use typhon_object::{Thread, Value, attr, call, convert, process, strs};

typhon_object::structseq! {
    /// sys.version_info.
    VERSION_INFO = "sys.version_info", "sys.version_info\n\nVersion information as a named tuple.",
    flags typhon_object::ty::flag::NO_NEW, visible 5, complete |_| {},
    [("major", "Major release number"), ("minor", "Minor release number"), ("micro", "Patch release number"),
     ("releaselevel", "'alpha', 'beta', 'candidate', or 'final'"), ("serial", "Serial release number")]
}
typhon_object::structseq! {
    /// sys.flags.
    FLAGS = "sys.flags", "sys.flags\n\nFlags provided through command line arguments or environment vars.",
    flags typhon_object::ty::flag::NO_NEW, visible 18, complete |_| {},
    [("debug", "-d"), ("inspect", "-i"), ("interactive", "-i"), ("optimize", "-O or -OO"), ("dont_write_bytecode", "-B"),
     ("no_user_site", "-s"), ("no_site", "-S"), ("ignore_environment", "-E"), ("verbose", "-v"), ("bytes_warning", "-b"),
     ("quiet", "-q"), ("hash_randomization", "-R"), ("isolated", "-I"), ("dev_mode", "-X dev"), ("utf8_mode", "-X utf8"),
     ("warn_default_encoding", "-X warn_default_encoding"), ("safe_path", "-P"),
     ("int_max_str_digits", "-X int_max_str_digits"), ("gil", "-X gil"), ("thread_inherit_context", ""),
     ("context_aware_warnings", "")]
}
typhon_object::structseq! {
    /// sys.float_info.
    FLOAT_INFO = "sys.float_info", "sys.float_info\n\nA named tuple holding information about the float type.",
    flags 0, visible 11, complete |_| {},
    [("max", ""), ("max_exp", ""), ("max_10_exp", ""), ("min", ""), ("min_exp", ""), ("min_10_exp", ""), ("dig", ""),
     ("mant_dig", ""), ("epsilon", ""), ("radix", ""), ("rounds", "")]
}
typhon_object::structseq! {
    /// sys.int_info.
    INT_INFO = "sys.int_info", "sys.int_info\n\nA named tuple that holds information about Python's\ninternal representation of integers.",
    flags 0, visible 4, complete |_| {},
    [("bits_per_digit", ""), ("sizeof_digit", ""), ("default_max_str_digits", ""), ("str_digits_check_threshold", "")]
}
typhon_object::structseq! {
    /// sys.hash_info.
    HASH_INFO = "sys.hash_info", "hash_info\n\nA named tuple providing parameters used for computing hashes.",
    flags 0, visible 9, complete |_| {},
    [("width", ""), ("modulus", ""), ("inf", ""), ("nan", ""), ("imag", ""), ("algorithm", ""), ("hash_bits", ""),
     ("seed_bits", ""), ("cutoff", "")]
}
typhon_object::structseq! {
    /// sys.thread_info.
    THREAD_INFO = "sys.thread_info", "sys.thread_info\n\nA named tuple holding information about the thread implementation.",
    flags 0, visible 3, complete |_| {},
    [("name", ""), ("lock", ""), ("version", "")]
}
typhon_object::structseq! {
    /// sys.UnraisableHookArgs.
    pub UNRAISABLE = "sys.UnraisableHookArgs", "UnraisableHookArgs\n\nType used to pass arguments to sys.unraisablehook.",
    flags 0, visible 5, complete |_| {},
    [("exc_type", "Exception type"), ("exc_value", "Exception value"), ("exc_traceback", "Exception traceback"),
     ("err_msg", "Error message"), ("object", "Object causing the exception")]
}
typhon_object::structseq! {
    /// sys.asyncgen_hooks.
    pub ASYNCGEN_HOOKS = "sys.asyncgen_hooks", "asyncgen_hooks", flags 0, visible 2, complete |_| {},
    [("firstiter", ""), ("finalizer", "")]
}

/// Makes the types of this file.
pub fn set_up() {
    let kinds = [&VERSION_INFO, &FLAGS, &FLOAT_INFO, &INT_INFO, &HASH_INFO, &THREAD_INFO, &UNRAISABLE, &ASYNCGEN_HOOKS];
    process::ensure_types(&kinds.map(|k| k.def));
}

/// A constant of sys that is made when asked for.
pub(super) fn make(t: &Thread, name: &str) -> Res<Option<Value>> {
    let int = |i: i64| Value::small(i);
    Ok(Some(match name {
        "version_info" => version(t)?,
        "flags" => flags(t)?,
        "float_info" => {
            let f = |x| convert::from_f64(t, x);
            let (max, min, eps) = (f(f64::MAX)?, f(f64::MIN_POSITIVE)?, f(f64::EPSILON)?);
            let v = vec![max, int(1024), int(308), min, int(-1021), int(-307), int(15), int(53), eps, int(2), int(1)];
            structseq::new(t, &FLOAT_INFO, v)?
        }
        "int_info" => structseq::new(t, &INT_INFO, vec![int(30), int(4), int(4300), int(640)])?,
        "hash_info" => {
            let v = vec![
                int(64),
                int((1 << 61) - 1),
                int(314_159),
                int(0),
                int(1_000_003),
                strs::new(t, "siphash13")?,
                int(64),
                int(128),
                int(0),
            ];
            structseq::new(t, &HASH_INFO, v)?
        }
        "thread_info" => structseq::new(t, &THREAD_INFO, vec![strs::new(t, "pthread")?, Value::NONE, Value::NONE])?,
        "implementation" => implementation(t)?,
        _ => return Ok(None),
    }))
}

fn version(t: &Thread) -> Res {
    let v = vec![Value::small(3), Value::small(14), Value::small(0), strs::new(t, "final")?, Value::small(0)];
    structseq::new(t, &VERSION_INFO, v)
}

fn flags(t: &Thread) -> Res {
    let settings = t.state::<Settings>();
    let f = settings.config.borrow().flags;
    let n = |x: u8| Value::small(i64::from(x));
    let v = vec![
        n(f.debug),
        n(f.inspect),
        n(f.interactive),
        n(f.optimize),
        n(1),
        n(f.no_user_site),
        n(f.no_site),
        n(f.ignore_environment),
        n(f.verbose),
        n(f.bytes_warning),
        n(f.quiet),
        n(f.hash_randomization),
        n(f.isolated),
        Value::bool(f.dev_mode),
        n(1),
        n(0),
        Value::bool(f.safe_path),
        convert::from_u64(t, int::digits_max(t))?,
        n(0),
        n(1),
        n(1),
    ];
    structseq::new(t, &FLAGS, v)
}

/// `sys.implementation`, a `types.SimpleNamespace`.
fn implementation(t: &Thread) -> Res {
    let d = Dict::create(t);
    crate::text::put(t, &d, "name", strs::new(t, "typhon")?)?;
    crate::text::put(t, &d, "cache_tag", strs::new(t, super::CACHE_TAG)?)?;
    crate::text::put(t, &d, "version", version(t)?)?;
    crate::text::put(t, &d, "hexversion", Value::small(super::HEX_VERSION))?;
    crate::text::put(t, &d, "_multiarch", strs::new(t, "x86_64-linux-gnu")?)?;
    crate::text::put(t, &d, "supports_isolated_interpreters", Value::TRUE)?;
    let class = crate::small::namespace::NAMESPACE.ty().value();
    let v = call::call0(t, &class)?;
    for (key, value) in Dict::of(&d).items() {
        attr::set(t, &v, &key, Some(&value))?;
    }
    Ok(v)
}

/// Names of the standard library's modules.
pub(super) const STDLIB: &str = include_str!("stdlib_names.txt");
