//! Derive: keys from passwords, slowly on purpose; a limit ends them all the same.

use super::hashlib::{named, text_arg};
use super::hmac::Keyed;
use super::state::State;
use typhon_object::error::{self, Exc, Res};
use typhon_object::types::{bytes, int};
use typhon_object::{Thread, Value, buffer, convert};

/// Rounds between two polls.
const ROUNDS: u64 = 256;
/// OpenSSL's bounds.
const INT_MAX: i64 = i32::MAX as i64;
/// What scrypt may take when nobody says.
const MEMORY: u64 = 32 << 20;

pub(super) fn pbkdf2_hmac(t: &Thread, a: &[Value]) -> Res {
    let name = text_arg(t, &a[0], "pbkdf2_hmac", "hash_name")?;
    let salt = buffer::get(t, &a[2], buffer::SIMPLE)?;
    drop(buffer::get(t, &a[1], buffer::SIMPLE)?);
    let rounds = convert::to_i64(t, &a[3])?;
    let fresh = named(t, &name)?;
    if rounds < 1 {
        return Err(error::value_error(t, "iteration value must be greater than 0."));
    }
    if rounds > INT_MAX {
        return Err(error::overflow_error(t, "iteration value is too great."));
    }
    let len = match a[4].non_none() {
        Some(v) => convert::to_i64(t, v)?,
        None => fresh.facts().size as i64,
    };
    if len < 1 {
        return Err(error::value_error(t, "key length must be greater than 0."));
    }
    if len > INT_MAX {
        return Err(error::overflow_error(t, "key length is too great."));
    }
    if fresh.facts().size == 0 {
        return Err(error::value_error(t, "no reason supplied"));
    }
    let keyed = Keyed::new(t, fresh, &a[1])?;
    let key = derived(t, &keyed, salt.as_slice(), rounds as u64, len as usize)?;
    bytes::from_vec(t, key)
}

/// PBKDF2 of a keyed hash.
fn derived(t: &Thread, keyed: &Keyed, salt: &[u8], rounds: u64, len: usize) -> Res<Vec<u8>> {
    t.check_alloc(2 * len)?;
    let mut out: Vec<u8> = Vec::with_capacity(len);
    let mut salted = keyed.clone();
    for piece in salt.chunks(super::CHUNK) {
        salted.inner.update(piece);
        t.poll_yielding()?;
    }
    let mut block = 0u32;
    while out.len() < len {
        block += 1;
        let mut first = salted.clone();
        first.inner.update(&block.to_be_bytes());
        let mut u = first.digest();
        let mut sum = u.clone();
        for round in 1..rounds {
            if round % ROUNDS == 0 {
                t.poll_yielding()?;
            }
            let mut next = keyed.clone();
            next.inner.update(&u);
            u = next.digest();
            sum.iter_mut().zip(&u).for_each(|(s, u)| *s ^= u);
        }
        t.poll_yielding()?;
        let room = (len - out.len()).min(sum.len());
        out.extend_from_slice(&sum[..room]);
    }
    Ok(out)
}

/// A C `unsigned long` argument.
fn unsigned(t: &Thread, v: &Value) -> Res<u64> {
    let i = convert::to_index(t, v)?;
    if int::is_negative(&i) {
        return Err(error::value_error(t, "Cannot convert negative int"));
    }
    match int::to_u64(&i) {
        Some(i) => Ok(i),
        None => Err(error::overflow_error(t, "Python int too large for C unsigned long")),
    }
}

#[cold]
fn too_much_memory(t: &Thread) -> Exc {
    error::value_error(t, "[digital envelope routines] memory limit exceeded")
}

