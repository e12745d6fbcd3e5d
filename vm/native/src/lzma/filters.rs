//! Filter chains: from dicts to the library's, and their properties.

use super::{fail, failed};
use liblzma::stream::{Filters, LzmaOptions, MatchFinder, Mode};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::types::bytes;
use typhon_object::types::exceptions::KEY_ERROR;
use typhon_object::{Thread, Value, buffer, convert, names, ops, strs, type_of};

/// Filters with properties of their own.
pub(super) const LZMA1: u64 = 0x4000_0000_0000_0001;
pub(super) const LZMA2: u64 = 0x21;
pub(super) const DELTA: u64 = 3;

/// The options of LZMA1 and LZMA2 as numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lzma {
    pub(super) preset: u32,
    pub(super) dict_size: Option<u32>,
    lc: Option<u32>,
    lp: Option<u32>,
    pb: Option<u32>,
    mode: Option<u32>,
    nice_len: Option<u32>,
    mf: Option<u32>,
    depth: Option<u32>,
}

/// A filter of a chain.
#[derive(Clone, Copy, Debug)]
pub(super) enum Filter {
    Lzma1(Lzma),
    Lzma2(Lzma),
    /// Distance.
    Delta(u32),
    /// Filter and start offset.
    Branch(u64, u32),
}

/// Dictionary sizes of the presets.
const PRESET_DICTS: [u32; 10] =
    [1 << 18, 1 << 20, 1 << 21, 1 << 22, 1 << 22, 1 << 23, 1 << 23, 1 << 24, 1 << 25, 1 << 26];

/// The dictionary size of a preset.
pub(super) fn preset_dict(preset: u32) -> u32 {
    PRESET_DICTS[(preset & 0x1f).min(9) as usize]
}

impl Lzma {
    /// A preset's options.
    pub(super) fn preset(preset: u32) -> Self {
        Self {
            preset,
            dict_size: None,
            lc: None,
            lp: None,
            pb: None,
            mode: None,
            nice_len: None,
            mf: None,
            depth: None,
        }
    }

    /// Bytes of the dictionary.
    pub(super) fn dictionary(&self) -> u32 {
        self.dict_size.unwrap_or_else(|| preset_dict(self.preset))
    }

    fn numbers(&self) -> (u32, u32, u32) {
        (self.lc.unwrap_or(3), self.lp.unwrap_or(0), self.pb.unwrap_or(2))
    }

    /// The library's options.
    pub(super) fn options(&self, t: &Thread) -> Res<LzmaOptions> {
        let mut out = LzmaOptions::new_preset(self.preset).map_err(|e| failed(t, e))?;
        let refuse = || fail(t, "Invalid or unsupported options");
        if let Some(n) = self.dict_size {
            out.dict_size(n);
        }
        if let Some(n) = self.lc {
            out.literal_context_bits(n);
        }
        if let Some(n) = self.lp {
            out.literal_position_bits(n);
        }
        if let Some(n) = self.pb {
            out.position_bits(n);
        }
        if let Some(n) = self.nice_len {
            out.nice_len(n);
        }
        if let Some(n) = self.depth {
            out.depth(n);
        }
        match self.mode {
            None => {}
            Some(1) => {
                out.mode(Mode::Fast);
            }
            Some(2) => {
                out.mode(Mode::Normal);
            }
            Some(_) => return Err(refuse()),
        }
        let finder = match self.mf {
            None => return Ok(out),
            Some(3) => MatchFinder::HashChain3,
            Some(4) => MatchFinder::HashChain4,
            Some(0x12) => MatchFinder::BinaryTree2,
            Some(0x13) => MatchFinder::BinaryTree3,
            Some(0x14) => MatchFinder::BinaryTree4,
            Some(_) => return Err(refuse()),
        };
        out.match_finder(finder);
        Ok(out)
    }
}

/// A number in a filter's dict.
fn number(t: &Thread, v: &Value) -> Res<u32> {
    let n = convert::to_u64(t, v)?;
    u32::try_from(n).map_err(|_| error::overflow_error(t, "Value too large for uint32_t type"))
}

