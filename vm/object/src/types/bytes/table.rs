//! bytes and bytearray: the tables of methods.

use super::{case, find, hex, join, pad, split, translate};
use crate::error::Res;
use crate::native::{MethodDef, def};
use crate::thread::Thread;
use crate::types::bytearray::{ByteArray, methods as array};
use crate::value::Value;

/// Calls a method that both types have. A bytearray keeps its size meanwhile, whatever code the arguments run. The methods
/// that are called without this read their bytes only once all such code has run.
fn held(t: &Thread, a: &[Value], method: fn(&Thread, &[Value]) -> Res) -> Res {
    let _held = a[0].downcast::<ByteArray>().map(ByteArray::hold);
    method(t, a)
}

/// Declares a table: the rows both types have, with the type's name in the docstrings, and its own.
macro_rules! table {
    ($name:ident, $kind:literal, [$($own:expr,)*]) => {
        pub(crate) const $name: &[MethodDef] = &[
            $($own,)*
            def("fromhex", "($type, string, /)", hex::fromhex, concat!("Create a ", $kind, " object from a string of hexadecimal numbers.")).class(),
            def("maketrans", "(frm, to, /)", translate::maketrans, "Return a translation table usable for the bytes or bytearray translate method.").stat(),
            def("capitalize", "($self, /)", |t, a| held(t, a, case::capitalize), "B.capitalize() -> copy of B\n\nReturn a copy of B with only its first character capitalized (ASCII)\nand the rest lower-cased."),
            def("center", "($self, width, fillchar=b' ', /)", |t, a| held(t, a, pad::center), "Return a centered string of length width.\n\nPadding is done using the specified fill character."),
            def("count", "($self, sub, start=None, end=None, /)", |t, a| held(t, a, find::count), "Return the number of non-overlapping occurrences of subsection 'sub' in bytes B[start:end]."),
            def("decode", "($self, /, encoding='utf-8', errors='strict')", |t, a| held(t, a, super::decode), concat!("Decode the ", $kind, " using the codec registered for encoding.")).tame(),
            def("endswith", "($self, suffix, start=None, end=None, /)", |t, a| held(t, a, find::endswith), concat!("Return True if the ", $kind, " ends with the specified suffix, False otherwise.")).tame(),
            def("expandtabs", "($self, /, tabsize=8)", |t, a| held(t, a, pad::expandtabs), "Return a copy where all tab characters are expanded using spaces.\n\nIf tabsize is not given, a tab size of 8 characters is assumed."),
            def("find", "($self, sub, start=None, end=None, /)", |t, a| held(t, a, find::find), "Return the lowest index in B where subsection 'sub' is found, such that 'sub' is contained within B[start:end].").tame(),
            def("hex", "($self, /, sep=<unrepresentable>, bytes_per_sep=1)", |t, a| held(t, a, hex::hex), concat!("Create a string of hexadecimal numbers from a ", $kind, " object.")).tame(),
            def("index", "($self, sub, start=None, end=None, /)", |t, a| held(t, a, find::index), "Return the lowest index in B where subsection 'sub' is found, such that 'sub' is contained within B[start:end].").tame(),
            def("isalnum", "($self, /)", |t, a| held(t, a, case::isalnum), "B.isalnum() -> bool"),
            def("isalpha", "($self, /)", |t, a| held(t, a, case::isalpha), "B.isalpha() -> bool"),
            def("isascii", "($self, /)", |t, a| held(t, a, case::isascii), "B.isascii() -> bool"),
            def("isdigit", "($self, /)", |t, a| held(t, a, case::isdigit), "B.isdigit() -> bool"),
            def("islower", "($self, /)", |t, a| held(t, a, case::islower), "B.islower() -> bool"),
            def("isspace", "($self, /)", |t, a| held(t, a, case::isspace), "B.isspace() -> bool"),
            def("istitle", "($self, /)", |t, a| held(t, a, case::istitle), "B.istitle() -> bool"),
            def("isupper", "($self, /)", |t, a| held(t, a, case::isupper), "B.isupper() -> bool"),
            def("join", "($self, iterable_of_bytes, /)", |t, a| held(t, a, join::join), "Concatenate any number of bytes objects."),
            def("ljust", "($self, width, fillchar=b' ', /)", |t, a| held(t, a, pad::ljust), "Return a left-justified string of length width."),
            def("lower", "($self, /)", |t, a| held(t, a, case::lower), "B.lower() -> copy of B\n\nReturn a copy of B with all ASCII characters converted to lowercase."),
            def("lstrip", "($self, bytes=None, /)", split::lstrip, "Strip leading bytes contained in the argument."),
            def("partition", "($self, sep, /)", split::partition, concat!("Partition the ", $kind, " into three parts using the given separator.")),
            def("replace", "($self, old, new, count=-1, /)", split::replace, "Return a copy with all occurrences of substring old replaced by new."),
            def("removeprefix", "($self, prefix, /)", find::removeprefix, concat!("Return a ", $kind, " object with the given prefix string removed if present.")),
            def("removesuffix", "($self, suffix, /)", find::removesuffix, concat!("Return a ", $kind, " object with the given suffix string removed if present.")),
            def("rfind", "($self, sub, start=None, end=None, /)", |t, a| held(t, a, find::rfind), "Return the highest index in B where subsection 'sub' is found, such that 'sub' is contained within B[start:end].").tame(),
            def("rindex", "($self, sub, start=None, end=None, /)", |t, a| held(t, a, find::rindex), "Return the highest index in B where subsection 'sub' is found, such that 'sub' is contained within B[start:end]."),
            def("rjust", "($self, width, fillchar=b' ', /)", |t, a| held(t, a, pad::rjust), "Return a right-justified string of length width."),
            def("rpartition", "($self, sep, /)", split::rpartition, concat!("Partition the ", $kind, " into three parts using the given separator.")),
            def("rsplit", "($self, /, sep=None, maxsplit=-1)", |t, a| held(t, a, split::rsplit), concat!("Return a list of the sections in the ", $kind, ", using sep as the delimiter.")),
            def("rstrip", "($self, bytes=None, /)", split::rstrip, "Strip trailing bytes contained in the argument."),
            def("split", "($self, /, sep=None, maxsplit=-1)", |t, a| held(t, a, split::split_left), concat!("Return a list of the sections in the ", $kind, ", using sep as the delimiter.")).tame(),
            def("splitlines", "($self, /, keepends=False)", |t, a| held(t, a, split::splitlines), concat!("Return a list of the lines in the ", $kind, ", breaking at line boundaries.")),
            def("startswith", "($self, prefix, start=None, end=None, /)", |t, a| held(t, a, find::startswith), concat!("Return True if the ", $kind, " starts with the specified prefix, False otherwise.")).tame(),
            def("strip", "($self, bytes=None, /)", split::strip, "Strip leading and trailing bytes contained in the argument.").tame(),
            def("swapcase", "($self, /)", |t, a| held(t, a, case::swapcase), "B.swapcase() -> copy of B\n\nReturn a copy of B with uppercase ASCII characters converted\nto lowercase ASCII and vice versa."),
            def("title", "($self, /)", |t, a| held(t, a, case::title), "B.title() -> copy of B\n\nReturn a titlecased version of B, i.e. ASCII words start with uppercase\ncharacters, all remaining cased characters have lowercase."),
            def("translate", "($self, table, /, delete=b'')", translate::translate, "Return a copy with each character mapped by the given translation table."),
            def("upper", "($self, /)", |t, a| held(t, a, case::upper), "B.upper() -> copy of B\n\nReturn a copy of B with all ASCII characters converted to uppercase."),
            def("zfill", "($self, width, /)", |t, a| held(t, a, pad::zfill), "Pad a numeric string with zeros on the left, to fill a field of the given width."),
        ];
    };
}

