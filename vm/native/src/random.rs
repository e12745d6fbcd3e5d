//! _random: the Mersenne Twister.

use dashu_int::{IBig, UBig};
use std::cell::RefCell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{ModuleDef, def};
use typhon_object::slots::Slots;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::int;
use typhon_object::{Thread, Value, convert, ops, payload};

/// _random.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_random",
    doc: "Module implements the Mersenne Twister random number generator.",
    functions: &[],
    types: &[("Random", &RANDOM)],
    init: None,
};

const N: usize = 624;
const M: usize = 397;

struct Twister {
    words: [u32; N],
    at: usize,
}

/// _random.Random.
#[repr(C)]
struct Random {
    header: Header,
    state: RefCell<Box<Twister>>,
}

typhon_object::payload!(Random => RANDOM);

static RANDOM: TypeDef = TypeDef {
    name: "_random.Random",
    doc: "Random() -> create a random number generator with its own internal state.",
    flags: flag::BASETYPE,
    slots: Slots { new: Some(new), init: Some(init), ..Slots::NONE },
    methods: &[
        def("random", "($self, /)", random, "random() -> x in the interval [0, 1).").tame(),
        def(
            "seed",
            "($self, n=None, /)",
            |t, a| seed(t, &a[0], &a[1]).map(|()| Value::NONE),
            "seed([n]) -> None.\n\nDefaults to use urandom and falls back to a combination\nof the current time and the process identifier.",
        ),
        def("getstate", "($self, /)", get_state, "getstate() -> tuple containing the current state."),
        def("setstate", "($self, state, /)", set_state, "setstate(state) -> None.  Restores generator state."),
        def("getrandbits", "($self, k, /)", bits, "getrandbits(k) -> x.  Generates an int with k random bits.").tame(),
    ],
    ..TypeDef::of::<Random>()
};

impl Twister {
    /// The state of one seed word.
    fn from_word(seed: u32) -> Self {
        let mut words = [0; N];
        let mut x = seed;
        for (i, word) in words.iter_mut().enumerate() {
            if i > 0 {
                x = (x ^ x >> 30).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
            }
            *word = x;
        }
        Self { words, at: N }
    }

    /// The state of a key of any length.
    fn from_key(key: &[u32]) -> Self {
        let mut s = Self::from_word(19_650_218);
        let w = &mut s.words;
        let (mut i, mut j) = (1, 0);
        let mix = |before: u32| before ^ before >> 30;
        for _ in 0..key.len().max(N) {
            w[i] = (w[i] ^ mix(w[i - 1]).wrapping_mul(1_664_525)).wrapping_add(key[j]).wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i == N {
                w[0] = w[N - 1];
                i = 1;
            }
        }
        for _ in 1..N {
            w[i] = (w[i] ^ mix(w[i - 1]).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == N {
                w[0] = w[N - 1];
                i = 1;
            }
        }
        w[0] = 0x8000_0000;
        s
    }

    fn twist(&mut self) {
        for k in 0..N {
            let y = self.words[k] & 0x8000_0000 | self.words[(k + 1) % N] & 0x7fff_ffff;
            let odd = if y & 1 == 1 { 0x9908_b0df } else { 0 };
            self.words[k] = self.words[(k + M) % N] ^ y >> 1 ^ odd;
        }
        self.at = 0;
    }

    fn next(&mut self) -> u32 {
        if self.at >= N {
            self.twist();
        }
        let mut y = self.words[self.at];
        self.at += 1;
        y ^= y >> 11;
        y ^= y << 7 & 0x9d2c_5680;
        y ^= y << 15 & 0xefc6_0000;
        y ^ y >> 18
    }
}

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    let v = payload::new_for(t, class, |header| Random {
        header,
        state: RefCell::new(Box::new(Twister { words: [0; N], at: N })),
    })?;
    seed(t, &v, &Value::NONE)?;
    Ok(v)
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    if args.has_keywords() && v.exact::<Random>().is_some() {
        return Err(error::type_error(t, "Random() takes no keyword arguments"));
    }
    let a = Args::pos(args.positional()).expect_positional(t, "Random", 0, 1)?;
    seed(t, v, a.first().unwrap_or(&Value::ABSENT.clone()))
}

