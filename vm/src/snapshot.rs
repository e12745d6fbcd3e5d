//! What an isolate holds as bytes: its files, and its variables by `_typhon_snapshot`, which is Python and runs in the isolate.

use typhon_object::types::bytes;
use typhon_object::{Res, Thread, Value as Object, attr, call, convert, error, ops, strs};
use typhon_stdlib::marshal::sealed;
use typhon_stdlib::{import, ram};

use crate::work::{CodeKey, LeftOut, Saved};

const ENCODER: &str = "_typhon_snapshot";

pub(crate) fn save(t: &Thread, main: &Object, leave_out: bool, most: u64, key: CodeKey) -> Res<Saved> {
    let mut data = files(t)?;
    let Some(left) = most.checked_sub(data.len() as u64) else { return Ok(Saved::TooLarge) };
    let told = sealed::with_key(t, key.0, |pack, _| {
        let save = attr::get_text(t, &import::module_named(t, ENCODER)?, "save")?;
        call::call(t, &save, &[main.clone(), Object::bool(leave_out), convert::from_u64(t, left)?, pack.clone()])
    })?;
    let told = ops::collect(t, &told)?;
    let text = |part: &Object| ops::str(t, part).map(|text| strs::display(&text));
    let left_out = |pair: &Object| match &ops::collect(t, pair)?[..] {
        [path, problem] => Ok(LeftOut { path: text(path)?, problem: text(problem)? }),
        _ => Err(strange(t)),
    };
    let Some((kind, rest)) = told.split_first() else { return Err(strange(t)) };
    // The guest may have put a module of its own in the encoder's place, so this may be anything.
    match (text(kind)?.as_str(), rest) {
        ("saved", [image, left]) => {
            let Some(image) = bytes::peek(image) else { return Err(strange(t)) };
            t.check_alloc(image.len())?;
            data.extend_from_slice(image);
            let left_out = ops::collect(t, left)?.iter().map(left_out).collect::<Res<Vec<_>>>()?;
            if data.len() as u64 > most { Ok(Saved::TooLarge) } else { Ok(Saved::Image { data, left_out }) }
        }
        ("unstorable", [path, problem]) => {
            Ok(Saved::Unstorable(LeftOut { path: text(path)?, problem: text(problem)? }))
        }
        ("large", []) => Ok(Saved::TooLarge),
        _ => Err(strange(t)),
    }
}

fn strange(t: &Thread) -> typhon_object::Exc {
    error::runtime_error(t, "the snapshot's encoder was replaced")
}

/// The files, after their length.
fn files(t: &Thread) -> Res<Vec<u8>> {
    let Some(mut ram) = ram::of(t) else { return Ok(0_u64.to_le_bytes().to_vec()) };
    let size = ram.packed_size();
    t.check_alloc(usize::try_from(size).unwrap_or(usize::MAX))?;
    let packed = ram.pack().map_err(|errno| error::os_error(t, errno, None, None))?;
    let mut out = (packed.len() as u64).to_le_bytes().to_vec();
    out.extend(packed);
    Ok(out)
}

pub(crate) fn restore(t: &Thread, main: &Object, image: &[u8], key: CodeKey) -> Res<()> {
    let cut = || error::value_error(t, "the snapshot is cut short");
    let (length, rest) = image.split_first_chunk().ok_or_else(cut)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (files, variables) = rest.split_at_checked(length).ok_or_else(cut)?;
    if let Some(mut ram) = ram::of(t).filter(|_| !files.is_empty()) {
        ram.unpack(files).map_err(|errno| error::os_error(t, errno, None, None))?;
    }
    t.check_alloc(variables.len())?;
    let variables = bytes::new(t, variables)?;
    sealed::with_key(t, key.0, |_, unpack| {
        let load = attr::get_text(t, &import::module_named(t, ENCODER)?, "load")?;
        call::call(t, &load, &[main.clone(), variables, unpack.clone()]).map(drop)
    })
}
