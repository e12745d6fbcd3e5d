//! Shapes: what an object is, in 32 bits.
//!
//! Every type owns a root shape; an object without attribute slots keeps it. Adding an attribute to an instance moves it
//! along a transition to a shape with one more slot (hidden classes, as in Self, V8 and PyPy's mapdict), so one compare of
//! the header's shape id settles both type and layout. Shapes live in one reserved region of address space and never
//! move: an id is an index into it.

use crate::ty::TypeObject;
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::ptr::NonNull;
use std::sync::LazyLock;
use typhon_qsbr::sync::Mutex;

/// Index of a shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[repr(transparent)]
pub struct ShapeId(pub u32);

/// A type together with the names of the slots an instance has filled. Aligned so that an id is shifted, not multiplied.
#[repr(align(128))]
pub struct Shape {
    /// The type of every object of this shape.
    pub ty: NonNull<TypeObject>,
    /// This shape's own number.
    pub id: ShapeId,
    /// Filled slots.
    pub slot_count: u32,
    /// Instances keep their attributes in a dict.
    pub dict_mode: bool,
    /// The type's version, here once more so that an inline cache's test is one load away from the object.
    pub version: Cell<u32>,
    /// The shape without the newest slot.
    pub parent: Option<ShapeId>,
    /// The newest slot's name (interned).
    pub name: Value,
    /// Name bits to slot, built on the first lookup by name.
    table: Mutex<Option<Box<FxHashMap<u64, u32>>>>,
    /// Name bits to the shape with that name added.
    next: Mutex<Vec<(u64, ShapeId)>>,
    /// The dict-mode shape of the same type, kept in the root only.
    dict_shape: Mutex<Option<ShapeId>>,
    /// Fixed-size part of objects that were made by another class and got this one through `__class__`; 0: the type's.
    pub(crate) adopted_size: u32,
}

const CAPACITY: usize = 1 << 22;
/// Ids below this are the core types' own (see `ids`).
pub const FIRST_DYNAMIC: u32 = 256;

struct Region {
    base: *mut Shape,
    free: Mutex<Free>,
}

struct Free {
    next: u32,
    list: Vec<u32>,
}

// SAFETY: the region's memory is handed out one shape at a time under the mutex; a shape's cells are touched only by the
// isolate that owns its type (root shapes of built-in types have no cells that change after set-up).
unsafe impl Sync for Region {}
// SAFETY: as above; nothing in the region is bound to the thread that made it.
unsafe impl Send for Region {}

static REGION: LazyLock<Region> = LazyLock::new(|| {
    let size = CAPACITY * size_of::<Shape>();
    // SAFETY: an anonymous private mapping of fresh address space; nothing is aliased.
    let p = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    assert!(p != libc::MAP_FAILED, "cannot reserve address space for shapes");
    // SAFETY: called once, before any thread can have read the base.
    unsafe { BASE = p.cast() };
    Region { base: p.cast(), free: Mutex::new(Free { next: FIRST_DYNAMIC, list: Vec::new() }) }
});

/// The region's base again, as a plain static so that `ShapeId::get` is a load and an add. Written once by `REGION`'s
/// initializer; every id was made after it ran.
static mut BASE: *mut Shape = std::ptr::null_mut();

impl ShapeId {
    /// The shape of this id.
    #[inline(always)]
    pub fn get(self) -> &'static Shape {
        // SAFETY: ids come from `Shape::new`, which ran the region's initializer first and wrote the shape; shapes stay
        // in place until their isolate closes, and no object of that isolate survives it.
        unsafe { &*BASE.add(self.0 as usize) }
    }
}

impl Shape {
    /// A root shape for a type; `fixed` is a core type's reserved id.
    pub fn new_root(ty: NonNull<TypeObject>, fixed: Option<ShapeId>, dict_mode: bool) -> ShapeId {
        let id = fixed.unwrap_or_else(reserve);
        Self::write(Shape {
            ty,
            id,
            slot_count: 0,
            dict_mode,
            // SAFETY: the type is being made, and is complete but for its shape.
            version: Cell::new(unsafe { ty.as_ref() }.version.get()),
            parent: None,
            name: Value::ABSENT,
            table: Mutex::new(None),
            next: Mutex::new(Vec::new()),
            dict_shape: Mutex::new(None),
            adopted_size: 0,
        });
        id
    }

    fn write(shape: Shape) {
        let at = shape.id.0 as usize;
        // SAFETY: `at` was reserved for this shape alone and lies inside the region.
        unsafe { REGION.base.add(at).write(shape) };
    }

    /// The slot of `name` (interned), if filled.
    pub fn slot(&self, name: &Value) -> Option<usize> {
        if self.slot_count <= 4 {
            let mut shape = self;
            loop {
                if shape.slot_count > 0 && shape.name.is(name) {
                    return Some(shape.slot_count as usize - 1);
                }
                shape = shape.parent?.get();
            }
        }
        let mut table = self.table.lock();
        let table = table.get_or_insert_with(|| {
            let mut map = FxHashMap::default();
            let mut shape = self;
            while shape.slot_count > 0 {
                map.insert(shape.name.bits(), shape.slot_count - 1);
                match shape.parent {
                    Some(parent) => shape = parent.get(),
                    None => break,
                }
            }
            Box::new(map)
        });
        table.get(&name.bits()).map(|&i| i as usize)
    }

