//! Names: locals, cells, globals, builtins and namespaces.

use super::machine::{Flow, M, Stop};
use crate::frame::Frame;
use crate::function::Function;
use typhon_isa::opcode::CommonKind;
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::names::n;
use typhon_object::native::NativeFunction;
use typhon_object::types::cell::Cell as PyCell;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, ops, strs};

/// The function a frame runs.
#[inline(always)]
pub(crate) fn function<'a>(fp: *mut Frame) -> &'a Function {
    // SAFETY: every frame owns its function while it runs.
    unsafe { &*((*fp).func as *const Function) }
}

#[inline(always)]
pub(crate) fn check_bound(m: &mut M<'_>, w: Word) -> Flow {
    if m.bits(w.a()) != 0 {
        return Ok(());
    }
    m.save();
    Err(unbound(m.t, m.unit(), w.a()).into())
}

#[cold]
pub(crate) fn unbound(t: &Thread, unit: &crate::unit::Unit, i: usize) -> Exc {
    let name = unit.locals().get(i).cloned().unwrap_or(Value::NONE);
    let text = strs::display(&name);
    error::unbound_local_error(
        t,
        format_args!("cannot access local variable '{text}' where it is not associated with a value"),
    )
}

#[inline(always)]
pub(crate) fn delete_fast(m: &mut M<'_>, w: Word) -> Flow {
    if m.bits(w.a()) == 0 {
        m.save();
        return Err(unbound(m.t, m.unit(), w.a()).into());
    }
    m.save();
    drop(m.take(w.a()));
    Ok(())
}

