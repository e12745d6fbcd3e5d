//! Fixed shape ids of core types, so that the interpreter tests for one with a compare against a constant.

macro_rules! ids {
    ($($name:ident)*) => {
        #[repr(u32)]
        #[expect(clippy::upper_case_acronyms, non_camel_case_types, dead_code, reason = "only the numbers are used; 0 is no type")]
        enum Number { ABSENT_ID, $($name,)* LAST }
        $(#[doc = concat!("Shape id of `", stringify!($name), "`.")] pub const $name: u32 = Number::$name as u32;)*
        const _: () = assert!((Number::LAST as u32) < crate::shape::FIRST_DYNAMIC);
    };
}
ids! {
    TYPE OBJECT STR TUPLE DICT LIST INT FLOAT COMPLEX BOOL NONE_TYPE ELLIPSIS_TYPE NOT_IMPLEMENTED_TYPE BYTES BYTEARRAY MEMORYVIEW
    SET FROZENSET RANGE SLICE CELL FUNCTION METHOD BUILTIN_FUNCTION METHOD_DESCRIPTOR CLASSMETHOD_DESCRIPTOR GETSET_DESCRIPTOR
    MEMBER_DESCRIPTOR WRAPPER_DESCRIPTOR METHOD_WRAPPER PROPERTY STATICMETHOD CLASSMETHOD SUPER MODULE CODE FRAME TRACEBACK
    GENERATOR COROUTINE ASYNC_GENERATOR LIST_ITER TUPLE_ITER RANGE_ITER LONG_RANGE_ITER STR_ITER DICT_KEY_ITER DICT_VALUE_ITER
    DICT_ITEM_ITER SET_ITER SEQ_ITER CALL_ITER ENUMERATE ZIP MAP FILTER REVERSED DICT_KEYS DICT_VALUES DICT_ITEMS MAPPING_PROXY
    GENERIC_ALIAS UNION WEAKREF BASE_EXCEPTION EXCEPTION STOP_ITERATION
}
