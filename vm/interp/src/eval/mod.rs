//! The run loop.
//!
//! One `match` over the opcode of a 64-bit instruction word; the bodies are in this folder by family and always inlined.
//! The loop's own state is `machine::M`. Exceptions leave the match, are unwound here over the frames of this loop, and
//! go on in a handler or to the native caller.

mod arith;
mod attr;
mod build;
pub(crate) mod call;
mod compare;
pub mod exception;
mod found;
mod iter;
mod machine;
mod method;
mod name;
mod pattern;
mod special;
mod subscript;

use crate::frame::{Interp, Kind, clear_registers};
use crate::{traceback, watch};
use arith as ar;
use machine::{Flow, M, Stop};
use typhon_isa::{Opcode as Op, Word};
use typhon_object::error::{Exc, Res};
use typhon_object::ty::flag;
use typhon_object::{Thread, Value};

/// Runs the frame on top (of kind `Entry`) to its end.
pub(crate) fn run(t: &Thread, it: &Interp) -> Res {
    run_from(t, it, None)
}

/// As [`run`], but begins by raising `e` where the frame stands.
pub(crate) fn run_throw(t: &Thread, it: &Interp, e: Exc) -> Res {
    run_from(t, it, Some(e))
}

fn run_from(t: &Thread, it: &Interp, throw: Option<Exc>) -> Res {
    let fp = it.fp.get();
    // SAFETY: the caller pushed the frame.
    let (ip, base) = unsafe { ((*fp).ip, (*fp).base) };
    let mut m = M { t, it, ip, base, fp };
    if let Some(mut e) = throw {
        if it.watch.active.get()
            && let Err(worse) = watch::thrown(t, it, fp, &e)
        {
            e = worse;
        }
        unwind(&mut m, e, true)?;
    }
    loop {
        let stop = if it.watch.active.get() { execute::<true>(&mut m) } else { execute::<false>(&mut m) };
        match stop {
            Stop::Switch => {}
            Stop::Exit(v) => return Ok(v),
            Stop::Raise(e) => unwind(&mut m, e, true)?,
            Stop::Reraise(e) => unwind(&mut m, e, false)?,
        }
    }
}

/// Finds the handler of `e`, or pops frames until the entry frame is gone (then the error is the caller's).
#[cold]
#[inline(never)]
fn unwind(m: &mut M<'_>, mut e: Exc, fresh: bool) -> Res<()> {
    m.save();
    let mut note = fresh;
    if m.t.breaker.any() && m.t.breaker.stopped() {
        // Whatever was raised: once the isolate is stopped, no handler and no `finally` runs.
        e = Exc::stopped();
    }
    if fresh && !e.is_stopped() {
        exception::chain_native(m.t, m.it, &e);
    }
    loop {
        if note
            && !e.is_stopped()
            && let Err(worse) = traceback::add(m.t, m.it, m.fp, &e)
        {
            e = worse;
        }
        let watched = m.it.watch.active.get() && !e.is_stopped();
        if watched && let Err(worse) = watch::raised(m.t, m.it, m.fp, &e, !note) {
            e = worse;
        }
        if !e.is_stopped()
            && let Some(h) = m.unit().handler_at(m.ip)
        {
            if watched && let Err(worse) = watch::handled(m.t, m.it, m.fp, &e, h.target) {
                e = worse;
            }
            let count = m.unit().register_count;
            // SAFETY: the frame is live; temporaries from `depth` on die with the statement that raised.
            unsafe { clear_registers(m.base, h.depth as usize, count) };
            m.set(h.depth as usize, e.into_value());
            m.it.raised_at.set((m.fp as usize, m.unit().offset_of(m.ip)));
            // SAFETY: handlers are inside the code.
            m.ip = unsafe { m.unit().start().add(h.target as usize) };
            return Ok(());
        }
        if watched && let Err(worse) = watch::unwound(m.t, m.it, m.fp, &e) {
            e = worse;
        }
        if !note {
            put_place_back(m);
        }
        // SAFETY: the frame is live until `abandon` pops it.
        let kind = unsafe { (*m.fp).kind };
        let left = leave_generator(m);
        call::abandon(m);
        if let Some(g) = crate::generator::as_generator(&left) {
            // The frame object, if there is one, has kept the locals; the registers are empty already.
            drop(g.frame.take());
            g.finish();
        }
        drop(left);
        if kind == Kind::Entry {
            return Err(e);
        }
        m.enter(0);
        if kind == Kind::Next && e.is(&typhon_object::types::exceptions::STOP_ITERATION) {
            m.advance(special::exhausted(m.fp));
            return Ok(());
        }
        note = true;
    }
}