/// Where an isolate's generators get their seeds; the system, without one.
pub struct Source(pub fn(&Thread, &mut [u8]) -> Res<()>);

fn seed(t: &Thread, v: &Value, n: &Value) -> Res<()> {
    let key = match n.non_none() {
        None => {
            let mut bytes = [0u8; 64];
            match t.get_state::<Source>() {
                Some(source) => (source.0)(t, &mut bytes)?,
                None if getrandom::fill(&mut bytes).is_err() => return Err(error::os_error(t, 38, None, None)),
                None => {}
            }
            bytes.chunks_exact(4).map(|c| c.iter().fold(0, |w, &b| w << 8 | u32::from(b))).collect()
        }
        Some(n) => {
            let magnitude: UBig = match int::to_big(n) {
                Some(i) => i.into_parts().1,
                None => UBig::from(ops::hash(t, n)? as u64),
            };
            let bytes = magnitude.to_le_bytes();
            bytes.chunks(4).map(|c| c.iter().rev().fold(0, |w, &b| w << 8 | u32::from(b))).collect::<Vec<u32>>()
        }
    };
    let key = if key.is_empty() { vec![0] } else { key };
    **v.expect::<Random>().state.borrow_mut() = Twister::from_key(&key);
    Ok(())
}

fn random(t: &Thread, a: &[Value]) -> Res {
    let mut s = a[0].expect::<Random>().state.borrow_mut();
    let (high, low) = (f64::from(s.next() >> 5), f64::from(s.next() >> 6));
    convert::from_f64(t, (high * 67_108_864.0 + low) * (1.0 / 9_007_199_254_740_992.0))
}

fn bits(t: &Thread, a: &[Value]) -> Res {
    let k = convert::to_index(t, &a[1])?;
    if int::is_negative(&k) {
        return Err(error::value_error(t, "Cannot convert negative int"));
    }
    let Some(k) = int::to_u64(&k) else {
        return Err(error::overflow_error(t, "Python int too large to convert to C uint64_t"));
    };
    let random = a[0].expect::<Random>();
    if k == 0 {
        return Ok(Value::small(0));
    }
    if k <= 32 {
        let word = random.state.borrow_mut().next();
        return Ok(Value::small(i64::from(word >> (32 - k))));
    }
    // What raises behind here has used numbers up.
    t.untamed()?;
    let words = usize::try_from(k.div_ceil(32)).map_err(|_| t.memory_error())?;
    t.check_alloc(words.saturating_mul(8))?;
    let mut bytes = Vec::with_capacity(words * 4);
    for i in 0..words {
        let word = random.state.borrow_mut().next();
        let left = k - 32 * i as u64;
        bytes.extend_from_slice(&if left < 32 { word >> (32 - left) } else { word }.to_le_bytes());
        if i % 4096 == 4095 {
            t.poll()?;
        }
    }
    int::from_big(t, IBig::from(UBig::from_le_bytes(&bytes)))
}

fn get_state(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Random>().state.borrow();
    let words = s.words.iter().map(|&w| Value::small(i64::from(w)));
    tuple::from_vec(t, words.chain([Value::small(s.at as i64)]).collect())
}

fn set_state(t: &Thread, a: &[Value]) -> Res {
    let Some(state) = a[1].downcast::<Tuple>() else {
        return Err(error::type_error(t, "state vector must be a tuple"));
    };
    if state.len() != N + 1 {
        return Err(error::value_error(t, "state vector is the wrong size"));
    }
    let mut new = Twister { words: [0; N], at: N };
    for (word, v) in new.words.iter_mut().zip(state.items()) {
        if !int::is_int(v) {
            return Err(error::type_error(t, "an integer is required"));
        }
        *word = convert::to_u64(t, v)? as u32;
    }
    let at = convert::to_i64(t, &state.items()[N])?;
    match usize::try_from(at) {
        Ok(at) if at <= N => new.at = at,
        _ => return Err(error::value_error(t, "invalid state")),
    }
    **a[0].expect::<Random>().state.borrow_mut() = new;
    Ok(Value::NONE)
}
