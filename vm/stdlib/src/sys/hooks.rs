//! The hooks of sys: what shows values, uncaught exceptions and exceptions that nobody can catch.

use super::streams;
use crate::text;
use typhon_object::args::Args;
use typhon_object::error::{self, Exc, Res};
use typhon_object::strs::{self, Str};
use typhon_object::types::{exceptions as exc, structseq};
use typhon_object::{Thread, Value, attr, call, names, ops, type_of};

/// `sys.excepthook`.
pub fn excepthook(t: &Thread, a: &[Value]) -> Res {
    streams::flush(t, "stdout")?;
    let text = crate::report::text_for_stderr(t, &a[1], Some(&a[2]))?;
    streams::write_text(t, "stderr", &text)?;
    streams::flush(t, "stderr")?;
    Ok(Value::NONE)
}

pub(super) fn displayhook(t: &Thread, a: &[Value]) -> Res {
    if a[0].is_none() {
        return Ok(Value::NONE);
    }
    if let Some(sys) = text::loaded(t, "sys")
        && text::entry(t, &sys, "stdout").is_none()
        && text::entry(t, &sys, "__stdout__").is_some()
    {
        return Err(error::runtime_error(t, "lost sys.stdout"));
    }
    let builtins = t.builtins().get();
    text::put(t, &builtins, "_", Value::NONE)?;
    let shown = ops::repr(t, &a[0])?;
    streams::write_value(t, &shown)?;
    streams::write_text(t, "stdout", "\n")?;
    text::put(t, &builtins, "_", a[0].clone())?;
    Ok(Value::NONE)
}

pub(super) fn unraisablehook(t: &Thread, a: &[Value]) -> Res {
    let field = |name: &str| attr::get_text(t, &a[0], name);
    let (value, message, object) = (field("exc_value")?, field("err_msg")?, field("object")?);
    let mut out = String::new();
    let message = message.non_none().map(strs::display);
    if object.is_none() {
        if let Some(m) = &message {
            out += &format!("{m}:\n");
        }
    } else {
        let what = ops::repr_text(t, &object).unwrap_or_else(|_| "<object repr() failed>".to_owned());
        out += &format!("{}: {what}\n", message.as_deref().unwrap_or("Exception ignored in"));
    }
    if !value.is_none() {
        out += &crate::report::text(t, &value, None)?;
    }
    streams::write_text(t, "stderr", &out)?;
    streams::flush(t, "stderr")?;
    Ok(Value::NONE)
}

/// The hook for errors that nobody can catch.
pub fn unraisable(t: &Thread, e: Exc, message: &str, object: Option<&Value>) {
    if e.is_stopped() {
        return;
    }
    let told = report_unraisable(t, &e, message, object);
    // There is nobody left to tell of an error in telling.
    drop(told);
}

fn report_unraisable(t: &Thread, e: &Exc, message: &str, object: Option<&Value>) -> Res<()> {
    let Some(sys) = text::loaded(t, "sys") else { return Ok(()) };
    typhon_interp::traceback::add_running(t, e)?;
    let v = e.value().clone();
    let message = message.trim_end().trim_end_matches(':');
    let message = if message.is_empty() { Value::NONE } else { strs::new(t, message)? };
    let object = object.cloned().unwrap_or(Value::NONE);
    let fields =
        vec![type_of(&v).value(), v.clone(), exc::traceback(&v).present().unwrap_or(Value::NONE), message, object];
    let args = structseq::new(t, &super::info::UNRAISABLE, fields)?;
    let hook = attr::get_text(t, &sys, "unraisablehook")?;
    if let Err(second) = call::call1(t, &hook, &args) {
        if second.is_stopped() {
            return Err(second);
        }
        let text = crate::report::text(t, second.value(), None)?;
        streams::write_text(t, "stderr", &format!("Exception ignored in sys.unraisablehook:\n{text}"))?;
    }
    Ok(())
}

pub(super) fn breakpointhook(t: &Thread, a: Args<'_>) -> Res {
    let mut hook = "pdb.set_trace".to_owned();
    if let Some(os) = text::loaded(t, "os") {
        let environ = attr::get_text(t, &os, "environ")?;
        let v = call::method(t, &environ, names::n::get(), &[strs::new(t, "PYTHONBREAKPOINT")?])?;
        if let Some(s) = v.downcast::<Str>()
            && !s.is_empty()
        {
            hook = s.to_lossy();
        }
    }
    if hook == "0" {
        return Ok(Value::NONE);
    }
    let (module, name) = hook.rsplit_once('.').unwrap_or(("builtins", &hook));
    let ignored = format!("Ignoring unimportable $PYTHONBREAKPOINT: \"{hook}\"");
    let found = match (t.hooks.import)(t, module) {
        Ok(m) => attr::get_opt(t, &m, &text::name(t, name))?,
        Err(e) if e.is(&exc::IMPORT_ERROR) => None,
        Err(e) => return Err(e),
    };
    match found {
        Some(f) => call::call_args(t, &f, a),
        None => {
            (t.hooks.warn)(t, &exc::RUNTIME_WARNING.ty().value(), &ignored, 0)?;
            Ok(Value::NONE)
        }
    }
}
