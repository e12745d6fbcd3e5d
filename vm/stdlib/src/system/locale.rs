//! `_locale`: the C locale, and C.UTF-8, which differs from it in nothing a program sees.
//!
//! The C library's locale belongs to the process and changes what other isolates format, so it is never set: an isolate
//! chooses among the locales that mean the same everywhere, and others are as unknown as on a machine without them.

use super::numbers;
use std::cell::RefCell;
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::{exceptions, module};
use typhon_object::{Exc, Res, Thread, Value, call, convert, error, ops, strs, tuple};

/// `_locale`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_locale",
    doc: "Support for POSIX locales.",
    functions: &[
        def("setlocale", "($module, category, locale=None, /)", setlocale, "Activates/queries locale processing."),
        def("localeconv", "($module, /)", localeconv, "Returns numeric and monetary locale-specific parameters."),
        def("strcoll", "($module, os1, os2, /)", strcoll, "Compares two strings according to the locale."),
        def(
            "strxfrm",
            "($module, string, /)",
            strxfrm,
            "Return a string that can be used as a key for locale-aware comparisons.",
        ),
        def(
            "nl_langinfo",
            "($module, key, /)",
            nl_langinfo,
            "Return the value for the locale information associated with key.",
        ),
        def("getencoding", "($module, /)", |t, _| strs::new(t, "UTF-8"), "Get the current locale encoding."),
    ],
    types: &[],
    init: Some(init),
};

/// How many categories there are, the last of them all.
const ALL: i32 = 6;
const CATEGORIES: [&str; 13] = [
    "LC_CTYPE",
    "LC_NUMERIC",
    "LC_TIME",
    "LC_COLLATE",
    "LC_MONETARY",
    "LC_MESSAGES",
    "LC_ALL",
    "LC_PAPER",
    "LC_NAME",
    "LC_ADDRESS",
    "LC_TELEPHONE",
    "LC_MEASUREMENT",
    "LC_IDENTIFICATION",
];

/// The locales, by any of their names.
const NAMES: [&str; 4] = ["C", "POSIX", "C.UTF-8", "C.utf8"];

/// What the C locale answers: name, number, text.
#[rustfmt::skip]
const ANSWERS: &[(&str, i64, &str)] = &[
    ("DAY_1", 131079, "Sunday"), ("DAY_2", 131080, "Monday"), ("DAY_3", 131081, "Tuesday"),
    ("DAY_4", 131082, "Wednesday"), ("DAY_5", 131083, "Thursday"), ("DAY_6", 131084, "Friday"),
    ("DAY_7", 131085, "Saturday"), ("ABDAY_1", 131072, "Sun"), ("ABDAY_2", 131073, "Mon"), ("ABDAY_3", 131074, "Tue"),
    ("ABDAY_4", 131075, "Wed"), ("ABDAY_5", 131076, "Thu"), ("ABDAY_6", 131077, "Fri"), ("ABDAY_7", 131078, "Sat"),
    ("MON_1", 131098, "January"), ("MON_2", 131099, "February"), ("MON_3", 131100, "March"),
    ("MON_4", 131101, "April"), ("MON_5", 131102, "May"), ("MON_6", 131103, "June"), ("MON_7", 131104, "July"),
    ("MON_8", 131105, "August"), ("MON_9", 131106, "September"), ("MON_10", 131107, "October"),
    ("MON_11", 131108, "November"), ("MON_12", 131109, "December"), ("ABMON_1", 131086, "Jan"),
    ("ABMON_2", 131087, "Feb"), ("ABMON_3", 131088, "Mar"), ("ABMON_4", 131089, "Apr"), ("ABMON_5", 131090, "May"),
    ("ABMON_6", 131091, "Jun"), ("ABMON_7", 131092, "Jul"), ("ABMON_8", 131093, "Aug"), ("ABMON_9", 131094, "Sep"),
    ("ABMON_10", 131095, "Oct"), ("ABMON_11", 131096, "Nov"), ("ABMON_12", 131097, "Dec"), ("RADIXCHAR", 65536, "."),
    ("THOUSEP", 65537, ""), ("CRNCYSTR", 262159, "-"), ("D_T_FMT", 131112, "%a %b %e %H:%M:%S %Y"),
    ("D_FMT", 131113, "%m/%d/%y"), ("T_FMT", 131114, "%H:%M:%S"), ("AM_STR", 131110, "AM"), ("PM_STR", 131111, "PM"),
    ("CODESET", 14, "UTF-8"), ("T_FMT_AMPM", 131115, "%I:%M:%S %p"), ("ERA", 131116, ""), ("ERA_D_FMT", 131118, ""),
    ("ERA_D_T_FMT", 131120, ""), ("ERA_T_FMT", 131121, ""), ("ALT_DIGITS", 131119, ""), ("YESEXPR", 327680, "^[yY]"),
    ("NOEXPR", 327681, "^[nN]"), ("_DATE_FMT", 131180, "%a %b %e %H:%M:%S %Z %Y"),
];

