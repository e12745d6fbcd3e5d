//! compile, eval, exec, dir, vars.

use crate::frames;
use typhon_compiler::{Mode, Options, flag};
use typhon_interp::code::CodeObject;
use typhon_interp::function::FUNCTION;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::types::cell::Cell;
use typhon_object::{Thread, Value, attr, buffer, call, convert, ops, tuple, type_of};

/// Source text from a str, bytes or buffer argument.
pub(crate) fn source(
    t: &Thread,
    v: &Value,
    function: &str,
    what: &str,
    filename: &str,
    flags: &mut u32,
) -> Res<String> {
    let text = if let Some(s) = v.downcast::<Str>() {
        *flags |= flag::IGNORE_COOKIE;
        match s.to_utf8() {
            Ok(text) => text,
            Err(at) => {
                return Err(error::unicode_error(
                    t,
                    &typhon_object::types::exceptions::UNICODE_ENCODE_ERROR,
                    "utf-8",
                    v,
                    at,
                    at + 1,
                    "surrogates not allowed",
                ));
            }
        }
    } else if buffer::supported(v) {
        let b = buffer::get(t, v, 0)?;
        if b.as_slice().contains(&0) {
            return Err(error::new(
                t,
                &typhon_object::types::exceptions::SYNTAX_ERROR,
                "source code string cannot contain null bytes",
            ));
        }
        crate::compile::decode(t, b.as_slice(), filename)?
    } else {
        return Err(error::type_error(t, format_args!("{function}() arg 1 must be a {what} object")));
    };
    if text.contains('\0') {
        let e = &typhon_object::types::exceptions::SYNTAX_ERROR;
        return Err(error::new(t, e, "source code string cannot contain null bytes"));
    }
    Ok(text)
}

/// The future features of the code that called.
fn inherited(t: &Thread) -> Res<u32> {
    let Some(frame) = frames::at(t, 0)? else { return Ok(0) };
    let code = attr::get_text(t, &frame, "f_code")?;
    Ok(code.downcast::<CodeObject>().map_or(0, |c| c.code.flags & flag::FUTURE_MASK))
}

pub(super) fn compile(t: &Thread, a: &[Value]) -> Res {
    let [src, filename, mode, flags, dont_inherit, optimize, feature] = a else {
        return Err(error::type_error(t, "compile() takes at least 3 arguments"));
    };
    let name = path_text(t, filename)?;
    let mode = match mode.downcast::<Str>() {
        Some(s) => s.to_lossy(),
        None => {
            let ty = type_of(mode).name();
            return Err(error::type_error(t, format_args!("compile() argument 'mode' must be str, not {ty}")));
        }
    };
    let flags = match flags.opt() {
        Some(f) => convert::to_i32(t, f)? as u32,
        None => 0,
    };
    let known = flag::FUTURE_MASK
        | flag::SOURCE_IS_UTF8
        | flag::DONT_IMPLY_DEDENT
        | flag::ONLY_AST
        | flag::IGNORE_COOKIE
        | flag::TYPE_COMMENTS
        | flag::ALLOW_TOP_LEVEL_AWAIT
        | flag::ALLOW_INCOMPLETE_INPUT
        | flag::OPTIMIZED_AST
        | 0x10;
    if flags & !known != 0 {
        return Err(error::value_error(t, "compile(): unrecognised flags"));
    }
    let settings = t.state::<crate::sys::Settings>();
    let optimize = match optimize.opt().map(|o| convert::to_i32(t, o)).transpose()? {
        None | Some(-1) => settings.optimize.get(),
        Some(n @ 0..=2) => n as u8,
        Some(_) => return Err(error::value_error(t, "compile(): invalid optimize value")),
    };
    let only_ast = flags & flag::ONLY_AST != 0;
    let kind = match mode.as_str() {
        "exec" => Mode::Exec,
        "eval" => Mode::Eval,
        "single" => Mode::Single,
        "func_type" if only_ast => Mode::FuncType,
        "func_type" => {
            let text = "compile() mode 'func_type' requires flag PyCF_ONLY_AST";
            return Err(error::value_error(t, text));
        }
        _ if only_ast => {
            return Err(error::value_error(t, "compile() mode must be 'exec', 'eval', 'single' or 'func_type'"));
        }
        _ => return Err(error::value_error(t, "compile() mode must be 'exec', 'eval' or 'single'")),
    };
    let mut flags = flags;
    let inherit = match dont_inherit.opt() {
        Some(d) => !ops::truth(t, d)?,
        None => true,
    };
    if inherit {
        flags |= inherited(t)?;
    }
    let mut options = Options::new(kind, name.as_str());
    options.optimize = optimize;
    if only_ast && let Some(v) = feature.opt() {
        options.feature_version = u8::try_from(convert::to_i32(t, v)?).ok();
    }
    options.int_max_digits = crate::compile::digit_limit(t);
    if crate::tree::is_node(t, src)? {
        options.flags = flags;
        return match only_ast {
            true if flags & flag::OPTIMIZED_AST & !flag::ONLY_AST == 0 => {
                crate::compile::check_root(t, src, kind)?;
                Ok(src.clone())
            }
            true => crate::compile::optimized_tree(t, src, &options),
            false => crate::compile::of_tree(t, src, &options),
        };
    }
    let text = source(t, src, "compile", "string, bytes or AST", &name, &mut flags)?;
    options.flags = flags;
    if only_ast { crate::compile::tree(t, &text, &options) } else { crate::compile::text(t, &text, &options) }
}

