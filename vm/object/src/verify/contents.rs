//! What holds inside of an object, whatever threads have done to it.

use crate::dict::Dict;
use crate::header::Header;
use crate::list::List;
use crate::ty::TypeObject;
use crate::types::set_;
use crate::value::Value;

/// Looks at an object in a block of `room` bytes.
///
/// # Errors
/// What is wrong with it.
pub(super) fn check(header: &Header, ty: &TypeObject, room: usize) -> Result<(), String> {
    let at = std::ptr::from_ref(header).cast_mut();
    // SAFETY: an object of its type, whose payload is intact.
    let size = unsafe { ty.object_size(at) };
    if size > room {
        return Err(format!("{size} bytes in a block of {room}"));
    }
    let shape = header.shape().get();
    if shape.slot_count > ty.inline_slots.get() {
        return Err(format!("{} of {} attribute slots are filled", shape.slot_count, ty.inline_slots.get()));
    }
    let word = at as u64;
    let v = Value::from_ref(&word);
    if let Some(list) = v.downcast::<List>() {
        return list.sound();
    }
    if let Some(dict) = v.downcast::<Dict>() {
        return dict.sound();
    }
    set_::any(v).map_or(Ok(()), set_::Set::sound)
}
