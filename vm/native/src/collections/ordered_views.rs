//! odict_keys, odict_values and odict_items: dict's views under OrderedDict's name.

use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::dict_views::{
    DICT_ITEMS, DICT_KEYS, DICT_VALUES, DictItems, DictKeys, DictValues, items_of, keys_of, values_of,
};
use typhon_object::{Res, Thread, Value};

macro_rules! views {
    ($($def:ident, $name:literal, $base:ident, $struct:ident, $make:ident, $of:ident;)*) => {$(
        #[doc = $name]
        pub(super) static $def: TypeDef =
            TypeDef { name: $name, base: Some(&$base), flags: flag::NO_NEW, ..TypeDef::of::<$struct>() };

        #[doc = concat!("A new ", $name, ".")]
        pub(super) fn $make(t: &Thread, dict: &Value) -> Res {
            $of(t, $def.ty(), dict)
        }
    )*};
}
views! {
    KEYS, "odict_keys", DICT_KEYS, DictKeys, keys, keys_of;
    VALUES, "odict_values", DICT_VALUES, DictValues, values, values_of;
    ITEMS, "odict_items", DICT_ITEMS, DictItems, items, items_of;
}