/// A file name argument: str, bytes or path-like.
pub(crate) fn path_text(t: &Thread, v: &Value) -> Res<String> {
    let v = match call::special(t, v, n::__fspath__(), &[]) {
        Some(r) => r?,
        None => v.clone(),
    };
    if v.downcast::<Str>().is_some() {
        return Ok(strs::display(&v));
    }
    if let Some(bytes) = typhon_object::types::bytes::peek(&v) {
        return Ok(String::from_utf8_lossy(bytes).into_owned());
    }
    let ty = type_of(&v).name();
    Err(error::type_error(t, format_args!("expected str, bytes or os.PathLike object, not {ty}")))
}

fn is_mapping(v: &Value) -> bool {
    v.downcast::<Dict>().is_some() || type_of(v).slots().getitem.is_some()
}

/// The namespaces of eval and exec.
fn namespaces(t: &Thread, function: &str, globals: &Value, locals: &Value) -> Res<(Value, Value)> {
    if let Some(l) = locals.non_none()
        && !is_mapping(l)
    {
        let ty = type_of(l).name();
        return Err(match function {
            "eval" => error::type_error(t, "locals must be a mapping"),
            _ => error::type_error(t, format_args!("locals must be a mapping or None, not {ty}")),
        });
    }
    let Some(g) = globals.non_none() else {
        let g = frames::globals(t)?;
        let l = match locals.non_none() {
            Some(l) => l.clone(),
            None => frames::locals(t)?,
        };
        crate::import::add_builtins(t, &g)?;
        return Ok((g, l));
    };
    if g.downcast::<Dict>().is_none() {
        let ty = type_of(g).name();
        return Err(match function {
            "eval" if is_mapping(g) => error::type_error(t, "globals must be a real dict; try eval(code, {}, mapping)"),
            "eval" => error::type_error(t, "globals must be a dict"),
            _ => error::type_error(t, format_args!("exec() globals must be a dict, not {ty}")),
        });
    }
    let l = locals.non_none().unwrap_or(g).clone();
    if Dict::of(g).get(t, n::__builtins__())?.is_none() {
        let builtins = typhon_interp::query::builtins(t).present().unwrap_or_else(|| t.builtins().get());
        Dict::of(g).set(t, n::__builtins__(), &builtins)?;
    }
    Ok((g.clone(), l))
}

fn options(t: &Thread, mode: Mode) -> Options {
    let mut o = crate::compile::module_options(t, "<string>");
    o.mode = mode;
    o
}

pub(super) fn eval(t: &Thread, a: &[Value]) -> Res {
    let (globals, locals) = namespaces(t, "eval", &a[1], &a[2])?;
    let code = match a[0].downcast::<CodeObject>() {
        Some(c) if c.code.free_count() > 0 => {
            return Err(error::type_error(t, "code object passed to eval() may not contain free variables"));
        }
        Some(_) => a[0].clone(),
        None => {
            let mut o = options(t, Mode::Eval);
            o.flags = inherited(t)?;
            let text = source(t, &a[0], "eval", "string, bytes or code", "<string>", &mut o.flags)?;
            crate::compile::text(t, text.trim_start_matches([' ', '\t']), &o)?
        }
    };
    crate::compile::run(t, &code, &globals, &locals)
}

pub(super) fn exec(t: &Thread, a: &[Value]) -> Res {
    let (globals, locals) = namespaces(t, "exec", &a[1], &a[2])?;
    let closure = a[3].non_none();
    let Some(c) = a[0].downcast::<CodeObject>() else {
        if closure.is_some() {
            return Err(error::type_error(t, "closure argument can only be used when source is a code object"));
        }
        let mut o = options(t, Mode::Exec);
        o.flags = inherited(t)?;
        let text = source(t, &a[0], "exec", "string, bytes or code", "<string>", &mut o.flags)?;
        let code = crate::compile::text(t, &text, &o)?;
        crate::compile::run(t, &code, &globals, &locals)?;
        return Ok(Value::NONE);
    };
    let free = c.code.free_count();
    if free == 0 {
        if closure.is_some() {
            return Err(error::type_error(t, "cannot use a closure with this code object"));
        }
        crate::compile::run(t, &a[0], &globals, &locals)?;
        return Ok(Value::NONE);
    }
    let cells = closure.and_then(|c| c.exact::<tuple::Tuple>());
    let fits = cells.is_some_and(|c| c.len() == free && c.items().iter().all(|x| x.downcast::<Cell>().is_some()));
    let (Some(closure), true) = (closure, fits) else {
        return Err(error::type_error(t, format_args!("code object requires a closure of exactly length {free}")));
    };
    let class = FUNCTION.ty().value();
    let args = [a[0].clone(), globals, Value::NONE, Value::NONE, closure.clone()];
    let f = call::call(t, &class, &args)?;
    typhon_interp::call::run_code(t, &f, Some(&locals))?;
    Ok(Value::NONE)
}

pub(super) fn dir(t: &Thread, a: Args<'_>) -> Res {
    let args = a.expect_positional(t, "dir", 0, 1)?;
    let names = match args.first() {
        None => {
            let locals = frames::locals(t)?;
            let keys = call::method(t, &locals, n::keys(), &[])?;
            ops::collect(t, &keys)?
        }
        Some(v) => match call::special(t, v, n::__dir__(), &[]) {
            Some(r) => ops::collect(t, &r?)?,
            None => return Err(error::type_error(t, "object does not provide __dir__")),
        },
    };
    let list = List::from_vec(t, names)?;
    call::method(t, &list, n::sort(), &[])?;
    Ok(list)
}

pub(super) fn vars(t: &Thread, a: Args<'_>) -> Res {
    let args = a.expect_positional(t, "vars", 0, 1)?;
    match args.first() {
        None => frames::locals(t),
        Some(v) => match attr::get_opt(t, v, n::__dict__())? {
            Some(d) => Ok(d),
            None => Err(error::type_error(t, "vars() argument must have __dict__ attribute")),
        },
    }
}
