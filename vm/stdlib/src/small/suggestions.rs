//! _suggestions: the name that was meant.

use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs::{self, Str};
use typhon_object::suggest::closest;
use typhon_object::{Thread, Value, type_of};

/// _suggestions.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_suggestions",
    doc: "",
    functions: &[def(
        "_generate_suggestions",
        "($module, candidates, item, /)",
        generate,
        "Returns the candidate in candidates that's closest to item",
    )],
    types: &[],
    init: None,
};

fn generate(t: &Thread, a: &[Value]) -> Res {
    let Some(candidates) = a[0].exact::<List>() else { return Err(error::type_error(t, "candidates must be a list")) };
    if a[1].downcast::<Str>().is_none() {
        let name = type_of(&a[1]).name();
        return Err(error::type_error(t, format_args!("_generate_suggestions() argument 2 must be str, not {name}")));
    }
    let candidates = candidates.to_vec();
    if candidates.iter().any(|v| v.downcast::<Str>().is_none()) {
        return Err(error::type_error(t, "all elements in 'candidates' must be strings"));
    }
    let texts: Vec<String> = candidates.iter().map(strs::display).collect();
    let found = closest(&strs::display(&a[1]), texts.iter().map(String::as_str));
    let at = found.and_then(|found| texts.iter().position(|text| *text == found));
    Ok(at.map_or(Value::NONE, |at| candidates[at].clone()))
}
