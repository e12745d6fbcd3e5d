"""Writes what CPython 3.14's codecs make of seeded random input, for tests/codecs.rs.

Usage: python3.14 gen/codecs_data.py CASES_PER_CODEC > tests/data/codecs.txt

A line is: operation, arguments, input, output, consumed length, errors, separated by tabs. Characters are
hexadecimal numbers, bytes two digits each. An error is start-end:reason; after each, the replacement is U+FFFD for
decoders and `?` for encoders, and decoding goes on behind it.
"""

import codecs
import random
import sys
import warnings
from codecs import charmap_build

warnings.simplefilter("error")
ERRORS = []


def log(exc):
    ERRORS.append(f"{exc.start}-{exc.end}:{exc.reason}")
    return ("\ufffd" if isinstance(exc, UnicodeDecodeError) else "?"), exc.end


codecs.register_error("log", log)


def points(text):
    return " ".join("%x" % ord(c) for c in text)


def emit(*fields):
    print(*fields, sep="\t")


def quiet(function, *args):
    """Calls it; returns the result and the text of its warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = function(*args)
    return result, "".join(str(w.message).replace("\r", "\\r") for w in caught)


def unicode_escape_decode(data, errors, final):
    (text, used), warned = quiet(codecs.unicode_escape_decode, data, errors, final)
    return text, used, warned


def utf16(data, errors, final):
    return codecs.utf_16_ex_decode(data, errors, 0, final)[:2]


def utf32(data, errors, final):
    return codecs.utf_32_ex_decode(data, errors, 0, final)[:2]


UTF8 = [b"abc", b"0123456789abcdef0123456789ABCDEFxyz", b"\x00", "é߿".encode(), "ࠀ￿\ud7ff\ue000".encode(), "😀\U0010ffff".encode(),
        b"\x80", b"\xbf", b"\xc0\xaf", b"\xc1", b"\xc2", b"\xdf", b"\xe0\x80", b"\xe0\x9f\x80", b"\xe0\xa0", b"\xed\xa0\x80", b"\xed\xb0",
        b"\xe1\x80", b"\xe1", b"\xf0\x8f", b"\xf0\x90", b"\xf0\x90\x80", b"\xf4\x8f\xbf", b"\xf4\x90\x80\x80", b"\xf1", b"\xf5", b"\xff"]  # fmt: skip
UNITS = [0x41, 0xE9, 0x20AC, 0xFEFF, 0xFFFE, 0xD7FF, 0xE000, 0xD800, 0xDBFF, 0xDC00, 0xDFFF, 0xFFFF, 0xD83D, 0xDE00]
WIDE = [0x41, 0xFEFF, 0xD800, 0xDFFF, 0x1F600, 0x10FFFF, 0x110000, 0xFFFE0000, 0xFFFFFFFF, 0xFFFF]
UTF7 = [b"a", b"-", b"+", b"+-", b"/", b"A", b"+AGE", b"+AGE-", b"+2D3eAA", b"+2D0-", b"+2D0x", b"+2D0A", b"3gA", b"\x80", b"~", b"\\",
        b"+IKwgrA-", b"+//8", b"AAAA", b"AA", b"!", b"\xe9", b"+AA", b"+AA+-", b"+A\x80", b"=", b"\n"]  # fmt: skip
ESCAPES = [b"\\", b"\\\\", b"x", b"\\x", b"\\x4", b"\\x41", b"\\xfg", b"\\u", b"\\u12", b"\\u20aC", b"\\ud800", b"\\U0001F600", b"\\U00110000",
           b"\\U0001", b"\\N", b"\\N{", b"\\N{}", b"\\N{SPACE}", b"\\N{latin small letter a}", b"\\N{NOPE}", b"\\N{NULL}", b"\\N{KEYCAP DIGIT ONE}",
           b"\\N{\xe9}", b"\\Nx", b"\\0", b"\\18", b"\\377", b"\\400", b"\\777", b"\\q", b"\\\n", b"\\\r\n", b"\\n", b"\\a\\b\\f\\t\\r\\v\\'\\\"",
           b"}", b"7", b"f", b"\xe9", b"\\\xe9", b"plain text", b"\n", b"\\N{TANGUT IDEOGRAPH-17000}", b"\\N{HANGUL SYLLABLE GAG}"]  # fmt: skip
RAW = [b"\\", b"\\\\", b"u", b"U", b"\\u20ac", b"\\u20", b"\\U0001f600", b"\\U00110000", b"\\Uffffffff", b"\\U0001", b"\\ud83d\\ude00", b"0", b"g",
       b"\\n", b"\xe9", b"plain"]  # fmt: skip
CHARMAP = "".join(chr(c) for c in range(128)) + "€\ufffeé\U0001f600é\0\uabcd\ufffe€zz"

CJK = [b"a", b"0", b"9", b"\x80", b"\xff", b"\xa0", b"\x81", b"\xb0\xa1", b"\xa4\xa2", b"\x88\x9f", b"\xd4", b"\x8e", b"\x8f", b"\x8f\xb0\xa1",
       b"\xb1", b"\xa4\xd4\xa4\xa1\xa4\xbf\xa4", b"\xa4\xd4", b"\xa4\xbe", b"\xa4\xc0", b"\x81\x30\x81\x30", b"\x84\x31\xa4\x39", b"\x90\x30",
       b"\xe3\x32\x9a\x35", b"\xe3\x32\x9a\x36", b"\xfe", b"\xfd\xfe", b"@", b"\x7f"]  # fmt: skip


def cjk(codec):
    """The incremental decoder tells what is left; it wants a fresh start after each error, so none is kept."""

    def decode(data, errors, final):
        decoder = codecs.getincrementaldecoder(codec)(errors)
        text = decoder.decode(data, final)
        return text, len(data) - len(decoder.getstate()[0])

    return decode


DECODERS = {
    "ascii": (lambda d, e, f: codecs.ascii_decode(d, e), [b"abc", b"\x80", b"\xff\xe9", b"0123456789abcdef0123456789abcdef"]),
    "utf8": (codecs.utf_8_decode, UTF8),
    "utf16le": (codecs.utf_16_le_decode, [u.to_bytes(2, "little") for u in UNITS] + [b"\x00", b"\xd8"]),
    "utf16be": (codecs.utf_16_be_decode, [u.to_bytes(2, "big") for u in UNITS] + [b"\x00", b"\xd8"]),
    "utf16": (utf16, [u.to_bytes(2, "little") for u in UNITS] + [b"\x00", b"\xff\xfe", b"\xfe\xff", b"\xfe\xff", b"\xfe\xff"]),
    "utf32le": (codecs.utf_32_le_decode, [u.to_bytes(4, "little") for u in WIDE] + [b"\x00", b"ab"]),
    "utf32be": (codecs.utf_32_be_decode, [u.to_bytes(4, "big") for u in WIDE] + [b"\x00", b"ab"]),
    "utf32": (utf32, [u.to_bytes(4, "little") for u in WIDE] + [b"\x00", b"\0\0\xfe\xff", b"\0\0\xfe\xff"]),
    "utf7": (codecs.utf_7_decode, UTF7),
    "unicode_escape": (unicode_escape_decode, ESCAPES),
    "raw_unicode_escape": (codecs.raw_unicode_escape_decode, RAW),
    "charmap": (lambda d, e, f: codecs.charmap_decode(d, e, CHARMAP), [b"a", b"\x00", *(bytes([b]) for b in range(126, 150))]),
}
HZ = [b"a", b"~", b"~~", b"~{", b"~}", b"\n", b"<:", b"Ky", b"~\n", b"\x80", b"<", b"xx", b"  ", b"}"]
JP = [b"a", b"\x1b", b"\x1b(", b"\x1b(B", b"\x1b(J", b"\x1b$B", b"\x1b$@", b"\x1b$(B", b"\x1b)B", b"\x1b$)B", b"\x1b$A", b"\x1b(I", b"\x1b.A", b"\x1b&@",
      b"\x1b&@\x1b$B", b"\x1bZ", b"\x1bz", b"B", b'$"', b"0!", b"$", b"\\", b"~", b"\n", b"\x0e", b"\x0f", b" ", b"\x7f", b"\x80", b"................",
      b"@"]  # fmt: skip
DECODERS |= {"hz": (cjk("hz"), HZ), "iso2022_jp": (cjk("iso2022_jp"), JP)}
CJK_CODECS = "gb18030 gbk gb2312 big5 cp950 shift_jis cp932 euc_jp cp949 euc_kr".split()
DECODERS |= {codec: (cjk(codec), CJK) for codec in CJK_CODECS}

TEXT = ["a", "bcd", "0123456789abcdef0123456789ABCDEF", "+", "-", "~", "\\", "'", '"', "\n", "\r\t", "\0", "\x1b", "\x7f", "\x80", "\xa0", "é", "\xad",
        "€", "߿ࠀ", "\u2028", "\u0378", "\uabcd", "\ud7ff", "\ud800", "\udbff", "\udc00", "\udc80", "\udcff", "\udfff", "\ue000", "\ufffe", "\uffff", "😀",
        "\U0010ffff", "\U000e0001", "/", "=", " ", "한", "中", "¥", "‾", "あ", "＼", "～"]  # fmt: skip
CHARMAP_BUILT = charmap_build(CHARMAP.replace("\0", "\1").replace("\U0001f600", "\ud800").replace("\1", "\0", 1).ljust(256, "\ufffe"))
assert type(CHARMAP_BUILT).__name__ == "EncodingMap"
ENCODERS = {
    "ascii": codecs.ascii_encode,
    "latin1": codecs.latin_1_encode,
    "utf8": codecs.utf_8_encode,
    "utf16le": codecs.utf_16_le_encode,
    "utf16be": codecs.utf_16_be_encode,
    "utf32le": codecs.utf_32_le_encode,
    "utf32be": codecs.utf_32_be_encode,
    "utf7": codecs.utf_7_encode,
    "unicode_escape": codecs.unicode_escape_encode,
    "raw_unicode_escape": codecs.raw_unicode_escape_encode,
    "charmap": lambda s, e: codecs.charmap_encode(s, e, CHARMAP_BUILT),
    **{codec: codecs.lookup(codec).encode for codec in (*CJK_CODECS, "hz", "iso2022_jp")},
}
HANDLED_DECODES = [(e, h) for h in ("surrogateescape", "surrogatepass", "backslashreplace")
                   for e in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")]  # fmt: skip
HANDLED_ENCODES = [(e, h) for h in ("surrogateescape", "surrogatepass", "backslashreplace", "xmlcharrefreplace", "namereplace")
                   for e in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be", "ascii")]  # fmt: skip


def decode_cases(rng, count):
    for name, (decode, tokens) in DECODERS.items():
        cases = [(token, final) for token in tokens for final in (True, False)]
        for _ in range(count):
            data = b"".join(rng.choices(tokens, k=rng.randint(2, 6)))
            if rng.random() < 0.3:
                data = data[: -rng.randint(1, 3)]
            cases.append((data, rng.random() < 0.6))
        for data, final in cases:
            ERRORS.clear()
            text, used, *warned = decode(data, "log", final)
            emit("decode", f"{name} {final:d}", data.hex(), points(text), used, ";".join(ERRORS), *warned)


def texts(rng, count):
    return TEXT + ["".join(rng.choices(TEXT, k=rng.randint(2, 6))) for _ in range(count)]


def encode_cases(rng, count):
    for name, encode in ENCODERS.items():
        for text in texts(rng, count):
            ERRORS.clear()
            data, used = encode(text, "log")
            emit("encode", name, points(text), data.hex(), used, ";".join(ERRORS))


def handler_cases(rng, count):
    for encoding, handler in HANDLED_DECODES:
        tokens = DECODERS[encoding.lower().replace("-", "").replace("_", "")][1]
        for _ in range(count // 2):
            data = b"".join(rng.choices(tokens, k=rng.randint(1, 4)))
            try:
                text = points(data.decode(encoding, handler))
            except UnicodeDecodeError as e:
                text = f"!{e.start}-{e.end}:{e.reason}"
            emit("decode_with", f"{encoding} {handler}", data.hex(), text, "", "")
    for encoding, handler in HANDLED_ENCODES:
        for text in rng.sample(texts(rng, count), count // 2):
            try:
                data = text.encode(encoding, handler).hex()
            except UnicodeEncodeError as e:
                data = f"!{e.start}-{e.end}:{e.reason}"
            emit("encode_with", f"{encoding} {handler}", points(text), data, "", "")


def repr_cases(rng, count):
    for text in texts(rng, count):
        emit("repr", "", points(text), points(repr(text)), "", "")
        emit("ascii", "", points(text), points(ascii(text)), "", "")
    for _ in range(count):
        data = b"".join(rng.choices([b"abc", b"'", b'"', b"\\", b"\n\r\t", b"\x00", b"\x7f", b"\x80", b"\xff", b"~", b" "], k=rng.randint(0, 5)))
        emit("bytes_repr", "", data.hex(), repr(data).encode().hex(), "", "")
        emit("bytes_encode", "", data.hex(), codecs.escape_encode(data)[0].hex(), "", "")
    for _ in range(count * 3):
        data = b"".join(rng.choices(ESCAPES, k=rng.randint(1, 4)))
        policy = rng.choice(["strict", "replace", "ignore"])
        try:
            (out, _), warned = quiet(codecs.escape_decode, data, policy)
            emit("bytes_decode", policy, data.hex(), out.hex(), "", "", warned)
        except ValueError as e:
            emit("bytes_decode", policy, data.hex(), f"!{e}", "", "")


if __name__ == "__main__":
    count = int(sys.argv[1])
    sys.stdout.reconfigure(encoding="utf-8")
    for make in (decode_cases, encode_cases, handler_cases, repr_cases):
        make(random.Random(make.__name__), count)
