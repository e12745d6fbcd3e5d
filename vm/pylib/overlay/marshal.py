"""Read and write Python values in CPython's marshal format. Code objects have no such form here."""

import struct as _struct

version = 5
_SINGLES = {None: b"N", True: b"T", False: b"F", Ellipsis: b".", StopIteration: b"S"}
_BY_CODE = {code[0]: value for value, code in _SINGLES.items()}


def dumps(value, version=version, /, *, allow_code=True):
    """Return the bytes object that would be written to a file by dump(value, file)."""
    out = bytearray()
    _write(value, out, 0)
    return bytes(out)


def dump(value, file, version=version, /, *, allow_code=True):
    """Write the value on the open file."""
    return file.write(dumps(value, version))


def _sized(code, items, out, depth):
    out += code + _struct.pack("<I", len(items))
    for item in items:
        _write(item, out, depth + 1)


def _write(value, out, depth):
    if depth > 1000:
        raise ValueError("object too deeply nested to marshal")
    kind = type(value)
    if value is None or value is True or value is False or value is Ellipsis or value is StopIteration:
        out += _SINGLES[value]
    elif kind is int:
        _write_int(value, out)
    elif kind is float:
        out += b"g" + _struct.pack("<d", value)
    elif kind is complex:
        out += b"y" + _struct.pack("<dd", value.real, value.imag)
    elif kind is str:
        data = value.encode("utf-8", "surrogatepass")
        out += b"u" + _struct.pack("<I", len(data)) + data
    elif kind is tuple:
        _sized(b"(", value, out, depth)
    elif kind is list:
        _sized(b"[", value, out, depth)
    elif kind is set:
        _sized(b"<", value, out, depth)
    elif kind is frozenset:
        _sized(b">", value, out, depth)
    elif kind is dict:
        out += b"{"
        for key, item in value.items():
            _write(key, out, depth + 1)
            _write(item, out, depth + 1)
        out += b"0"
    elif kind is slice:
        out += b":"
        for part in (value.start, value.stop, value.step):
            _write(part, out, depth + 1)
    else:
        try:
            data = bytes(memoryview(value))
        except TypeError:
            raise ValueError("unmarshallable object") from None
        out += b"s" + _struct.pack("<I", len(data)) + data


def _write_int(value, out):
    if -0x80000000 <= value <= 0x7FFFFFFF:
        out += b"i" + _struct.pack("<i", value)
        return
    digits, rest = [], abs(value)
    while rest:
        digits.append(rest & 0x7FFF)
        rest >>= 15
    out += b"l" + _struct.pack("<i", len(digits) if value > 0 else -len(digits))
    out += _struct.pack(f"<{len(digits)}H", *digits)


class _Reader:
    def __init__(self, data):
        self.data, self.at, self.refs = bytes(data), 0, []

    def take(self, n):
        if n < 0 or self.at + n > len(self.data):
            raise EOFError("marshal data too short")
        self.at += n
        return self.data[self.at - n:self.at]

    def number(self, form, n):
        return _struct.unpack(form, self.take(n))[0]

    def items(self, n, depth):
        if n > len(self.data) - self.at:
            raise EOFError("marshal data too short")
        return [self.value(depth) for _ in range(n)]

    def value(self, depth=0, end=False):
        if depth > 1000:
            raise ValueError("recursion limit exceeded")
        if self.at >= len(self.data):
            raise EOFError("EOF read where object expected" if self.at == 0 else "marshal data too short")
        byte = self.take(1)[0]
        code, flag = byte & 0x7F, byte & 0x80
        if flag:
            at = len(self.refs)
            self.refs.append(None)
        value = self.plain(chr(code), code, depth + 1, end)
        if flag:
            self.refs[at] = value
        return value

    def plain(self, code, number, depth, end):
        if number in _BY_CODE:
            return _BY_CODE[number]
        if code == "0" and end:
            return _END
        if code == "i":
            return self.number("<i", 4)
        if code == "l":
            n = self.number("<i", 4)
            total = 0
            for shift, digit in enumerate(_struct.unpack(f"<{abs(n)}H", self.take(2 * abs(n)))):
                if digit > 0x7FFF:
                    raise ValueError("bad marshal data (digit out of range in long)")
                total |= digit << 15 * shift
            return -total if n < 0 else total
        if code == "g":
            return self.number("<d", 8)
        if code == "y":
            return complex(*_struct.unpack("<dd", self.take(16)))
        if code in "ut":
            return self.take(self.number("<I", 4)).decode("utf-8", "surrogatepass")
        if code in "aA":
            return self.take(self.number("<I", 4)).decode("ascii")
        if code in "zZ":
            return self.take(self.take(1)[0]).decode("ascii")
        if code == "s":
            return self.take(self.number("<I", 4))
        if code == ")":
            return tuple(self.items(self.take(1)[0], depth))
        if code in "([<>":
            made = {"(": tuple, "[": list, "<": set, ">": frozenset}[code]
            return made(self.items(self.number("<I", 4), depth))
        if code == "{":
            made = {}
            while (key := self.value(depth, True)) is not _END:
                made[key] = self.value(depth)
            return made
        if code == ":":
            return slice(self.value(depth), self.value(depth), self.value(depth))
        if code == "r":
            at = self.number("<I", 4)
            if at >= len(self.refs):
                raise ValueError("bad marshal data (invalid reference)")
            return self.refs[at]
        raise ValueError("bad marshal data (unknown type code)")


_END = object()


def loads(data, /, *, allow_code=True):
    """Convert the bytes-like object to a value."""
    return _Reader(memoryview(data)).value()


def load(file, /, *, allow_code=True):
    """Read one value from the open file and return it."""
    reader = _Reader(file.read())
    value = reader.value()
    return value
