//! Lists and tuples, and objects of Python classes that inherit from them: what such a class leaves to the built-in type is done as
//! for one of that.

use super::objects::Row;
use super::{Abort, Reason, Recorder};
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Arg, Const, Op};
use typhon_object::list::List;
use typhon_object::tuple::Tuple;
use typhon_object::ty::flag;
use typhon_object::types::list_::LIST;
use typhon_object::types::tuple_::TUPLE;
use typhon_object::{TypeObject, Value, ids, type_of};

/// What is done with a row, for which a class may have a method of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Use {
    /// Its length, and its truth.
    Measured,
    /// An iterator over it.
    GoneThrough,
    /// An item.
    Read,
    /// An item of a list, which is replaced.
    Written,
    /// What the built-in type's own methods do.
    Given,
}

/// The list that an object is, or the tuple, whatever its class.
pub(super) fn items_of(v: &Value) -> Option<&[Value]> {
    // SAFETY: who asks changes nothing while he looks at them.
    let list = |list: &List| unsafe { &*std::ptr::from_ref(list.items()) };
    v.downcast::<List>().map(list).or_else(|| v.downcast::<Tuple>().map(Tuple::items))
}

/// What an object is where it is used so: a list or a tuple, or of a class that leaves this to one of them.
pub(super) fn row_of(v: &Value, used: Use) -> Option<Row> {
    if v.exact::<List>().is_some() {
        return Some(Row::List);
    }
    if v.exact::<Tuple>().is_some() {
        return Some(Row::Tuple);
    }
    let ty = v.is_object().then(|| type_of(v)).filter(|ty| ty.is_heap_type())?;
    let row = if v.downcast::<List>().is_some() { Row::List } else { v.downcast::<Tuple>().map(|_| Row::Tuple)? };
    leaves(ty, row, used).then_some(row)
}

/// Whether a class has what the built-in type has where an object is used so.
fn leaves(ty: &TypeObject, row: Row, used: Use) -> bool {
    let (own, base) = (ty.slots(), if row == Row::List { LIST.ty() } else { TUPLE.ty() }.slots());
    macro_rules! same {
        ($slot:ident) => {
            match (own.$slot, base.$slot) {
                (Some(own), Some(base)) => std::ptr::fn_addr_eq(own, base),
                (None, None) => true,
                _ => false,
            }
        };
    }
    match used {
        Use::Measured => same!(len) && same!(bool),
        Use::GoneThrough => same!(iter),
        Use::Read => same!(getitem) && same!(len),
        Use::Written => same!(setitem) && same!(len),
        Use::Given => true,
    }
}

/// Whether calling a class without arguments makes an empty list of it, and no more.
fn makes_list(class: &Value) -> bool {
    let Some(ty) = class.exact::<TypeObject>().filter(|ty| ty.is_heap_type() && ty.version.get() != 0) else {
        return false;
    };
    let (own, base) = (ty.slots(), LIST.ty().slots());
    let same = matches!((own.new, base.new), (Some(own), Some(base)) if std::ptr::fn_addr_eq(own, base))
        && matches!((own.init, base.init), (Some(own), Some(base)) if std::ptr::fn_addr_eq(own, base));
    same && std::ptr::eq(ty.def(), &LIST) && !ty.has_flag(flag::ABSTRACT)
}

impl Recorder<'_> {
    /// A register that holds a list or a tuple where it is used so: which it is.
    pub(super) fn has_row(&mut self, r: usize, used: Use) -> Result<(Arg, Row), Abort> {
        let Some(row) = row_of(self.value(r), used) else { return self.abort(Reason::Type) };
        let object = self.reg(r).arg;
        if !self.is_instance(r) {
            self.has_shape(object, if row == Row::List { ids::LIST } else { ids::TUPLE });
            return Ok((object, row));
        }
        let key = super::attributes::type_key(self.value(r));
        // Beside other threads classes' own lists are the interpreter's.
        if self.parallel || key >> 32 == 0 {
            return self.abort(Reason::Type);
        }
        self.has_type(object, key);
        Ok((object, row))
    }

    /// The object that a built-in type's own method is called on, which is of that type or inherits from it.
    pub(super) fn receiver(&mut self, r: usize) -> Result<Arg, Abort> {
        if self.is_instance(r) { Ok(self.has_row(r, Use::Given)?.0) } else { self.built_in(r) }
    }

    /// A new empty list of a Python class, called through register `at`; `None` if that is not what calling it means.
    pub(super) fn make_heir(&mut self, at: usize, n: usize) -> Result<Option<Arg>, Abort> {
        let class = self.value(at).clone();
        if n != 0 || self.parallel || !makes_list(&class) {
            return Ok(None);
        }
        let version = class.exact::<TypeObject>().map_or(0, |ty| ty.version.get());
        let now = self.reg(at).arg;
        let same = self.op(Op::Same, &[now, Arg::Const(Const::Val(Word(class.bits())))]);
        self.guard(same);
        self.has_version(now, version);
        self.private = true;
        self.classes.push(class);
        Ok(Some(now))
    }
}