fn entry(t: &Thread, spec: &Value, name: &str) -> Res<Option<Value>> {
    match ops::getitem(t, spec, &strs::new(t, name)?) {
        Ok(v) => Ok(Some(v)),
        Err(e) if e.is(&KEY_ERROR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// ValueError unless all keys of the specifier are known.
fn check_keys(t: &Thread, spec: &Value, known: &[&str], kind: &str) -> Res<()> {
    let Some(dict) = spec.downcast::<Dict>() else { return Ok(()) };
    let fits = |key: &Value| known.iter().chain(&["id"]).any(|name| strs::eq_str(key, name));
    if dict.keys().iter().all(fits) {
        return Ok(());
    }
    Err(error::value_error(t, format_args!("Invalid filter specifier for {kind} filter")))
}

/// One filter specifier.
pub(super) fn filter(t: &Thread, spec: &Value) -> Res<Filter> {
    let mapping = spec.downcast::<Dict>().is_some()
        || type_of(spec).slots().getitem.is_some()
            && type_of(spec).slots().len.is_some()
            && spec.downcast::<strs::Str>().is_none();
    if !mapping {
        return Err(error::type_error(t, "Filter specifier must be a dict or dict-like object"));
    }
    let Some(id) = entry(t, spec, "id")? else {
        return Err(error::value_error(t, "Filter specifier must have an \"id\" entry"));
    };
    let part = |name: &str| entry(t, spec, name)?.map(|v| number(t, &v)).transpose();
    match convert::to_u64(t, &id)? {
        id @ (LZMA1 | LZMA2) => {
            const KEYS: &[&str] = &["preset", "dict_size", "lc", "lp", "pb", "mode", "nice_len", "mf", "depth"];
            check_keys(t, spec, KEYS, "LZMA")?;
            let options = Lzma {
                preset: part("preset")?.unwrap_or(6),
                dict_size: part("dict_size")?,
                lc: part("lc")?,
                lp: part("lp")?,
                pb: part("pb")?,
                mode: part("mode")?,
                nice_len: part("nice_len")?,
                mf: part("mf")?,
                depth: part("depth")?,
            };
            Ok(if id == LZMA1 { Filter::Lzma1(options) } else { Filter::Lzma2(options) })
        }
        DELTA => {
            check_keys(t, spec, &["dist"], "delta")?;
            Ok(Filter::Delta(part("dist")?.unwrap_or(1)))
        }
        id @ 4..=9 => {
            check_keys(t, spec, &["start_offset"], "BCJ")?;
            Ok(Filter::Branch(id, part("start_offset")?.unwrap_or(0)))
        }
        id => Err(error::value_error(t, format_args!("Invalid filter ID: {id}"))),
    }
}

/// A chain of specifiers.
pub(super) fn chain(t: &Thread, specs: &Value) -> Res<Vec<Filter>> {
    let specs = ops::collect(t, specs)?;
    if specs.len() > 4 {
        return Err(error::value_error(t, "Too many filters - liblzma supports a maximum of 4"));
    }
    specs.iter().map(|spec| filter(t, spec)).collect()
}

fn invalid(t: &Thread) -> Exc {
    fail(t, "Invalid or unsupported options")
}

/// The library's chain.
pub(super) fn build(t: &Thread, chain: &[Filter]) -> Res<Filters> {
    let mut out = Filters::new();
    for filter in chain {
        match *filter {
            Filter::Lzma1(options) => {
                out.lzma1(&options.options(t)?);
            }
            Filter::Lzma2(options) => {
                out.lzma2(&options.options(t)?);
            }
            Filter::Delta(distance) => {
                let Some(byte) = distance.checked_sub(1).and_then(|d| u8::try_from(d).ok()) else {
                    return Err(invalid(t));
                };
                out.delta_properties(&[byte]).map_err(|e| failed(t, e))?;
            }
            Filter::Branch(id, offset) => {
                let bytes = offset.to_le_bytes();
                let properties: &[u8] = if offset == 0 { &[] } else { &bytes };
                let added = match id {
                    4 => out.x86_properties(properties),
                    5 => out.powerpc_properties(properties),
                    6 => out.ia64_properties(properties),
                    7 => out.arm_properties(properties),
                    8 => out.arm_thumb_properties(properties),
                    _ => out.sparc_properties(properties),
                };
                added.map_err(|e| failed(t, e))?;
            }
        }
    }
    Ok(out)
}

/// Bytes of all dictionaries of a chain.
pub(super) fn dictionaries(chain: &[Filter]) -> u64 {
    let of = |filter: &Filter| match filter {
        Filter::Lzma1(options) | Filter::Lzma2(options) => u64::from(options.dictionary()),
        _ => 0,
    };
    chain.iter().map(of).sum()
}

/// `_encode_filter_properties(filter)`.
pub(super) fn encode_properties(t: &Thread, a: &[Value]) -> Res {
    match filter(t, &a[0])? {
        Filter::Lzma1(options) => {
            options.options(t)?;
            let (lc, lp, pb) = options.numbers();
            if lc > 4 || lp > 4 || lc + lp > 4 || pb > 4 {
                return Err(invalid(t));
            }
            let mut out = vec![((pb * 5 + lp) * 9 + lc) as u8];
            out.extend(options.dictionary().to_le_bytes());
            bytes::from_vec(t, out)
        }
        Filter::Lzma2(options) => {
            options.options(t)?;
            // Sizes are 2^n or 2^n + 2^(n-1), from 4 KiB on; the next larger one is written.
            let size = u64::from(options.dictionary()).max(4096);
            let code = (0..=40).find(|code| lzma2_dict(*code) >= size).unwrap_or(40);
            bytes::new(t, &[code])
        }
        Filter::Delta(distance) => match u8::try_from(distance.wrapping_sub(1)) {
            Ok(byte) => bytes::new(t, &[byte]),
            Err(_) => Err(invalid(t)),
        },
        Filter::Branch(_, 0) => bytes::new(t, &[]),
        Filter::Branch(_, offset) => bytes::new(t, &offset.to_le_bytes()),
    }
}

fn lzma2_dict(code: u8) -> u64 {
    if code >= 40 { u64::from(u32::MAX) } else { (2 | u64::from(code & 1)) << (code / 2 + 11) }
}

/// `_decode_filter_properties(filter_id, encoded_props)`.
pub(super) fn decode_properties(t: &Thread, a: &[Value]) -> Res {
    let id = convert::to_u64(t, &a[0])?;
    let data = buffer::get(t, &a[1], buffer::SIMPLE)?.to_contiguous(t)?;
    let dict = Dict::create(t);
    let set = |name: &str, n: u64| {
        let v = convert::from_u64(t, n)?;
        Dict::of(&dict).set_str(t, &names::intern_text(t, name), v)
    };
    set("id", id)?;
    match (id, data.as_slice()) {
        (LZMA1, &[numbers, a, b, c, d]) if numbers < 225 => {
            let n = u64::from(numbers);
            set("dict_size", u64::from(u32::from_le_bytes([a, b, c, d])))?;
            set("lc", n % 9)?;
            set("lp", n / 9 % 5)?;
            set("pb", n / 45)?;
        }
        (LZMA2, &[code]) if code <= 40 => set("dict_size", lzma2_dict(code))?,
        (DELTA, &[distance]) => set("dist", u64::from(distance) + 1)?,
        (4..=9, []) => {}
        (4..=9, &[a, b, c, d]) => match u32::from_le_bytes([a, b, c, d]) {
            0 => {}
            offset => set("start_offset", u64::from(offset))?,
        },
        (LZMA1 | LZMA2 | DELTA | 4..=9, _) => return Err(invalid(t)),
        _ => return Err(error::value_error(t, format_args!("Invalid filter ID: {id}"))),
    }
    Ok(dict)
}