/// A handler's cleanup raises an exception again: the frame is left at the place where it was raised, not at the cleanup.
fn put_place_back(m: &mut M<'_>) {
    let (frame, offset) = m.it.raised_at.get();
    // SAFETY: the saved ip lies behind an instruction of the frame's code, and so did the one that was remembered.
    unsafe {
        let w = *m.ip.sub(1);
        if frame == m.fp as usize && w.op() == Op::Reraise as u8 && w.kind() == 1 {
            (*m.fp).ip = m.unit().start().add(offset as usize);
        }
    }
}

/// A generator whose frame an exception leaves is over.
fn leave_generator(m: &mut M<'_>) -> Value {
    // SAFETY: the frame is live and owns its generator.
    let left = unsafe { Value::from_ref(&(*m.fp).generator).clone() };
    if let Some(g) = crate::generator::as_generator(&left) {
        m.it.handling.set(g.handling.below.replace(std::ptr::null()));
        drop(g.handling.replace(Value::ABSENT));
    }
    left
}

#[inline(always)]
fn resume<const WATCHED: bool>(m: &mut M<'_>) -> Flow {
    if m.t.breaker.any() {
        m.save();
        m.t.poll()?;
        if !WATCHED && m.it.watch.active.get() {
            return switch(m);
        }
    }
    Ok(())
}

/// Leaves the loop in front of the running instruction.
#[inline(always)]
fn switch(m: &mut M<'_>) -> Flow {
    m.advance(-1);
    Err(Stop::Switch)
}

#[inline(always)]
fn breakpoint(m: &mut M<'_>) -> Flow {
    m.advance(-1);
    m.it.watch.breakpoints.uncover(m.ip);
    Err(Stop::Switch)
}

#[inline(always)]
fn jump_back<const WATCHED: bool>(m: &mut M<'_>, w: Word) -> Flow {
    if m.t.breaker.any() {
        m.save();
        m.t.poll()?;
        if !WATCHED && m.it.watch.active.get() {
            return switch(m);
        }
    }
    m.advance(1 + w.bc() as isize);
    if !WATCHED {
        // What a loop begins with, without another dispatch.
        // SAFETY: as in `execute`.
        let next = unsafe { *m.ip };
        if next.op() == Op::ForIterRange as u8 {
            m.advance(1);
            return iter::for_iter_range(m, next);
        }
        if next.op() == Op::ForIterList as u8 {
            m.advance(1);
            return iter::for_iter_list(m, next);
        }
    }
    Ok(())
}

