//! What natives ask about the running frame.

use crate::frame::{Frame, interp};
use crate::function::Function;
use typhon_isa::LocalKind;
use typhon_object::error::{self, Res};
use typhon_object::types::cell::Cell;
use typhon_object::{Thread, TypeObject, Value};

/// The running frame's globals; absent if no Python code runs.
pub fn globals(t: &Thread) -> Value {
    match interp(t).current() {
        Some(f) => Value::from_ref(&f.func).downcast::<Function>().map_or(Value::ABSENT, |f| f.globals.get()),
        None => Value::ABSENT,
    }
}

/// The globals of the frame `n` levels below the running one; nothing if there is none. It needs no frame object for that.
pub fn globals_at(t: &Thread, n: usize) -> Option<Value> {
    if t.interp.get().is_null() {
        return None;
    }
    let record = interp(t).frame_at(n)?;
    // SAFETY: the record is one of this thread's, and live.
    let function = Value::from_ref(unsafe { &(*record).func });
    function.downcast::<Function>().map(|f| f.globals.get())
}

/// The running frame's builtins namespace; absent if no Python code runs.
pub fn builtins(t: &Thread) -> Value {
    match interp(t).current() {
        Some(f) => Value::from_ref(&f.func).downcast::<Function>().map_or(Value::ABSENT, |f| f.builtins.get()),
        None => Value::ABSENT,
    }
}

/// The exceptions that the other threads handle (absent where there is none), each with the word of its thread's breaker.
pub fn handled_by_others(t: &Thread) -> Vec<(*const u32, Value)> {
    t.alone(|| {
        let mut handled = Vec::new();
        // SAFETY: the others are stopped, so their chains stand; taking a reference runs nothing.
        unsafe {
            t.isolate().each_thread(|other| {
                if !std::ptr::eq(other, t) && !other.interp.get().is_null() {
                    handled.push((other.breaker.word(), interp(other).handled()));
                }
            });
        }
        handled
    })
}

/// The running frame's locals as a mapping.
pub fn locals(t: &Thread) -> Res {
    let it = interp(t);
    let Some(fp) = it.frame_at(0) else { return Err(error::system_error(t, "frame does not exist")) };
    let frame = crate::frame_object::of(t, it, fp)?;
    crate::frame_object::locals(t, frame.expect::<crate::frame_object::FrameObject>())
}

/// The file and line that run, for warnings: `up` frames below the running one.
pub fn position(t: &Thread, up: usize) -> Option<(String, u32)> {
    let fp = interp(t).frame_at(up)?;
    // SAFETY: `frame_at` names live records.
    let (unit, ip) = unsafe { (&*(*fp).unit, (*fp).ip) };
    Some((unit.code.filename.to_string(), unit.position_at(ip).line))
}

/// `super()`: the `__class__` cell's class and the first argument of the running function.
pub fn super_frame(t: &Thread) -> Res<(Value, Value)> {
    let Some(fp) = interp(t).frame_at(0) else { return Err(error::runtime_error(t, "super(): no current frame")) };
    // SAFETY: `frame_at` names live records.
    let frame: &Frame = unsafe { &*fp };
    // SAFETY: a live frame's unit is alive.
    let unit = unsafe { &*frame.unit };
    if unit.code.arg_count == 0 {
        return Err(error::runtime_error(t, "super(): no arguments"));
    }
    // SAFETY: the first parameter's register is within the frame.
    let mut first = Value::from_ref(unsafe { &*frame.base }).clone();
    if unit.is_cell(0)
        && let Some(c) = first.downcast::<Cell>()
    {
        let inner = c.get();
        first = inner;
    }
    if first.is_absent() {
        return Err(error::runtime_error(t, "super(): arg[0] deleted"));
    }
    for (i, local) in unit.code.locals.iter().enumerate() {
        if local.kind == LocalKind::Free && &*local.name == "__class__" {
            // SAFETY: as above.
            let register = Value::from_ref(unsafe { &*frame.base.add(i) });
            let Some(cell) = register.downcast::<Cell>() else {
                return Err(error::runtime_error(t, "super(): bad __class__ cell"));
            };
            let class = cell.get();
            if class.is_absent() {
                return Err(error::runtime_error(t, "super(): empty __class__ cell"));
            }
            if class.downcast::<TypeObject>().is_none() {
                let name = typhon_object::type_of(&class).name();
                return Err(error::runtime_error(t, format_args!("super(): __class__ is not a type ({name})")));
            }
            return Ok((class, first));
        }
    }
    Err(error::runtime_error(t, "super(): __class__ cell not found"))
}