/// The isolate's choice by category, as an index of [`NAMES`].
struct Choice {
    of: RefCell<[usize; 13]>,
    error: RefCell<Value>,
}

impl Default for Choice {
    fn default() -> Self {
        let mut of = [0; 13];
        of[0] = 2;
        Self { of: RefCell::new(of), error: RefCell::default() }
    }
}

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    for (i, name) in CATEGORIES.iter().enumerate().take(7) {
        Dict::of(&dict).set_str(t, &names::intern_static(name), convert::from_usize(i))?;
    }
    numbers(t, m, &[("CHAR_MAX", 127)])?;
    for (name, n, _) in ANSWERS {
        Dict::of(&dict).set_str(t, &names::intern_static(name), Value::small(*n))?;
    }
    let (bases, body) = (tuple::from_array(t, [exceptions::EXCEPTION.ty().value()])?, Dict::create(t));
    Dict::of(&body).set_str(t, names::n::__module__(), names::intern_static("locale"))?;
    let name = names::intern_static("Error");
    let made = call::call(t, &typhon_object::types::type_::TYPE.ty().value(), &[name.clone(), bases, body])?;
    Dict::of(&dict).set_str(t, &name, made.clone())?;
    let choice = t.state::<Choice>();
    drop(choice.error.replace(made));
    Ok(())
}

/// `locale.Error`.
fn fail(t: &Thread, text: &str) -> Exc {
    let class = t.state::<Choice>().error.borrow().clone();
    match strs::new(t, text).and_then(|text| call::call1(t, &class, &text)) {
        Ok(e) => Exc::new(e),
        Err(e) => e,
    }
}

fn known(name: &str) -> Option<usize> {
    // POSIX is another name of C.
    NAMES.iter().position(|n| *n == name).map(|i| if i == 1 { 0 } else { i })
}

/// What the environment asks for; unknown to an isolate that has no environment.
fn asked_for(t: &Thread, category: usize) -> Res<String> {
    let os = crate::import::module_named(t, "os")?;
    let environ = typhon_object::attr::get_text(t, &os, "environ")?;
    for key in ["LC_ALL", CATEGORIES[category], "LANG"] {
        let found = call::method(t, &environ, &names::intern_static("get"), &[names::intern_text(t, key)])?;
        if !found.is_none() && ops::truth(t, &found)? {
            return Ok(strs::display(&found));
        }
    }
    Ok("C".to_owned())
}

