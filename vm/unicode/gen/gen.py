"""Writes src/tables.rs from the Unicode data of the CPython 3.14 that runs this script.

Usage: python3.14 gen/gen.py src/tables.rs

Everything comes from `str` methods, `unicodedata` and `ctypes`: no Unicode file is read, so that the tables
are what CPython answers, not what the standard says.
"""

import ctypes
import sys
import unicodedata as ud

assert sys.version_info[:2] == (3, 14) and ud.unidata_version == "16.0.0"

N = 0x110000
CHARS = [chr(c) for c in range(N)]
CATEGORIES = "Cn Lu Ll Lt Mn Mc Me Nd Nl No Zs Zl Zp Cc Cf Cs Co Lm Lo Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So".split()
BIDI = " L LRE LRO LRI AL R RLE RLO RLI FSI PDF PDI EN ES ET AN CS NSM BN B S WS ON".split(" ")
WIDTHS = "N A H W F Na".split()
FLAGS = "ALPHA SPACE LOWER UPPER TITLE PRINTABLE XID_START XID_CONTINUE CASED CASE_IGNORABLE LINE_BREAK NUMERIC".split()
TAGS = ["", *"<noBreak> <compat> <super> <fraction> <sub> <font> <circle> <wide> <vertical> <square> <isolated> "
        "<final> <initial> <medial> <small> <narrow>".split()]
NONE = 255

to_upper_simple = ctypes.pythonapi._PyUnicode_ToUppercase
to_lower_simple = ctypes.pythonapi._PyUnicode_ToLowercase
to_title_simple = ctypes.pythonapi._PyUnicode_ToTitlecase


def is_cased(s):
    """str.title() lowers the letter after a cased character."""
    return (s + "a").title()[-1] == "a"


def is_case_ignorable(s):
    """str.lower() looks through case-ignorable characters when it decides on the final sigma."""
    return ("A" + s + "\u03a3").lower()[-1] == "\u03c2" and (s + "\u03a3").lower()[-1] != "\u03c2"


def flags(s):
    bits = (
        s.isalpha(), s.isspace(), s.islower(), s.isupper(), ud.category(s) == "Lt", s.isprintable(),
        s.isidentifier() and s != "_", ("a" + s).isidentifier(), is_cased(s), is_case_ignorable(s),
        len(("a" + s + "a").splitlines()) == 2, s.isnumeric(),
    )  # fmt: skip
    return sum(bit << i for i, bit in enumerate(bits))


class Interned:
    """Numbers distinct values in order of appearance."""

    def __init__(self, *first):
        self.index = {value: i for i, value in enumerate(first)}

    def __call__(self, value):
        return self.index.setdefault(value, len(self.index))

    def __iter__(self):
        return iter(self.index)


def split(values, shift):
    """Cuts a list into blocks of 1 << shift; returns the block numbers and the distinct blocks, joined."""
    size = 1 << shift
    blocks = Interned()
    index = [blocks(tuple(values[i : i + size])) for i in range(0, len(values), size)]
    return index, [v for block in blocks for v in block]


def unit(values):
    top = max(values)
    return 1 if top < 256 else 2 if top < 65536 else 4


def three_stage(values):
    """The cheapest (shift1, shift2, top, middle, leaf) in bytes."""
    best = None
    for low in range(3, 8):
        index, leaf = split(values, low)
        for high in range(3, 8):
            top, middle = split(index + [0] * (-len(index) % (1 << high)), high)
            cost = sum(len(t) * unit(t) for t in (top, middle, leaf))
            if best is None or cost < best[0]:
                best = cost, low, high, top, middle, leaf
    return best[1:]