pub(super) fn scrypt(t: &Thread, a: &[Value]) -> Res {
    let salt = buffer::get(t, &a[1], buffer::SIMPLE)?;
    drop(buffer::get(t, &a[0], buffer::SIMPLE)?);
    let (n, r, p) = (unsigned(t, &a[2])?, unsigned(t, &a[3])?, unsigned(t, &a[4])?);
    let or = |v: &Value, other| v.opt().map_or(Ok(other), |v| convert::to_i64(t, v));
    let (memory, len) = (or(&a[5], 0)?, or(&a[6], 64)?);
    if n < 2 || !n.is_power_of_two() {
        return Err(error::value_error(t, "n must be a power of 2."));
    }
    if !(0..=INT_MAX).contains(&memory) {
        return Err(error::value_error(t, "maxmem must be positive and smaller than 2147483647"));
    }
    if !(1..=INT_MAX).contains(&len) {
        return Err(error::value_error(t, "dklen must be greater than 0 and smaller than 2147483647"));
    }
    if r == 0 || p == 0 {
        return Err(error::value_error(t, "Invalid parameter combination for n, r, p, maxmem."));
    }
    let shift = 16 * u128::from(r);
    let wide = |blocks: u128| blocks * 128 * u128::from(r);
    let limit = if memory == 0 { MEMORY } else { memory as u64 };
    let taken = wide(u128::from(p)).saturating_add(wide(u128::from(n) + 2));
    if (shift < 64 && u128::from(n) >= 1 << shift) || u128::from(p) * u128::from(r) >= 1 << 30 || taken > limit.into() {
        return Err(too_much_memory(t));
    }
    let (n, width, p) = (n as usize, 128 * r as usize, p as usize);
    t.check_alloc(width * (n + 2) + 3 * width * p)?;
    let keyed = Keyed::new(t, State::Sha256(Default::default()), &a[0])?;
    let mut blocks = derived(t, &keyed, salt.as_slice(), 1, width * p)?;
    let mut mix = Mix::new(n, width);
    for block in blocks.chunks_mut(width) {
        mix.mix(t, block)?;
    }
    bytes::from_vec(t, derived(t, &keyed, &blocks, 1, len as usize)?)
}

/// Sixteen words: what one step of Salsa20 mixes.
type Cell = [u32; 16];

/// RFC 7914's scryptROMix, over blocks of one width.
struct Mix {
    n: usize,
    /// What the block was before each of the first `n` steps.
    past: Vec<Cell>,
    block: Vec<Cell>,
    scratch: Vec<Cell>,
}

/// Cells that are mixed between two polls.
const CELLS: usize = 256;

impl Mix {
    fn new(n: usize, width: usize) -> Self {
        let cells = width / 64;
        let zeros = |n: usize| vec![[0; 16]; n];
        Self { n, past: zeros(n * cells), block: zeros(cells), scratch: zeros(cells) }
    }

    fn mix(&mut self, t: &Thread, bytes: &mut [u8]) -> Res<()> {
        let cells = self.block.len();
        for (word, bytes) in self.block.as_flattened_mut().iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        for i in 0..self.n {
            self.past[i * cells..][..cells].copy_from_slice(&self.block);
            self.step(t, i)?;
        }
        for i in 0..self.n {
            // The first word of the last cell says where to look; there is a power of two of places.
            let j = self.block[cells - 1][0] as usize & (self.n - 1);
            for (word, past) in self.block.as_flattened_mut().iter_mut().zip(self.past[j * cells..].as_flattened()) {
                *word ^= past;
            }
            self.step(t, i)?;
        }
        for (word, bytes) in self.block.as_flattened().iter().zip(bytes.as_chunks_mut::<4>().0) {
            *bytes = word.to_le_bytes();
        }
        Ok(())
    }

    /// RFC 7914's scryptBlockMix.
    fn step(&mut self, t: &Thread, i: usize) -> Res<()> {
        let cells = self.block.len();
        if cells < CELLS && i.is_multiple_of(CELLS / cells) {
            t.poll_yielding()?;
        }
        let mut x = self.block[cells - 1];
        for (k, cell) in self.block.iter().enumerate() {
            x.iter_mut().zip(cell).for_each(|(x, c)| *x ^= c);
            salsa(&mut x);
            // Even cells go to the first half, odd ones to the second.
            self.scratch[k / 2 + (k % 2) * cells / 2] = x;
            if k % CELLS == CELLS - 1 {
                t.poll_yielding()?;
            }
        }
        std::mem::swap(&mut self.block, &mut self.scratch);
        Ok(())
    }
}

/// Salsa20/8.
fn salsa(cell: &mut Cell) {
    const COLUMNS: [[usize; 4]; 4] = [[0, 4, 8, 12], [5, 9, 13, 1], [10, 14, 2, 6], [15, 3, 7, 11]];
    const ROWS: [[usize; 4]; 4] = [[0, 1, 2, 3], [5, 6, 7, 4], [10, 11, 8, 9], [15, 12, 13, 14]];
    let mut x = *cell;
    for _ in 0..4 {
        for [a, b, c, d] in COLUMNS.into_iter().chain(ROWS) {
            x[b] ^= x[a].wrapping_add(x[d]).rotate_left(7);
            x[c] ^= x[b].wrapping_add(x[a]).rotate_left(9);
            x[d] ^= x[c].wrapping_add(x[b]).rotate_left(13);
            x[a] ^= x[d].wrapping_add(x[c]).rotate_left(18);
        }
    }
    cell.iter_mut().zip(x).for_each(|(c, x)| *c = c.wrapping_add(x));
}