    /// The shape with `name` (interned) added as the next slot.
    pub fn with(&self, name: &Value) -> ShapeId {
        let mut next = self.next.lock();
        if let Some(&(_, id)) = next.iter().find(|(bits, _)| *bits == name.bits()) {
            return id;
        }
        let id = reserve();
        Self::write(Shape {
            ty: self.ty,
            id,
            slot_count: self.slot_count + 1,
            dict_mode: false,
            version: self.version.clone(),
            parent: Some(self.id),
            name: name.clone(),
            table: Mutex::new(None),
            next: Mutex::new(Vec::new()),
            dict_shape: Mutex::new(None),
            adopted_size: 0,
        });
        next.push((name.bits(), id));
        id
    }

    /// As [`Shape::with`], or `None` for instances that had better keep a dict: when so many different names follow this
    /// shape that it is not a pattern, or when shapes are running out.
    pub fn grown(&self, name: &Value) -> Option<ShapeId> {
        const FANOUT: usize = 64;
        let (known, followers) = {
            let next = self.next.lock();
            (next.iter().find(|(bits, _)| *bits == name.bits()).map(|&(_, id)| id), next.len())
        };
        match known {
            Some(id) => Some(id),
            None if followers < FANOUT && Self::has_room() => Some(self.with(name)),
            None => None,
        }
    }

    /// Whether new classes and attributes may still have shapes; a reserve is kept for the rest of the process.
    pub fn has_room() -> bool {
        let free = REGION.free.lock();
        !free.list.is_empty() || (free.next as usize) < CAPACITY - CAPACITY / 16
    }

    /// Slot names in order.
    pub fn names(&self) -> Vec<Value> {
        let mut out = Vec::with_capacity(self.slot_count as usize);
        let mut shape = self;
        while shape.slot_count > 0 {
            out.push(shape.name.clone());
            match shape.parent {
                Some(parent) => shape = parent.get(),
                None => break,
            }
        }
        out.reverse();
        out
    }

    /// The shape of the same type whose instances keep a dict.
    pub fn to_dict_mode(&self) -> ShapeId {
        let root = self.root();
        let mut made = root.dict_shape.lock();
        *made.get_or_insert_with(|| if root.dict_mode { root.id } else { Self::new_root(self.ty, None, true) })
    }

    /// The dict-mode shape of this type for objects whose fixed-size part has `size` bytes, as their first class had it.
    pub(crate) fn adopting(&self, size: usize) -> ShapeId {
        let root = self.root();
        // No name has this word: it has the tag of no pointer.
        let key = (size as u64) << 3 | 7;
        let mut next = root.next.lock();
        if let Some(&(_, id)) = next.iter().find(|(bits, _)| *bits == key) {
            return id;
        }
        let id = reserve();
        Self::write(Shape {
            ty: root.ty,
            id,
            slot_count: 0,
            dict_mode: true,
            version: root.version.clone(),
            parent: None,
            name: Value::ABSENT,
            table: Mutex::new(None),
            next: Mutex::new(Vec::new()),
            dict_shape: Mutex::new(None),
            adopted_size: size as u32,
        });
        next.push((key, id));
        id
    }

    /// Gives this shape and all that grew out of it their type's new version.
    pub(crate) fn set_version(&self, version: u32) {
        let mut work = vec![self.id];
        while let Some(id) = work.pop() {
            let shape = id.get();
            shape.version.set(version);
            work.extend(shape.next.lock().iter().map(|&(_, id)| id));
            work.extend(shape.dict_shape.lock().filter(|&d| d != id));
        }
    }

    fn root(&self) -> &Shape {
        let mut shape = self;
        while let Some(parent) = shape.parent {
            shape = parent.get();
        }
        shape
    }

    /// Frees the shapes that grew out of `root`, and `root`. Called when the type goes away.
    ///
    /// # Safety
    /// No object of these shapes exists any more, nor will any inline cache use the ids.
    pub unsafe fn free_tree(root: ShapeId) {
        let mut work = vec![root];
        while let Some(id) = work.pop() {
            let shape = id.get();
            work.extend(shape.next.lock().iter().map(|&(_, id)| id));
            work.extend(shape.dict_shape.lock().filter(|&d| d != id));
            // SAFETY: the caller vouches that nobody uses the shape; it was written by `write` and is dropped once.
            let Shape { name, .. } = unsafe { REGION.base.add(id.0 as usize).read() };
            // The name's memory has gone, or goes, with its isolate's heap.
            std::mem::forget(name);
            if id.0 >= FIRST_DYNAMIC {
                REGION.free.lock().list.push(id.0);
            }
        }
    }
}

/// Keeps everybody from reserving shapes until what is returned is dropped.
pub(crate) fn hold() -> impl Drop {
    REGION.free.lock()
}

fn reserve() -> ShapeId {
    let mut free = REGION.free.lock();
    if let Some(id) = free.list.pop() {
        return ShapeId(id);
    }
    let id = free.next;
    assert!((id as usize) < CAPACITY, "out of shape ids");
    free.next += 1;
    ShapeId(id)
}