def main(path):
    special, types, dbs, numeric = Interned(((),) * 4), Interned(), Interned(), Interned()
    type_of, db_of = [], []
    for c, s in enumerate(CHARS):
        lower, upper, title = to_lower_simple(c), to_upper_simple(c), to_title_simple(c)
        full = tuple(tuple(map(ord, t)) for t in (s.lower(), s.upper(), s.title(), s.casefold()))
        simple = (lower,), (upper,), (title,), (lower,)
        entry = 0 if full == simple else special(full)
        value = ud.numeric(s, None)
        types_row = (
            flags(s), lower - c, upper - c, title - c, entry,
            ud.decimal(s, NONE), ud.digit(s, NONE), 0 if value is None else numeric(value),
        )  # fmt: skip
        type_of.append(types(types_row))
        db_of.append(dbs((
            CATEGORIES.index(ud.category(s)), BIDI.index(ud.bidirectional(s)),
            WIDTHS.index(ud.east_asian_width(s)), ud.combining(s), ud.mirrored(s),
        )))  # fmt: skip

    out = [
        "//! Unicode tables, written by gen/gen.py from CPython 3.14. Do not edit.",
        "use crate::props::{Category as C, DbRecord as D, TypeRecord as T};",
        "",
    ]

    def array(name, kind, items):
        items = list(items)
        out.append(f"pub(crate) static {name}: [{kind}; {len(items)}] = [")
        line = ""
        for item in items:
            if len(line) + len(item) > 138:
                out.append(line)
                line = ""
            line += item + ","
        out.extend([line, "];"])

    def numbers(name, values):
        array(name, {1: "u8", 2: "u16", 4: "u32"}[unit(values)], map(str, values))

    def stages(name, values):
        low, high, top, middle, leaf = three_stage(values)
        out.append(f"pub(crate) const {name}_LOW: u32 = {low};")
        out.append(f"pub(crate) const {name}_HIGH: u32 = {high};")
        numbers(f"{name}_TOP", top)
        numbers(f"{name}_MIDDLE", middle)
        numbers(f"{name}_LEAF", leaf)

    for i, flag in enumerate(FLAGS):
        out.append(f"pub(crate) const {flag}: u16 = 1 << {i};")
    array("TYPES", "T", (f"T({','.join(map(str, row))})" for row in types))
    array("DB", "D", (f"D(C::{CATEGORIES[r[0]]},{r[1]},{r[2]},{r[3]},{['false', 'true'][r[4]]})" for r in dbs))
    array("NUMERIC_VALUES", "f64", (repr(v) for v in numeric))
    array("BIDI_NAMES", "&str", (f'"{b}"' for b in BIDI))
    array("WIDTH_NAMES", "&str", (f'"{w}"' for w in WIDTHS))
    pad = lambda m: "[" + ",".join(map(str, (*m, 0, 0, 0)[:3])) + "]"
    array("SPECIAL", "[[u32; 3]; 4]", ("[" + ",".join(map(pad, row)) + "]" for row in special))
    stages("TYPE", type_of)
    stages("DB", db_of)
    decompositions(array, numbers)
    sequences(array)
    version_3_2(array, stages)
    with open(path, "w") as file:
        file.write("\n".join(out) + "\n")


def decompositions(array, numbers):
    """Runs of code points that have a decomposition, and for each code point: offset into the joined mappings."""
    runs, ends, data, total = [], [0], [], 0
    for c, s in enumerate(CHARS):
        words = ud.decomposition(s).split()
        if not words or 0xAC00 <= c < 0xAC00 + 11172:  # Hangul syllables are computed
            continue
        if runs and sum(runs[-1][:2]) == c:
            runs[-1][1] += 1
        else:
            runs.append([c, 1, total])
        tag = words.pop(0) if words[0][0] == "<" else ""
        # The tag rides in the top bits of the first code point.
        points = [int(w, 16) for w in words]
        points[0] |= TAGS.index(tag) << 24
        data += points
        ends.append(len(data))
        total += 1
    array("DECOMPOSITION_RUNS", "(u32, u16, u16)", (f"({a},{n},{i})" for a, n, i in runs))
    numbers("DECOMPOSITION_ENDS", ends)
    array("DECOMPOSITION_DATA", "u32", map(str, data))
    array("DECOMPOSITION_TAGS", "&str", (f'"{t}"' for t in TAGS))


def api_names():
    """Aliases and named sequences. CPython keeps them behind its name API in a private range."""

    class Api(ctypes.Structure):
        _fields_ = [("getname", ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint32, ctypes.c_char_p, ctypes.c_int, ctypes.c_int))]

    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    api = ctypes.cast(pointer(ud._ucnhash_CAPI, b"unicodedata._ucnhash_CAPI"), ctypes.POINTER(Api)).contents
    buffer = ctypes.create_string_buffer(256)
    found = [buffer.value.decode() for c in range(0xF0000, N) if api.getname(c, buffer, len(buffer), 1)]
    return {name: ud.lookup(name) for name in found}


def sequences(array):
    """Named sequences, sorted by name."""
    names = {name: value for name, value in api_names().items() if len(value) > 1}
    array("SEQUENCES", "(&str, &[u32])", (f'("{n}",&[{",".join(str(ord(c)) for c in names[n])}])' for n in sorted(names)))


def version_3_2(array, stages):
    """What differs in `unicodedata.ucd_3_2_0`."""
    old, rows, row_of, values = ud.ucd_3_2_0, Interned(), [], []
    for c, s in enumerate(CHARS):
        row_of.append(rows((
            CATEGORIES.index(old.category(s)), BIDI.index(old.bidirectional(s)), WIDTHS.index(old.east_asian_width(s)),
            old.mirrored(s),
        )))  # fmt: skip
        numbers = old.decimal(s, None), old.numeric(s, None)
        if old.category(s) != "Cn" and numbers != (ud.decimal(s, None), ud.numeric(s, None)):
            values.append((c, *numbers))
    array("OLD", "D", (f"D(C::{CATEGORIES[r[0]]},{r[1]},{r[2]},0,{['false', 'true'][r[3]]})" for r in rows))
    stages("OLD", row_of)
    option = lambda v: "None" if v is None else f"Some({v})"
    array("OLD_VALUES", "(u32, Option<u8>, Option<f64>)", (f"({c},{option(d)},{option(n)})" for c, d, n in values))
    fixed = [c for c in range(0x2F800, 0x2FA20) if old.normalize("NFD", chr(c)) != ud.normalize("NFD", chr(c))]
    array("OLD_CORRECTIONS", "(u32, u32)", (f"({c},{ord(old.normalize('NFD', chr(c)))})" for c in fixed))


if __name__ == "__main__":
    main(sys.argv[1])
