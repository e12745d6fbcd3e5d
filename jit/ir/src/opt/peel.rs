//! Loop peeling: the first iteration is done in the head.
//!
//! By itself this only makes the trace longer. But behind it the passes that remember find in the loop what the head has
//! computed, asked and loaded already: the loop keeps only what changes.

use crate::build::{Copy, Pass, Step};
use crate::trace::{End, Inst, Trace};
use crate::{Arg, Var};

/// Instructions up to which a loop is peeled.
const BODY_MAX: usize = 2000;

pub(super) fn run(trace: &Trace) -> Trace {
    let (Some(looped), End::Again(next)) = (&trace.looped, &trace.end) else { return trace.clone() };
    if looped.body.len() > BODY_MAX {
        return trace.clone();
    }
    let mut copy = Copy::begin(trace);
    copy.pass(&mut Keep, &trace.head);
    let inits: Vec<Arg> = looped.params.iter().map(|(_, init)| copy.arg(*init)).collect();
    for ((v, _), init) in looped.params.iter().zip(inits) {
        copy.set(*v, init);
    }
    copy.pass(&mut Keep, &looped.body);
    let carried: Vec<Arg> = next.iter().map(|arg| copy.arg(*arg)).collect();
    copy.renew_exits();
    copy.new.begin_loop();
    for ((v, _), init) in looped.params.iter().zip(carried) {
        let param = copy.new.param(trace.inst(*v).ty, init);
        copy.set(*v, param.into());
    }
    copy.pass(&mut Keep, &looped.body);
    let next = next.iter().map(|arg| copy.arg(*arg)).collect();
    copy.new.finish(End::Again(next))
}

struct Keep;

impl Pass for Keep {
    fn visit(&mut self, _copy: &mut Copy<'_>, _old: Var, _inst: &Inst) -> Step {
        Step::Keep
    }
}
