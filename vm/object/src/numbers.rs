//! Numbers in a row: where an array's items lie, for code that reads and writes them where they are.

use crate::header::Header;
use crate::ty::flag;
use crate::type_of;
use crate::value::Value;
use std::cell::Cell;

/// What lies right behind the header of an object whose type has [`flag::NUMBERS`].
///
/// The object's owner says each time that the items have moved or become more or less; whoever reads or writes an item in place
/// is the only thread at work, and nobody holds a borrow of the items then.
#[repr(C)]
pub struct Numbers {
    data: Cell<*mut u8>,
    len: Cell<usize>,
    code: u32,
}

impl Numbers {
    /// Offset of the items' address in the object.
    pub const DATA: usize = size_of::<Header>() + std::mem::offset_of!(Self, data);
    /// Offset of the number of items.
    pub const LEN: usize = size_of::<Header>() + std::mem::offset_of!(Self, len);
    /// Offset of the type code, 32 bits wide, which never changes.
    pub const CODE: usize = size_of::<Header>() + std::mem::offset_of!(Self, code);

    /// No items of the array module's type code.
    pub fn new(code: u8) -> Self {
        Self { data: Cell::new(std::ptr::null_mut()), len: Cell::new(0), code: code.into() }
    }

    /// The numbers in a value, if its type has them.
    pub fn of(v: &Value) -> Option<&Self> {
        let header = v.header()?;
        if !type_of(v).has_flag(flag::NUMBERS) {
            return None;
        }
        // SAFETY: objects of a type with the flag have one behind their headers, and live as long as the value.
        Some(unsafe { &*std::ptr::from_ref(header).add(1).cast() })
    }

    /// Notes where the items are now, and how many.
    pub fn moved(&self, data: *mut u8, len: usize) {
        self.data.set(data);
        self.len.set(len);
    }

    /// How many items there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The array module's type code.
    pub fn code(&self) -> u8 {
        self.code as u8
    }
}
