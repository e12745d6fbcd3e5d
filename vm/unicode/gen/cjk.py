"""Writes src/data/cjk.txt, the tables of the double-byte codecs, from the CPython 3.14 that runs this script.

Usage: python3.14 gen/cjk.py > src/data/cjk.txt

Codes and code points are hexadecimal. Lines by their first character:
  `# codec base`        starts a codec; what follows changes the base's decoding table
  `L first-last`        lead bytes; `1 byte text` bytes above 7F that stand alone
  `- first-last`        codes that the base has and this codec has not
  `+ code text`         consecutive two-byte codes
  `3 code text`         consecutive codes after the byte 8F (euc_jp)
  `4 index point count` a run of four-byte codes, by linear index (gb18030)
  `= point code`        encoding, where it is not the lowest code that decodes to the point; 0 means none
"""

import sys

CODECS = [("gb18030", ""), ("gbk", "gb18030"), ("gb2312", "gbk"), ("big5", ""), ("cp950", "big5"), ("shift_jis", ""),
          ("cp932", "shift_jis"), ("euc_jp", ""), ("cp949", ""), ("euc_kr", "cp949")]  # fmt: skip


def decode(codec, data):
    """One character, or '' for none, or None when bytes are missing."""
    try:
        text = data.decode(codec)
        return text if len(text) == 1 else ""
    except UnicodeDecodeError as e:
        return None if e.reason.startswith("incomplete") else ""


def runs(numbers):
    """Consecutive numbers as (first, last)."""
    found = []
    for n in sorted(numbers):
        if found and found[-1][1] == n - 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    return found


def texts(tag, table):
    for first, last in runs(table):
        print(tag, "%X" % first, "".join(table[code] for code in range(first, last + 1)))


def four_bytes():
    """gb18030's runs in the Basic Multilingual Plane."""
    found = []
    for c in (*range(0x80, 0xD800), *range(0xE000, 0x10000)):
        data = chr(c).encode("gb18030")
        if len(data) == 4:
            index = ((data[0] - 0x81) * 10 + data[1] - 0x30) * 1260 + (data[2] - 0x81) * 10 + data[3] - 0x30
            if found and found[-1][0] + found[-1][2] == index and found[-1][1] + found[-1][2] == c:
                found[-1][2] += 1
            else:
                found.append([index, c, 1])
    for run in sorted(found):
        print("4 %X %X %X" % tuple(run))


def write(codec, base, base_table):
    print("#", codec, base)
    singles = {b: decode(codec, bytes([b])) for b in range(256)}
    assert all(singles[b] == chr(b) for b in range(128)) and all(chr(b).encode(codec) == bytes([b]) for b in range(128))
    for first, last in runs(b for b in singles if singles[b] is None):
        print("L %X-%X" % (first, last))
    alone = {b: c for b, c in singles.items() if c and b > 127}
    texts("1", alone)
    leads = [b for b in singles if singles[b] is None]
    table = {a << 8 | b: c for a in leads for b in range(256) if (c := decode(codec, bytes([a, b])))}
    for first, last in runs(code for code in base_table if code not in table):
        print("- %X-%X" % (first, last))
    texts("+", {code: c for code, c in table.items() if base_table.get(code) != c})
    third = {}
    if codec == "euc_jp":
        third = {a << 8 | b: c for a in range(256) for b in range(256) if (c := decode(codec, bytes([0x8F, a, b])))}
        texts("3", third)
    if codec == "gb18030":
        four_bytes()
    inverse = {}
    # As the reader does: lone bytes, then two-byte codes, then three-byte codes, whose trail loses its top bit.
    for code, c in (*alone.items(), *sorted(table.items()), *((code & 0xFF7F, c) for code, c in sorted(third.items()))):
        inverse.setdefault(ord(c), code)
    for c in (*range(0x80, 0xD800), *range(0xE000, 0x10000)):
        try:
            data = chr(c).encode(codec)
        except UnicodeEncodeError:
            data = b""
        if len(data) == 3:
            data = bytes([data[1], data[2] & 0x7F])
        elif len(data) > 3:
            data = b""
        if int.from_bytes(data) != inverse.get(c, 0):
            print("= %X %X" % (c, int.from_bytes(data)))
    return table


sys.stdout.reconfigure(encoding="utf-8")
TABLES = {"": {}}
for codec, base in CODECS:
    TABLES[codec] = write(codec, base, TABLES[base])
