//! Objects that a loop carries and makes anew in each iteration: it carries their fields instead.
//!
//! Such a parameter is given an object that the head has made, and then one that the iteration has made; nobody else is given
//! either. Where the loop is left while the parameter is in a register, the snapshot makes the object.

use super::{Held, Object, Sink};
use crate::Alias;
use crate::arg::{Arg, Const, Ty, Var};
use crate::build::Copy;
use crate::op::Op;
use crate::trace::{End, Trace};
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// The fields of an object: where each is, and what it is given.
type Fields = Vec<(i32, Alias, Arg)>;

/// The parameters that may be such objects, and what they are given; those that must be `whole` are not among them.
pub(super) fn candidates(trace: &Trace, whole: &FxHashSet<Var>) -> FxHashMap<Var, [Var; 2]> {
    let (Some(looped), End::Again(next)) = (&trace.looped, &trace.end) else { return FxHashMap::default() };
    let head: FxHashSet<Var> = trace.head.iter().copied().collect();
    let all: Vec<Arg> = looped.params.iter().map(|(_, init)| *init).chain(next.iter().copied()).collect();
    let made = |arg: &Arg| {
        let v = arg.var().filter(|v| trace.inst(*v).op == Op::New)?;
        // In two registers it would be two objects.
        (all.iter().filter(|other| *other == arg).count() == 1).then_some(v)
    };
    let given = looped.params.iter().zip(next).filter_map(|((param, init), next)| {
        let (first, last) = (made(init)?, made(next)?);
        let anew = head.contains(&first) && !head.contains(&last);
        (anew && !whole.contains(param)).then_some((*param, [first, last]))
    });
    given.collect()
}

/// Copies the trace without the objects; or says which parameter is given one of another kind in the next iteration.
pub(super) fn rewrite(trace: &Trace, sink: &mut Sink, carried: &FxHashMap<Var, [Var; 2]>) -> Result<Trace, Var> {
    let (Some(looped), End::Again(next)) = (&trace.looped, &trace.end) else {
        return Ok(crate::build::rewrite(trace, sink));
    };
    let mut copy = Copy::begin(trace);
    copy.pass(sink, &trace.head);
    let mut firsts: FxHashMap<Var, (Object, Fields)> = FxHashMap::default();
    for (param, [first, _]) in carried {
        firsts.insert(*param, sink.taken_apart(&copy, *first).ok_or(*param)?);
    }
    copy.new.begin_loop();
    for (param, init) in &looped.params {
        let Some((object, fields)) = firsts.get(param) else {
            let init = copy.arg(*init);
            let new = copy.new.param(trace.inst(*param).ty, init);
            copy.set(*param, new.into());
            continue;
        };
        let mut held = object.fields.clone();
        for (offset, class, first) in fields {
            let ty = copy.new.trace().ty(*first);
            held.insert(*offset, (*class, Held::Carried(copy.new.param(ty, *first).into())));
        }
        sink.live.insert(*param, Object { fields: held, ..*object });
    }
    sink.flat.clear();
    copy.pass(sink, &looped.body);
    let mut again = Vec::new();
    for ((param, _), next) in looped.params.iter().zip(next) {
        let (Some([_, last]), Some((first, fields))) = (carried.get(param), firsts.get(param)) else {
            again.push(copy.arg(*next));
            continue;
        };
        let (object, then) = sink.taken_apart(&copy, *last).ok_or(*param)?;
        let layout = |fields: &Fields| -> Vec<(i32, Alias, Ty)> {
            fields.iter().map(|(offset, class, arg)| (*offset, *class, copy.new.trace().ty(*arg))).collect()
        };
        let same = (object.shape, object.size, object.refs, fixed(&object))
            == (first.shape, first.size, first.refs, fixed(first));
        if !same || layout(fields) != layout(&then) {
            return Err(*param);
        }
        again.extend(then.into_iter().map(|(_, _, arg)| arg));
    }
    Ok(copy.new.finish(End::Again(again)))
}

/// What is left in an object that was taken apart: numbers that are the same in each iteration.
fn fixed(object: &Object) -> Vec<(i32, Option<Const>)> {
    let number = |held: &Held| match held {
        Held::Value(_, arg) => arg.constant(),
        _ => None,
    };
    object.fields.iter().map(|(offset, (_, held))| (*offset, number(held))).collect()
}

impl Sink {
    /// A hidden object, which is not one from here on, and the fields that change; `None` if it is not there, or refers to
    /// another one.
    fn taken_apart(&mut self, copy: &Copy<'_>, v: Var) -> Option<(Object, Fields)> {
        let mut object = self.live.remove(&v)?;
        let raw = |held: &Held| matches!(held, Held::Value(old, _) if copy.old.ty(*old) != Ty::Val);
        let (fixed, fields): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut object.fields).into_iter().partition(|(_, (_, held))| raw(held));
        if fixed.values().any(|(_, held)| !matches!(held, Held::Value(_, Arg::Const(_)))) {
            // The snapshot would box what is carried.
            return None;
        }
        object.fields = fixed;
        let fields = fields.into_iter().map(|(offset, (class, held))| {
            let arg = match held {
                Held::Value(old, _) if old.var().is_some_and(|v| self.boxes.contains(&v)) => copy.shown(old),
                Held::Value(_, arg) | Held::Carried(arg) => arg,
                Held::Hidden(_) => return None,
            };
            Some((offset, class, arg))
        });
        Some((object, fields.collect::<Option<_>>()?))
    }
}
