//! Fixed shape ids of core types, so that the interpreter tests for one with a compare against a constant.

macro_rules! ids {
    ($($name:ident)*) => {
        #[repr(u32)]
        #[expect(clippy::upper_case_acronyms, non_camel_case_types, dead_code, reason = "only the numbers are used; 0 is no type")]
        enum Number { ABSENT_ID, $($name,)* LAST }
        $(#[doc = concat!("Shape id of `", stringify!($name), "`.")] pub const $name: u32 = Number::$name as u32;)*
        const _: () = assert!((Number::LAST as u32) < crate::shape::FIRST_DYNAMIC);
        const NAMES: &[(&str, u32)] = &[$((stringify!($name), $name),)*];
    };
}

/// The id of the type whose definition has this path, 0 if it has none: for constants of other items, because the
/// definitions themselves are statics that no constant may read.
pub const fn of_path(path: &str) -> u32 {
    let path = path.as_bytes();
    let mut start = path.len();
    while start > 0 && path[start - 1] != b':' && path[start - 1] != b' ' {
        start -= 1;
    }
    let mut i = 0;
    while i < NAMES.len() {
        let name = NAMES[i].0.as_bytes();
        let mut same = name.len() == path.len() - start;
        let mut k = 0;
        while same && k < name.len() {
            same = name[k] == path[start + k];
            k += 1;
        }
        if same {
            return NAMES[i].1;
        }
        i += 1;
    }
    0
}
ids! {
    TYPE OBJECT STR TUPLE DICT LIST INT FLOAT COMPLEX BOOL NONE_TYPE ELLIPSIS_TYPE NOT_IMPLEMENTED_TYPE BYTES BYTEARRAY MEMORYVIEW
    SET FROZENSET RANGE SLICE CELL FUNCTION METHOD BUILTIN_FUNCTION METHOD_DESCRIPTOR CLASSMETHOD_DESCRIPTOR GETSET_DESCRIPTOR
    MEMBER_DESCRIPTOR WRAPPER_DESCRIPTOR METHOD_WRAPPER PROPERTY STATICMETHOD CLASSMETHOD SUPER MODULE CODE FRAME TRACEBACK
    GENERATOR COROUTINE ASYNC_GENERATOR LIST_ITER TUPLE_ITER RANGE_ITER LONG_RANGE_ITER STR_ITER DICT_KEY_ITER DICT_VALUE_ITER
    DICT_ITEM_ITER SET_ITER SEQ_ITER CALL_ITER ENUMERATE ZIP MAP FILTER REVERSED DICT_KEYS DICT_VALUES DICT_ITEMS MAPPING_PROXY
    GENERIC_ALIAS UNION WEAKREF BASE_EXCEPTION EXCEPTION STOP_ITERATION
}
