"""Prints a digest of each property over all code points, as the CPython 3.14 that runs this script answers it.

Usage: python3.14 gen/digest.py tests/data/names.txt > tests/data/digests.txt

A digest is FNV-1a (64 bit) over the answers for U+0000 .. U+10FFFF, each as text with a newline;
tests/properties.rs computes the same over the Rust answers.
The names file holds every alias and named sequence.
"""

import ctypes
import struct
import sys
import unicodedata as ud

from gen import api_names, is_cased, is_case_ignorable


def fnv(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = ((state ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return state


def points(text):
    return " ".join("%X" % ord(c) for c in text)


def simple(name):
    function = getattr(ctypes.pythonapi, name)
    return lambda s: "%X" % function(ord(s))


def number(value):
    return "" if value is None else str(value)


def lookup(s):
    name = ud.name(s, "")
    return points(ud.lookup(name.title())) if name else ""


# A character between marks that reorder, and after one that may compose with it.
PREFIX, SUFFIX = "\u1100e\u0323", "\u0327\u0301\u0345\u11a8"

PROPERTIES = {
    "category": ud.category,
    "is_alpha": str.isalpha,
    "is_alnum": str.isalnum,
    "is_decimal": str.isdecimal,
    "is_digit": str.isdigit,
    "is_numeric": str.isnumeric,
    "is_space": str.isspace,
    "is_line_break": lambda s: len((s + "a").splitlines()) == 2,
    "is_printable": str.isprintable,
    "is_lower": str.islower,
    "is_upper": str.isupper,
    "is_title": lambda s: s.istitle() and not s.isupper(),
    "is_cased": is_cased,
    "is_case_ignorable": is_case_ignorable,
    "is_xid_start": lambda s: s != "_" and s.isidentifier(),
    "is_xid_continue": lambda s: ("a" + s).isidentifier(),
    "to_lower_simple": simple("_PyUnicode_ToLowercase"),
    "to_upper_simple": simple("_PyUnicode_ToUppercase"),
    "to_title_simple": simple("_PyUnicode_ToTitlecase"),
    "to_lower": lambda s: points(s.lower()),
    "to_upper": lambda s: points(s.upper()),
    "to_title": lambda s: points(s.title()),
    "to_fold": lambda s: points(s.casefold()),
    "decimal_value": lambda s: number(ud.decimal(s, None)),
    "digit_value": lambda s: number(ud.digit(s, None)),
    "bidirectional": ud.bidirectional,
    "east_asian_width": ud.east_asian_width,
    "combining": lambda s: str(ud.combining(s)),
    "mirrored": lambda s: ud.mirrored(s) == 1,
    "decomposition": ud.decomposition,
    "name": lambda s: ud.name(s, ""),
    "lookup": lookup,
    **{f"normalize_{form}": lambda s, form=form: points(ud.normalize(form, s)) for form in ("NFC", "NFD", "NFKC", "NFKD")},
    **{
        f"normalize_{form}_context": lambda s, form=form: points(ud.normalize(form, PREFIX + s + SUFFIX))
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    },
    **{f"is_normalized_{form}": lambda s, form=form: ud.is_normalized(form, s) for form in ("NFC", "NFD", "NFKC", "NFKD")},
}


OLD = ud.ucd_3_2_0
PROPERTIES |= {
    "old_category": OLD.category,
    "old_bidirectional": OLD.bidirectional,
    "old_east_asian_width": OLD.east_asian_width,
    "old_combining": lambda s: str(OLD.combining(s)),
    "old_mirrored": lambda s: OLD.mirrored(s) == 1,
    "old_decomposition": OLD.decomposition,
    "old_decimal": lambda s: number(OLD.decimal(s, None)),
    "old_numeric": lambda s: struct.pack(">d", OLD.numeric(s, -1)).hex(),
    "old_name": lambda s: OLD.name(s, ""),
    **{f"old_{form}": lambda s, form=form: points(OLD.normalize(form, s)) for form in ("NFC", "NFD", "NFKC", "NFKD")},
    **{
        f"old_{form}_context": lambda s, form=form: points(OLD.normalize(form, PREFIX + s + SUFFIX))
        for form in ("NFC", "NFD", "NFKC", "NFKD")
    },
}


CJK = "gb18030 gbk gb2312 big5 cp950 shift_jis cp932 euc_jp cp949 euc_kr".split()


def text(answer):
    return {True: "1", False: "0"}[answer] if isinstance(answer, bool) else answer


if __name__ == "__main__":
    for name, answer in PROPERTIES.items():
        # Nothing normalizes beyond plane 2.
        end = 0x30000 if name.endswith("_context") else 0x110000
        data = "\n".join(text(answer(chr(c))) for c in range(end)) + "\n"
        print(name, "%016x" % fnv(data.encode()), flush=True)
    for codec in CJK:
        # Every pair of bytes, decoded with U+FFFD for each error, and every code point.
        pairs = (points(a.to_bytes(2).decode(codec, "replace")) for a in range(0x10000))
        print(f"decode_{codec}", "%016x" % fnv("".join(f"{p}\n" for p in pairs).encode()))
        codes = (chr(c).encode(codec, "ignore").hex() for c in range(0x110000))
        print(f"encode_{codec}", "%016x" % fnv("".join(f"{code}\n" for code in codes).encode()))
    # Floats are compared by their bits, those that exist only.
    values = (ud.numeric(chr(c), None) for c in range(0x110000))
    bits = "".join(struct.pack(">d", v).hex() for v in values if v is not None)
    print("numeric_value", "%016x" % fnv(bits.encode()))
    with open(sys.argv[1], "w") as file:
        for name, value in sorted(api_names().items()):
            print(name, points(value), sep="\t", file=file)