fn setlocale(t: &Thread, a: &[Value]) -> Res {
    let category = convert::to_i32(t, &a[0])?;
    let choice = t.state::<Choice>();
    let Some(name) = a[1].non_none() else {
        return match usize::try_from(category).ok().filter(|c| *c < CATEGORIES.len()) {
            Some(c) => shown(t, choice, c),
            None => Err(fail(t, "locale query failed")),
        };
    };
    let text = convert::to_text(t, name, "setlocale", "argument 2")?;
    let unknown = |t: &Thread| fail(t, "unsupported locale setting");
    let Some(category) = usize::try_from(category).ok().filter(|c| *c < CATEGORIES.len()) else {
        return Err(unknown(t));
    };
    let wanted: Vec<usize> = if category == ALL as usize {
        (0..CATEGORIES.len()).filter(|c| *c != ALL as usize).collect()
    } else {
        vec![category]
    };
    let mut chosen = Vec::new();
    for c in wanted {
        let name = match text.as_str() {
            "" => asked_for(t, c)?,
            // As the query of all categories gives it.
            _ if text.contains('=') => {
                let own = text.split(';').filter_map(|p| p.split_once('=')).find(|(key, _)| *key == CATEGORIES[c]);
                own.map(|(_, name)| name.to_owned()).ok_or_else(|| unknown(t))?
            }
            name => name.to_owned(),
        };
        chosen.push((c, known(&name).ok_or_else(|| unknown(t))?));
    }
    for (c, n) in chosen {
        choice.of.borrow_mut()[c] = n;
    }
    shown(t, choice, category)
}

fn shown(t: &Thread, choice: &Choice, category: usize) -> Res {
    let of = *choice.of.borrow();
    if category != ALL as usize {
        return strs::new(t, NAMES[of[category]]);
    }
    let each = || (0..CATEGORIES.len()).filter(|c| *c != ALL as usize);
    if each().all(|c| of[c] == of[0]) {
        return strs::new(t, NAMES[of[0]]);
    }
    let all: Vec<String> = each().map(|c| format!("{}={}", CATEGORIES[c], NAMES[of[c]])).collect();
    strs::new(t, &all.join(";"))
}

fn localeconv(t: &Thread, _: &[Value]) -> Res {
    let dict = Dict::create(t);
    let d = Dict::of(&dict);
    for name in [
        "int_curr_symbol",
        "currency_symbol",
        "mon_decimal_point",
        "mon_thousands_sep",
        "mon_grouping",
        "positive_sign",
        "negative_sign",
        "int_frac_digits",
        "frac_digits",
        "p_cs_precedes",
        "p_sep_by_space",
        "n_cs_precedes",
        "n_sep_by_space",
        "p_sign_posn",
        "n_sign_posn",
        "decimal_point",
        "thousands_sep",
        "grouping",
    ] {
        let value = match name {
            "mon_grouping" | "grouping" => List::create(t)?,
            "decimal_point" => strs::new(t, ".")?,
            n if n.ends_with("symbol") || n.ends_with("point") || n.ends_with("sep") || n.ends_with("sign") => {
                strs::new(t, "")?
            }
            // CHAR_MAX: the locale does not say.
            _ => Value::small(127),
        };
        d.set_str(t, &names::intern_static(name), value)?;
    }
    Ok(dict)
}

fn strcoll(t: &Thread, a: &[Value]) -> Res {
    convert::to_text(t, &a[0], "strcoll", "argument 1")?;
    convert::to_text(t, &a[1], "strcoll", "argument 2")?;
    let less = ops::compare_bool(t, &a[0], &a[1], ops::CompareOp::Lt)?;
    let equal = ops::eq(t, &a[0], &a[1])?;
    Ok(Value::small(if less { -1 } else { i64::from(!equal) }))
}

fn strxfrm(t: &Thread, a: &[Value]) -> Res {
    let text = convert::to_text(t, &a[0], "strxfrm", "argument")?;
    if text.contains('\0') {
        return Err(error::value_error(t, "embedded null character"));
    }
    Ok(a[0].clone())
}

fn nl_langinfo(t: &Thread, a: &[Value]) -> Res {
    let n = i64::from(convert::to_i32(t, &a[0])?);
    match ANSWERS.iter().find(|(_, number, _)| *number == n) {
        Some((_, _, text)) => strs::new(t, text),
        None => Err(error::value_error(t, "unsupported langinfo constant")),
    }
}
