//! str: the table of methods.

use super::{case, find, format, pad, predicates, replace, split, translate};
use crate::native::{MethodDef, def, raw};

pub(super) const METHODS: &[MethodDef] = &[
    def(
        "encode",
        "($self, /, encoding='utf-8', errors='strict')",
        super::encode,
        "Encode the string using the codec registered for encoding.",
    )
    .tame(),
    def(
        "replace",
        "($self, old, new, /, count=-1)",
        replace::replace,
        "Return a copy with all occurrences of substring old replaced by new.",
    )
    .open()
    .tame(),
    def(
        "split",
        "($self, /, sep=None, maxsplit=-1)",
        split::split,
        "Return a list of the substrings in the string, using sep as the separator string.",
    )
    .open()
    .tame(),
    def(
        "rsplit",
        "($self, /, sep=None, maxsplit=-1)",
        split::rsplit,
        "Return a list of the substrings in the string, using sep as the separator string.",
    )
    .open()
    .tame(),
    def("join", "($self, iterable, /)", |t, a| super::join(t, &a[0], &a[1]), "Concatenate any number of strings.")
        .open_known(),
    def("capitalize", "($self, /)", case::capitalize, "Return a capitalized version of the string.").open().tame(),
    def("casefold", "($self, /)", case::casefold, "Return a version of the string suitable for caseless comparisons.")
        .open()
        .tame(),
    def("title", "($self, /)", case::title, "Return a version of the string where each word is titlecased.")
        .open()
        .tame(),
    def("center", "($self, width, fillchar=' ', /)", pad::center, "Return a centered string of length width.")
        .open()
        .tame(),
    def(
        "count",
        "($self, sub, start=None, end=None, /)",
        find::count,
        "Return the number of non-overlapping occurrences of substring sub in string S[start:end].",
    )
    .open()
    .tame(),
    def(
        "expandtabs",
        "($self, /, tabsize=8)",
        pad::expandtabs,
        "Return a copy where all tab characters are expanded using spaces.",
    ),
    def(
        "find",
        "($self, sub, start=None, end=None, /)",
        find::find,
        "Return the lowest index in S where substring sub is found, such that sub is contained within S[start:end].",
    )
    .open()
    .tame(),
    def(
        "partition",
        "($self, sep, /)",
        split::partition,
        "Partition the string into three parts using the given separator.",
    )
    .open()
    .tame(),
    def(
        "index",
        "($self, sub, start=None, end=None, /)",
        find::index,
        "Return the lowest index in S where substring sub is found, such that sub is contained within S[start:end].",
    )
    .open()
    .tame(),
    def("ljust", "($self, width, fillchar=' ', /)", pad::ljust, "Return a left-justified string of length width.")
        .open()
        .tame(),
    def("lower", "($self, /)", case::lower, "Return a copy of the string converted to lowercase.").open().tame(),
    def(
        "lstrip",
        "($self, chars=None, /)",
        split::lstrip,
        "Return a copy of the string with leading whitespace removed.",
    )
    .open()
    .tame(),
    def(
        "rfind",
        "($self, sub, start=None, end=None, /)",
        find::rfind,
        "Return the highest index in S where substring sub is found, such that sub is contained within S[start:end].",
    )
    .open()
    .tame(),
    def(
        "rindex",
        "($self, sub, start=None, end=None, /)",
        find::rindex,
        "Return the highest index in S where substring sub is found, such that sub is contained within S[start:end].",
    )
    .open()
    .tame(),
    def("rjust", "($self, width, fillchar=' ', /)", pad::rjust, "Return a right-justified string of length width.")
        .open()
        .tame(),
    def(
        "rstrip",
        "($self, chars=None, /)",
        split::rstrip,
        "Return a copy of the string with trailing whitespace removed.",
    )
    .open()
    .tame(),
    def(
        "rpartition",
        "($self, sep, /)",
        split::rpartition,
        "Partition the string into three parts using the given separator.",
    )
    .open()
    .tame(),
    def(
        "splitlines",
        "($self, /, keepends=False)",
        split::splitlines,
        "Return a list of the lines in the string, breaking at line boundaries.",
    )
    .open()
    .tame(),
    def(
        "strip",
        "($self, chars=None, /)",
        split::strip,
        "Return a copy of the string with leading and trailing whitespace removed.",
    )
    .open()
    .tame(),
    def(
        "swapcase",
        "($self, /)",
        case::swapcase,
        "Convert uppercase characters to lowercase and lowercase characters to uppercase.",
    )
    .open()
    .tame(),
    def(
        "translate",
        "($self, table, /)",
        translate::translate,
        "Replace each character in the string using the given translation table.",
    ),
    def("upper", "($self, /)", case::upper, "Return a copy of the string converted to uppercase.").open().tame(),
    def(
        "startswith",
        "($self, prefix, start=None, end=None, /)",
        find::startswith,
        "Return True if the string starts with the specified prefix, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "endswith",
        "($self, suffix, start=None, end=None, /)",
        find::endswith,
        "Return True if the string ends with the specified suffix, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "removeprefix",
        "($self, prefix, /)",
        find::removeprefix,
        "Return a str with the given prefix string removed if present.",
    )
    .open()
    .tame(),
    def(
        "removesuffix",
        "($self, suffix, /)",
        find::removesuffix,
        "Return a str with the given suffix string removed if present.",
    )
    .open()
    .tame(),
    def(
        "isascii",
        "($self, /)",
        predicates::isascii,
        "Return True if all characters in the string are ASCII, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "islower",
        "($self, /)",
        predicates::islower,
        "Return True if the string is a lowercase string, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "isupper",
        "($self, /)",
        predicates::isupper,
        "Return True if the string is an uppercase string, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "istitle",
        "($self, /)",
        predicates::istitle,
        "Return True if the string is a title-cased string, False otherwise.",
    )
    .tame(),
    def(
        "isspace",
        "($self, /)",
        predicates::isspace,
        "Return True if the string is a whitespace string, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "isdecimal",
        "($self, /)",
        predicates::isdecimal,
        "Return True if the string is a decimal string, False otherwise.",
    )
    .open()
    .tame(),
    def("isdigit", "($self, /)", predicates::isdigit, "Return True if the string is a digit string, False otherwise.")
        .open()
        .tame(),
    def(
        "isnumeric",
        "($self, /)",
        predicates::isnumeric,
        "Return True if the string is a numeric string, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "isalpha",
        "($self, /)",
        predicates::isalpha,
        "Return True if the string is an alphabetic string, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "isalnum",
        "($self, /)",
        predicates::isalnum,
        "Return True if the string is an alpha-numeric string, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "isidentifier",
        "($self, /)",
        predicates::isidentifier,
        "Return True if the string is a valid Python identifier, False otherwise.",
    )
    .open()
    .tame(),
    def(
        "isprintable",
        "($self, /)",
        predicates::isprintable,
        "Return True if all characters in the string are printable, False otherwise.",
    )
    .tame(),
    def(
        "zfill",
        "($self, width, /)",
        pad::zfill,
        "Pad a numeric string with zeros on the left, to fill a field of the given width.",
    )
    .open()
    .tame(),
    def(
        "format_map",
        "($self, mapping, /)",
        format::format_map,
        "Return a formatted version of the string, using substitutions from mapping.",
    ),
    def(
        "__format__",
        "($self, format_spec, /)",
        format::format_method,
        "Return a formatted version of the string as described by format_spec.",
    ),
    def("__sizeof__", "($self, /)", super::sizeof, "Return the size of the string in memory, in bytes."),
    def("__getnewargs__", "($self, /)", super::getnewargs, ""),
    raw(
        "format",
        "($self, /, *args, **kwargs)",
        format::format,
        "Return a formatted version of the string, using substitutions from args and kwargs.",
    ),
    def(
        "maketrans",
        "(x, y=<unrepresentable>, z=<unrepresentable>, /)",
        translate::maketrans,
        "Return a translation table usable for str.translate().",
    )
    .stat(),
];
