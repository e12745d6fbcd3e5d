//! The VM's objects for machine code: the helpers it calls, and what exits make.

use crate::runtime::{Functions, Runtime};
use typhon_jit_ir::run::Heap;
use typhon_jit_ir::word::Word;
use typhon_object::error::{Exc, runtime_error};
use typhon_object::{Thread, Value, convert, ids};

/// What machine code must know of this VM.
pub const RUNTIME: Runtime = Runtime {
    functions: Functions {
        Alloc: alloc,
        Float: float,
        Retain: retain,
        Release: release,
        Poll: poll,
        FloatMod: float_mod,
        FloatFloorDiv: float_floor_div,
        FloatPow: float_pow,
    },
    float_shape: ids::FLOAT,
    registers: Some(1),
};

/// The thread that machine code was entered with.
fn thread<'t>(word: u64) -> &'t Thread {
    // SAFETY: machine code passes on its input of this name, which `Jit` gives it: the running thread, which outlives the
    // call.
    unsafe { &*(word as *const Thread) }
}

/// No traces make objects yet but floats: as if there were no memory, so that the interpreter makes them.
extern "C" fn alloc(_thread: u64, _shape: i64, _size: i64) -> u64 {
    0
}

extern "C" fn float(t: u64, x: f64) -> u64 {
    // Without memory the trace is left, and the interpreter finds out by itself.
    convert::from_f64(thread(t), x).map_or(0, Value::into_raw)
}

extern "C" fn retain(word: u64) {
    std::mem::forget(Value::from_ref(&word).clone());
}

extern "C" fn release(word: u64) {
    // SAFETY: the trace gives up a reference that it owns.
    drop(unsafe { Value::from_raw(word) });
}

extern "C" fn poll(t: u64) -> bool {
    !thread(t).breaker.any()
}

extern "C" fn float_mod(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        0.0_f64.copysign(b)
    } else if (rest < 0.0) != (b < 0.0) {
        rest + b
    } else {
        rest
    }
}

extern "C" fn float_floor_div(a: f64, b: f64) -> f64 {
    let quotient = (a - float_mod(a, b)) / b;
    if quotient == 0.0 {
        return 0.0_f64.copysign(a / b);
    }
    let floor = quotient.floor();
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

extern "C" fn float_pow(a: f64, b: f64) -> f64 {
    a.powf(b)
}

/// Where an exit makes what its snapshot names.
pub struct Objects<'t>(pub &'t Thread);

impl Heap for Objects<'_> {
    type Error = Exc;

    fn make(&mut self, shape: u32, _size: u32, _refs: u32) -> Result<Word, Exc> {
        Err(runtime_error(self.0, format_args!("a trace was left with an object of shape {shape}, which none makes")))
    }

    fn fill(&mut self, _object: Word, _offset: i32, _bits: u64) -> Result<(), Exc> {
        Ok(())
    }

    fn float(&mut self, x: f64) -> Result<Word, Exc> {
        convert::from_f64(self.0, x).map(|v| Word(v.into_raw()))
    }

    fn long(&mut self, i: i64) -> Result<Word, Exc> {
        convert::from_i64(self.0, i).map(|v| Word(v.into_raw()))
    }

    fn retain(&mut self, word: Word) -> Result<(), Exc> {
        retain(word.0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::mem::offset_of;
    use typhon_jit_ir::word;
    use typhon_object::types::range_iter::RangeIter;

    #[test]
    fn words_are_the_same_words() {
        for i in [0, 1, -1, word::INT_MAX, word::INT_MIN, word::INT_MAX + 1, word::INT_MIN - 1, 12_345] {
            assert_eq!(Value::try_small(i).map(Value::into_raw), Word::int(i).map(|w| w.0));
        }
        for x in [0.5, -1.0, 1e77, 1e78, 1e-77, 0.0, -0.0, f64::INFINITY, f64::NAN, 5e-324] {
            assert_eq!(Value::try_float(x).map(Value::into_raw), Word::flt(x).map(|w| w.0));
        }
        let specials = [
            (Value::ABSENT, Word::ABSENT),
            (Value::NONE, Word::NONE),
            (Value::TRUE, Word::TRUE),
            (Value::FALSE, Word::FALSE),
        ];
        for (value, word) in specials {
            assert_eq!(value.bits(), word.0);
            assert!(!value.is_object() && !word.is_obj());
        }
    }

    #[test]
    fn layouts_are_what_the_recorder_says() {
        assert_eq!(offset_of!(RangeIter, next), word::HEADER_SIZE as usize);
        assert_eq!(size_of::<typhon_object::header::Header>(), word::HEADER_SIZE as usize);
    }

    #[test]
    fn floats_divide_as_in_python() {
        assert_eq!(float_mod(-7.5, 2.0), 0.5);
        assert_eq!(float_mod(7.5, -2.0), -0.5);
        assert!(float_mod(4.0, -2.0).is_sign_negative());
        assert_eq!(float_floor_div(-7.5, 2.0), -4.0);
        assert_eq!(float_floor_div(7.0, 2.0), 3.0);
    }
}