table!(
    BYTES_METHODS,
    "bytes",
    [
        def("__getnewargs__", "($self, /)", super::getnewargs, ""),
        def("__bytes__", "($self, /)", super::to_bytes, "Convert this value to exact type bytes."),
        def("__sizeof__", "($self, /)", super::sizeof, "Returns the size of the object in memory, in bytes."),
    ]
);

table!(
    BYTEARRAY_METHODS,
    "bytearray",
    [
        def(
            "__alloc__",
            "($self, /)",
            array::alloc,
            "B.__alloc__() -> int\n\nReturn the number of bytes actually allocated."
        ),
        def("__reduce__", "($self, /)", array::reduce, "Return state information for pickling."),
        def("__reduce_ex__", "($self, proto=0, /)", array::reduce_ex, "Return state information for pickling."),
        def("__sizeof__", "($self, /)", array::sizeof, "Returns the size of the bytearray object in memory, in bytes."),
        def("append", "($self, item, /)", array::append, "Append a single item to the end of the bytearray."),
        def("clear", "($self, /)", array::clear, "Remove all items from the bytearray."),
        def("copy", "($self, /)", array::copy, "Return a copy of B."),
        def(
            "extend",
            "($self, iterable_of_ints, /)",
            array::extend,
            "Append all the items from the iterator or sequence to the end of the bytearray."
        ),
        def(
            "insert",
            "($self, index, item, /)",
            array::insert,
            "Insert a single item into the bytearray before the given index."
        ),
        def("pop", "($self, index=-1, /)", array::pop, "Remove and return a single item from B."),
        def("remove", "($self, value, /)", array::remove, "Remove the first occurrence of a value in the bytearray."),
        def("resize", "($self, size, /)", array::resize, "Resize the internal buffer of bytearray to len."),
        def("reverse", "($self, /)", array::reverse, "Reverse the order of the values in B in place."),
    ]
);