#[inline(always)]
fn move_(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.take_b(w);
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
fn clear(m: &mut M<'_>, w: Word) -> Flow {
    if m.reg(w.a()).is_object() {
        m.save();
    }
    m.set(w.a(), Value::ABSENT);
    Ok(())
}

#[inline(always)]
fn return_(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.take(w.a());
    finish(m, v)
}

#[inline(always)]
fn finish(m: &mut M<'_>, v: Value) -> Flow {
    // SAFETY: the frame is live.
    if unsafe { (*m.fp).generator } != 0 {
        return finish_generator(m, v);
    }
    call::finish(m, v)
}

#[inline(always)]
fn finish_generator(m: &mut M<'_>, v: Value) -> Flow {
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here. It is this generator's, which whoever resumed it keeps alive, or
    // the frame itself; a frame object keeps copies before the registers go.
    unsafe {
        let bits = (*fp).generator;
        let g = &*(bits as *const crate::generator::Generator);
        let (kind, dst, skip) = ((*fp).kind, (*fp).dst, (*fp).skip);
        if (*fp).object != 0 {
            crate::frame_object::put_back(fp, &v);
            crate::frame_object::detach(m.t, m.it, fp);
            drop(g.frame.take());
        }
        crate::generator::pop(m.t, m.it, fp, g);
        g.finish();
        if kind == Kind::Entry {
            drop(Value::from_raw(bits));
            return Err(Stop::Exit(v));
        }
        iter::generator_returned(m, kind, dst, skip, v)
    }
}

#[inline(always)]
fn return_generator(m: &mut M<'_>) -> Flow {
    m.save();
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here: then its registers and function are the generator's.
    unsafe {
        let plain = (*fp).kind == Kind::Call && ((*fp).object | (*fp).locals) == 0 && !m.it.watch.active.get();
        let v = crate::generator::from_frame(m.t, fp, plain)?;
        if !plain {
            return call::finish(m, v);
        }
        let (dst, skip) = ((*fp).dst, (*fp).skip);
        m.it.fp.set(fp.sub(1));
        m.t.depth.set(m.t.depth.get() - 1);
        m.enter(skip as isize);
        m.set(dst as usize, v);
    }
    Ok(())
}

/// Executes instructions until one stops the loop. The function is one table by nature: a row per opcode.
/// The watched instantiation reports every instruction to [`watch::step`]; the other one knows nothing of watchers.
#[inline(never)]
fn execute<const WATCHED: bool>(outer: &mut M<'_>) -> Stop {
    // A copy whose address is never taken by a call, so that its fields live in machine registers.
    let mut m = M { t: outer.t, it: outer.it, ip: outer.ip, base: outer.base, fp: outer.fp };
    let mut pending = watch::Pending::default();
    macro_rules! table {
        ($w:ident; $($($op:ident)|+ => $body:expr,)*) => {
            match op_of($w) {
                $($(Op::$op)|+ => if let Err(stop) = $body {
                    let mut stop = stop;
                    if WATCHED
                        && matches!(stop, Stop::Raise(_))
                        && let Err(worse) = watch::failed(m.t, m.it, m.fp, &mut pending)
                    {
                        stop = Stop::Raise(worse);
                    }
                    *outer = m;
                    return stop;
                },)*
            }
        };
    }
    loop {
        if WATCHED {
            match watch::step(m.t, m.it, m.ip, m.fp, &mut pending) {
                Ok(ip) => m.ip = ip,
                Err((e, ip)) => {
                    m.ip = ip;
                    *outer = m;
                    return Stop::Raise(e);
                }
            }
            if !m.it.watch.active.get() {
                *outer = m;
                return Stop::Switch;
            }
        }
        // SAFETY: ip points at an instruction of verified code, which ends with a return or a jump.
        let w = unsafe { *m.ip };
        m.advance(1);
        let m = &mut m;
        table! { w;
            Nop => Ok(()),
            Resume => resume::<WATCHED>(m),
            Move => move_(m, w),
            LoadConst => { let v = m.constant(w.bc() as usize).clone(); m.set(w.a(), v); Ok(()) },
            LoadInt => { m.set(w.a(), Value::small(i64::from(w.bc()))); Ok(()) },
            Clear => clear(m, w),
            CheckBound => name::check_bound(m, w),
            DeleteFast => name::delete_fast(m, w),
            LoadCommon => name::load_common(m, w),
            MakeCell => name::make_cell(m, w),
            CopyFreeVars => name::copy_free_vars(m, w),
            LoadDeref => name::load_deref(m, w),
            StoreDeref => name::store_deref(m, w),
            DeleteDeref => name::delete_deref(m, w),
            LoadClassDeref => name::load_class_deref(m, w),
            LoadName => name::load_name(m, w),
            StoreName => name::store_name(m, w),
            DeleteName => name::delete_name(m, w),
            LoadGlobal => name::load_global(m, w),
            StoreGlobal => name::store_global(m, w),
            DeleteGlobal => name::delete_global(m, w),
            LoadLocals => name::load_locals(m, w),
            LoadFromDictOrGlobals => name::load_from_dict_or_globals(m, w),
            LoadBuildClass => name::load_build_class(m, w),
            SetupAnnotations => name::setup_annotations(m),
            LoadAttr => attr::load_attr(m, w),
            LoadMethod => method::load_method(m, w),
            StoreAttr => attr::store_attr(m, w),
            DeleteAttr => attr::delete_attr(m, w),
            LoadSuperAttr => method::load_super(m, w, false),
            LoadSuperMethod => method::load_super(m, w, true),
            LoadSpecial => method::load_special(m, w),
            GetItem => subscript::get_item(m, w),
            GetItemImm => subscript::get_item_imm(m, w),
            SetItem => subscript::set_item(m, w),
            DelItem => subscript::del_item(m, w),
            GetSlice => subscript::get_slice(m, w),
            SetSlice => subscript::set_slice(m, w),
            BinaryOp => ar::binary_op(m, w),
            BinaryOpImm => ar::binary_op_imm(m, w),
            UnaryOp => ar::unary_op(m, w),
            Compare => compare::compare(m, w),
            CompareImm => compare::compare_imm(m, w),
            CompareJump => compare::compare_jump(m, w),
            CompareImmJump => compare::compare_imm_jump(m, w),
            Is => compare::is(m, w),
            Contains => compare::contains(m, w),
            ToBool => compare::to_bool(m, w),
            Jump => { m.advance(w.bc() as isize); Ok(()) },
            JumpBack => jump_back::<WATCHED>(m, w),
            JumpIfTrue => compare::jump_if(m, w, true),
            JumpIfFalse => compare::jump_if(m, w, false),
            JumpIfNone => compare::jump_if_none(m, w, true),
            JumpIfNotNone => compare::jump_if_none(m, w, false),
            GetIter => iter::get_iter(m, w),
            ForIter => iter::for_iter(m, w),
            GetYieldFromIter => iter::yield_from_iter(m, w),
            GetLen => iter::get_len(m, w),
            UnpackSequence => build::unpack(m, w),
            UnpackEx => build::unpack_ex(m, w),
            Call => call::call(m, w),
            CallMethod => call::call_method(m, w),
            CallKw => call::call_kw(m, w),
            CallEx => call::call_ex(m, w),
            Return => return_(m, w),
            ReturnConst => { m.save(); let v = m.constant(w.bc() as usize).clone(); finish(m, v) },
            BuildTuple => build::tuple(m, w),
            BuildList => build::list(m, w),
            BuildSet => build::set(m, w),
            BuildMap => build::map(m, w),
            BuildString => build::string(m, w),
            BuildSlice => build::slice(m, w),
            ListAppend => build::list_append(m, w),
            ListExtend => build::list_extend(m, w),
            ListToTuple => build::list_to_tuple(m, w),
            SetAdd => build::set_add(m, w),
            SetUpdate => build::set_update(m, w),
            MapAdd => build::map_add(m, w),
            DictUpdate => build::dict_update(m, w),
            DictMerge => build::dict_merge(m, w),
            FormatValue => build::format_value(m, w),
            BuildInterpolation => build::interpolation(m, w),
            BuildTemplate => build::template(m, w),
            MakeFunction => build::make_function(m, w),
            SetFunctionAttr => build::set_function_attr(m, w),
            ImportName => build::import_name(m, w),
            ImportFrom => build::import_from(m, w),
            ImportStar => build::import_star(m, w),
            Intrinsic1 => build::intrinsic1(m, w),
            Intrinsic2 => build::intrinsic2(m, w),
            MatchSequence => pattern::has_flag(m, w, flag::SEQUENCE),
            MatchMapping => pattern::has_flag(m, w, flag::MAPPING),
            MatchKeys => pattern::keys(m, w),
            MatchClass => pattern::class(m, w),
            Raise => exception::raise(m, w),
            Reraise => exception::reraise(m, w),
            PushExc => exception::push_exc(m, w),
            PopExc => exception::pop_exc(m, w),
            CheckExc => exception::check_exc(m, w),
            CheckExcGroup => exception::check_group(m, w),
            WithExcept => exception::with_except(m, w),
            EndAsyncFor => exception::end_async_for(m, w),
            CleanupThrow => exception::cleanup_throw(m, w),
            ReturnGenerator => return_generator(m),
            Yield => iter::yield_value(m, w),
            Send | SendGen => iter::send(m, w),
            GetAwaitable => iter::get_awaitable(m, w),
            GetAiter => iter::get_aiter(m, w),
            GetAnext => iter::get_anext(m, w),
            BinaryAddInt => ar::add_int(m, w),
            BinarySubInt => ar::sub_int(m, w),
            BinaryMulInt => ar::int_op(m, w, i64::checked_mul),
            BinaryAndInt => ar::int_op(m, w, |x, y| Some(x & y)),
            BinaryOrInt => ar::int_op(m, w, |x, y| Some(x | y)),
            BinaryXorInt => ar::int_op(m, w, |x, y| Some(x ^ y)),
            BinaryShlInt => ar::int_op(m, w, ar::shl),
            BinaryShrInt => ar::int_op(m, w, ar::shr),
            BinaryFloorDivInt => ar::int_op(m, w, ar::floor_div),
            BinaryModInt => ar::int_op(m, w, ar::modulo),
            BinaryAddFloat => ar::float_op(m, w, |x, y| x + y),
            BinarySubFloat => ar::float_op(m, w, |x, y| x - y),
            BinaryMulFloat => ar::float_op(m, w, |x, y| x * y),
            BinaryDivFloat => ar::div_float(m, w),
            BinaryAddStr => ar::add_str(m, w),
            BinaryAddIntImm => ar::add_int_imm(m, w, 1),
            BinarySubIntImm => ar::add_int_imm(m, w, -1),
            BinaryMulIntImm => ar::int_op_imm(m, w, i64::checked_mul),
            BinaryAndIntImm => ar::int_op_imm(m, w, |x, y| Some(x & y)),
            BinaryShlIntImm => ar::int_op_imm(m, w, ar::shl),
            BinaryShrIntImm => ar::int_op_imm(m, w, ar::shr),
            BinaryFloorDivIntImm => ar::int_op_imm(m, w, ar::floor_div),
            BinaryModIntImm => ar::int_op_imm(m, w, ar::modulo),
            BinaryAddFloatImm => ar::float_op_imm(m, w, |x, y| x + y),
            BinarySubFloatImm => ar::float_op_imm(m, w, |x, y| x - y),
            BinaryMulFloatImm => ar::float_op_imm(m, w, |x, y| x * y),
            BinaryDivFloatImm => ar::div_float_imm(m, w),
            CompareInt => compare::compare_int(m, w),
            CompareFloat => compare::compare_float(m, w),
            CompareIntImm => compare::compare_imm(m, w),
            CompareIntJump => compare::compare_int_jump(m, w),
            CompareFloatJump => compare::compare_float_jump(m, w),
            CompareStrJump => compare::compare_str_jump(m, w),
            CompareIntImmJump => compare::compare_imm_jump(m, w),
            GetItemListInt => subscript::list_int(m, w),
            GetItemTupleInt => subscript::tuple_int(m, w),
            GetItemDict => subscript::dict(m, w),
            GetItemStrInt => subscript::str_int(m, w),
            GetItemPython => subscript::python(m, w),
            LoadAttrSlot | LoadAttrMember => attr::load_attr_slot(m, w),
            LoadAttrType => attr::load_attr_type(m, w),
            LoadAttrEntry => attr::load_attr_entry(m, w),
            LoadAttrProperty => attr::load_attr_property(m, w),
            LoadAttrModule => attr::load_attr_module(m, w),
            LoadAttrClass => attr::load_attr_class(m, w),
            LoadMethodType => method::load_method_type(m, w),
            LoadMethodMasked => method::load_method_masked(m, w),
            LoadMethodSlot => method::load_method_slot(m, w),
            LoadMethodOther => method::load_method_other(m, w),
            LoadMethodModule => method::load_method_module(m, w),
            LoadMethodClass => method::load_method_class(m, w),
            StoreAttrSlot | StoreAttrMember => attr::store_attr_slot(m, w),
            StoreAttrAdd => attr::store_attr_add(m, w),
            LoadGlobalModule => name::load_global_module(m, w),
            LoadGlobalBuiltin => name::load_global_builtin(m, w),
            ForIterList => iter::for_iter_list(m, w),
            ForIterTuple => iter::for_iter_tuple(m, w),
            ForIterRange => iter::for_iter_range(m, w),
            ForIterGen => iter::for_iter_gen(m, w),
            ForIterEnumerate => iter::for_iter_enumerate(m, w),
            ForIterZip => iter::for_iter_zip(m, w),
            ForIterItems => iter::for_iter_items(m, w),
            Breakpoint => breakpoint(m),
        }
    }
}

/// The opcode of an instruction.
#[inline(always)]
fn op_of(w: Word) -> Op {
    // SAFETY: instruction words come from the compiler and the specializer, which write opcodes of the table only.
    unsafe { std::mem::transmute::<u8, Op>(w.op()) }
}
