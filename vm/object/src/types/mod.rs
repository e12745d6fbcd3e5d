//! The built-in types, one a file: methods and slots. Storage that other rooms use directly (str, tuple, list, dict)
//! stands beside this folder.

use crate::ty::TypeDef;

pub mod bool_;
pub mod bytearray;
pub mod bytes;
pub mod call_iter;
pub mod cell;
pub mod classmethod;
pub mod complex;
pub mod descr;
pub mod dict_;
pub mod dict_views;
pub mod enumerate;
pub mod exceptions;
pub mod filter;
pub mod float;
pub mod generic_alias;
pub mod generic_alias_iter;
pub mod index;
pub mod instance_check;
pub mod int;
pub mod iters;
pub mod list_;
pub mod map;
pub mod mapping_proxy;
pub mod memoryview;
pub mod method;
pub mod module;
pub mod native_function;
pub mod object;
pub mod property;
pub mod range;
pub mod range_iter;
pub mod reversed;
pub mod seq_iter;
pub mod set_;
pub mod singletons;
pub mod slice;
pub mod staticmethod;
pub mod str_;
pub mod structseq;
pub mod super_;
pub mod tuple_;
pub mod tuple_iter;
pub mod type_;
pub mod union;
pub mod weakproxy;
pub mod weakref;
pub mod zip;

/// The types that every other type object needs: made bare, completed last.
pub(crate) static FIRST: &[&TypeDef] = &[&type_::TYPE, &object::OBJECT, &str_::STR, &tuple_::TUPLE, &dict_::DICT];

/// Every type that exists without importing anything.
pub fn core_types() -> impl Iterator<Item = &'static crate::ty::TypeObject> {
    FIRST.iter().chain(ALL).map(|def| def.ty())
}

/// Every other core type.
pub(crate) static ALL: &[&TypeDef] = &[
    &int::INT,
    &bool_::BOOL,
    &float::FLOAT,
    &complex::COMPLEX,
    &list_::LIST,
    &list_::LIST_ITER,
    &list_::LIST_REVERSE_ITER,
    &tuple_iter::TUPLE_ITER,
    &set_::SET,
    &set_::FROZENSET,
    &set_::SET_ITER,
    &slice::SLICE,
    &enumerate::ENUMERATE,
    &zip::ZIP,
    &map::MAP,
    &filter::FILTER,
    &reversed::REVERSED,
    &call_iter::CALL_ITER,
    &dict_::iter::DICT_KEY_ITER,
    &dict_::iter::DICT_VALUE_ITER,
    &dict_::iter::DICT_ITEM_ITER,
    &dict_::iter::DICT_REVERSE_KEY_ITER,
    &dict_::iter::DICT_REVERSE_VALUE_ITER,
    &dict_::iter::DICT_REVERSE_ITEM_ITER,
    &dict_views::DICT_KEYS,
    &dict_views::DICT_VALUES,
    &dict_views::DICT_ITEMS,
    &range::RANGE,
    &range_iter::RANGE_ITER,
    &range_iter::LONG_RANGE_ITER,
    &singletons::NONE_TYPE,
    &singletons::NOT_IMPLEMENTED_TYPE,
    &singletons::ELLIPSIS_TYPE,
    &native_function::BUILTIN_FUNCTION,
    &descr::METHOD_DESCRIPTOR,
    &descr::CLASSMETHOD_DESCRIPTOR,
    &descr::GETSET_DESCRIPTOR,
    &descr::MEMBER_DESCRIPTOR,
    &descr::WRAPPER_DESCRIPTOR,
    &descr::METHOD_WRAPPER,
    &seq_iter::SEQ_ITER,
    &str_::STR_ITER,
    &bytes::BYTES,
    &bytes::BYTES_ITER,
    &bytes::BYTEARRAY_ITER,
    &bytearray::BYTEARRAY,
    &memoryview::MEMORYVIEW,
    &memoryview::MEMORY_ITER,
    &generic_alias::GENERIC_ALIAS,
    &generic_alias_iter::GENERIC_ALIAS_ITER,
    &module::MODULE,
    &staticmethod::STATICMETHOD,
    &weakref::WEAKREF,
    &cell::CELL,
    &classmethod::CLASSMETHOD,
    &mapping_proxy::MAPPING_PROXY,
    &method::METHOD,
    &super_::SUPER,
    &property::PROPERTY,
    &union::UNION,
    &weakproxy::PROXY,
    &weakproxy::CALLABLE_PROXY,
];

/// `obj.__buffer__(flags)`.
pub(crate) fn memoryview_hook() -> crate::slots::BinaryFn {
    memoryview::buffer_method
}

/// Every core type of this room.
pub fn core() -> impl Iterator<Item = &'static TypeDef> {
    FIRST.iter().chain(ALL).copied()
}