#[inline(always)]
fn cell(m: &M<'_>, i: usize) -> &'static PyCell {
    // SAFETY: the compiler names only registers that hold cells; the frame keeps the cell alive.
    unsafe { &*(m.bits(i) as *const PyCell) }
}

#[cold]
fn empty_cell(t: &Thread, unit: &crate::unit::Unit, i: usize) -> Exc {
    let name = unit.locals().get(i).cloned().unwrap_or(Value::NONE);
    let text = strs::display(&name);
    let free = unit.code.locals.get(i).is_some_and(|l| l.kind == typhon_isa::LocalKind::Free);
    if free {
        let message =
            format!("cannot access free variable '{text}' where it is not associated with a value in enclosing scope");
        let e = error::new(t, &exc::NAME_ERROR, message);
        exc::set_field(t, &e, "name", &name);
        return e;
    }
    unbound(t, unit, i)
}

#[inline(always)]
pub(crate) fn make_cell(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.take(w.a());
    let c = PyCell::create(m.t, v)?;
    m.set(w.a(), c);
    Ok(())
}

#[inline(always)]
pub(crate) fn copy_free_vars(m: &mut M<'_>, w: Word) -> Flow {
    // SAFETY: the registers of the frame's cells hold nothing yet, so that nothing runs while the slot is looked at.
    let closure = unsafe { function(m.fp).closure.peek() };
    if let Some(cells) = closure.downcast::<typhon_object::tuple::Tuple>() {
        for (i, c) in cells.items().iter().take(w.c()).enumerate() {
            m.set_now(w.a() + i, c.clone());
        }
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn load_deref(m: &mut M<'_>, w: Word) -> Flow {
    let bits = cell(m, w.b()).bits();
    if bits == 0 {
        return Err(Stop::Slow);
    }
    let v = m.copy(Value::from_ref(&bits));
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn deref_empty(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    Err(empty_cell(m.t, m.unit(), w.b()).into())
}

#[inline(always)]
pub(crate) fn store_deref(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.take_b(w);
    let old = cell(m, w.a()).replace_on(m.t, v);
    m.release(old);
    Ok(())
}

#[inline(always)]
pub(crate) fn delete_deref(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let old = cell(m, w.a()).get();
    if old.is_absent() {
        return Err(empty_cell(m.t, m.unit(), w.a()).into());
    }
    cell(m, w.a()).set(Value::ABSENT);
    drop(old);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_class_deref(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let name = m.unit().locals().get(w.c()).cloned().unwrap_or(Value::NONE);
    let dict = m.held_b(w);
    let v = match lookup(m.t, &dict, &name)? {
        Some(v) => v,
        None => match cell(m, w.c()).get().present() {
            Some(v) => v,
            None => return Err(empty_cell(m.t, m.unit(), w.c()).into()),
        },
    };
    m.set(w.a(), v);
    Ok(())
}

/// `namespace[name]`, `None` when missing.
pub(super) fn lookup(t: &Thread, namespace: &Value, name: &Value) -> Res<Option<Value>> {
    if let Some(d) = namespace.exact::<Dict>() {
        return Ok(d.get_str(name));
    }
    match ops::getitem(t, namespace, name) {
        Ok(v) => Ok(Some(v)),
        Err(e) if e.is(&exc::KEY_ERROR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// The frame's locals namespace; SystemError in a function. A function made of a module's code has its globals there.
pub(crate) fn namespace(t: &Thread, fp: *mut Frame) -> Res {
    // SAFETY: the running frame is live.
    let bits = unsafe { (*fp).locals };
    if bits != 0 {
        return Ok(Value::from_ref(&bits).clone());
    }
    let f = function(fp);
    if f.unit().code.flags & CodeFlags::OPTIMIZED != 0 {
        return Err(error::system_error(t, "no locals found"));
    }
    Ok(f.globals.get())
}

#[inline(never)]
fn name_slow(t: &Thread, fp: *mut Frame, name: &Value) -> Res {
    let f = function(fp);
    if let Some(v) = lookup(t, &namespace(t, fp)?, name)? {
        return Ok(v);
    }
    global_slow(t, f, name)
}

/// A global or builtin, without a cache. Globals given to `exec` are a dict or a subclass of one; builtins may be any
/// mapping.
#[inline(never)]
pub(crate) fn global_slow(t: &Thread, f: &Function, name: &Value) -> Res {
    // A subclass of dict may have `__missing__` (annotationlib's fake globals do).
    if let Some(v) = lookup(t, &f.globals.get(), name)? {
        return Ok(v);
    }
    let builtins = f.builtins.get();
    match lookup(t, &builtins, name)? {
        Some(v) => Ok(v),
        None => match crate::hooks::missing_builtin(t, &builtins, name)? {
            Some(v) => Ok(v),
            None => Err(error::name_error(t, name)),
        },
    }
}

#[inline(always)]
pub(crate) fn load_name(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = name_slow(m.t, m.fp, m.name(w.c()))?;
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_name(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.held_b(w);
    store_namespace(m.t, m.fp, m.name(w.c()), v)?;
    m.advance(2);
    Ok(())
}

#[inline(never)]
fn store_namespace(t: &Thread, fp: *mut Frame, name: &Value, v: Value) -> Res<()> {
    let namespace = namespace(t, fp)?;
    match namespace.exact::<Dict>() {
        Some(d) => d.set_str(t, name, v),
        None => ops::setitem(t, &namespace, name, &v),
    }
}

#[inline(always)]
pub(crate) fn delete_name(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let name = m.name(w.c());
    let namespace = namespace(m.t, m.fp)?;
    let missing = match namespace.exact::<Dict>() {
        Some(d) => d.remove(m.t, name)?.is_none(),
        None => match ops::delitem(m.t, &namespace, name) {
            Err(e) if e.is(&exc::KEY_ERROR) => true,
            r => {
                r?;
                false
            }
        },
    };
    if missing { Err(error::name_error(m.t, name).into()) } else { Ok(()) }
}

/// LoadGlobal: the cache words hold (keys version, entry) of the dict where the name was found.
#[inline(always)]
pub(crate) fn load_global(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let name = m.name(w.c());
    let f = function(m.fp);
    let globals = f.globals();
    if f.globals.get().exact::<Dict>().is_none() {
        // No cache: every access asks the subclass.
    } else if let (version, Some(entry)) = (globals.keys_version(m.t), globals.find_str_entry(name)) {
        if version != 0 && version == globals.current_keys_version() {
            m.set_extra(0, u64::from(version));
            m.set_extra(1, entry as u64);
            m.rewrite(w, Opcode::LoadGlobalModule);
        }
    } else if let Some(builtins) = f.builtins.get().exact::<Dict>()
        && let versions = [globals.keys_version(m.t), builtins.keys_version(m.t)]
        && let Some(entry) = builtins.find_str_entry(name)
    {
        // Another thread may have changed them meanwhile.
        let now = [globals.current_keys_version(), builtins.current_keys_version()];
        if !versions.contains(&0) && versions == now && globals.find_str_entry(name).is_none() {
            m.set_extra(0, u64::from(versions[0]) | u64::from(versions[1]) << 32);
            m.set_extra(1, entry as u64);
            m.rewrite(w, Opcode::LoadGlobalBuiltin);
        }
    }
    let v = global_slow(m.t, f, name)?;
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_global_module(m: &mut M<'_>, w: Word) -> Flow {
    let globals = function(m.fp).globals();
    // SAFETY: the keys version is the one under which the entry was found.
    let found = unsafe { globals.entry_word(m.extra(0) as u32, m.extra(1) as usize) };
    let Some(bits) = found.filter(|bits| *bits != 0) else {
        m.rewrite(w, Opcode::LoadGlobal);
        return Err(Stop::As(Opcode::LoadGlobal as usize));
    };
    let v = m.copy(Value::from_ref(&bits));
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_global_builtin(m: &mut M<'_>, w: Word) -> Flow {
    let f = function(m.fp);
    // SAFETY: specialized only when builtins is an exact dict, and the slot is never replaced.
    let builtins = unsafe { &*(f.builtins.bits() as *const Dict) };
    let versions = m.extra(0);
    // SAFETY: as in `load_global_module`.
    let found = unsafe { builtins.entry_word((versions >> 32) as u32, m.extra(1) as usize) };
    let found = found.filter(|bits| *bits != 0 && f.globals().current_keys_version() == versions as u32);
    let Some(bits) = found else {
        m.rewrite(w, Opcode::LoadGlobal);
        return Err(Stop::As(Opcode::LoadGlobal as usize));
    };
    let v = m.copy(Value::from_ref(&bits));
    m.set(w.a(), v);
    m.advance(2);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_global(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.held_b(w);
    function(m.fp).globals().set_str(m.t, m.name(w.c()), v)?;
    m.advance(2);
    Ok(())
}

#[inline(always)]
pub(crate) fn delete_global(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let name = m.name(w.c());
    match function(m.fp).globals().remove(m.t, name)? {
        Some(_) => Ok(()),
        None => Err(error::name_error(m.t, name).into()),
    }
}

#[inline(always)]
pub(crate) fn load_locals(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = namespace(m.t, m.fp)?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_from_dict_or_globals(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let dict = m.held_b(w);
    let name = m.name(w.c());
    let v = match lookup(m.t, &dict, name)? {
        Some(v) => v,
        None => global_slow(m.t, function(m.fp), name)?,
    };
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_build_class(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = match lookup(m.t, &function(m.fp).builtins.get(), n::__build_class__())? {
        Some(v) => v,
        None => return Err(error::new(m.t, &exc::NAME_ERROR, "__build_class__ not found").into()),
    };
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn setup_annotations(m: &mut M<'_>) -> Flow {
    m.save();
    let namespace = namespace(m.t, m.fp)?;
    if lookup(m.t, &namespace, n::__annotations__())?.is_none() {
        ops::setitem(m.t, &namespace, n::__annotations__(), &Dict::create(m.t))?;
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn load_common(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = common(m.t, CommonKind::from_u8(w.kind()))?;
    m.set(w.a(), v);
    Ok(())
}

fn common(t: &Thread, kind: CommonKind) -> Res {
    use typhon_object::types;
    Ok(match kind {
        CommonKind::AssertionError => exc::ASSERTION_ERROR.ty().value(),
        CommonKind::NotImplementedError => exc::NOT_IMPLEMENTED_ERROR.ty().value(),
        CommonKind::Tuple => types::tuple_::TUPLE.ty().value(),
        CommonKind::List => types::list_::LIST.ty().value(),
        CommonKind::Set => types::set_::SET.ty().value(),
        // The functions that the isolate began with. What a program has put in their place is nothing known: absent, which is
        // identical to no value.
        CommonKind::All | CommonKind::Any => {
            let name = if matches!(kind, CommonKind::All) { n::all() } else { n::any() };
            let found = Dict::of(&t.builtins().get()).get_str(name).unwrap_or_default();
            let own = found.exact::<NativeFunction>().is_some_and(|f| f.def.name == kind.text());
            if own { found } else { Value::ABSENT }
        }
    })
}
