#: deflate bomb | MEMORY
import zlib
c = zlib.compressobj()
zlib.decompress(b''.join([c.compress(bytes(10**6)) for _ in range(60)] + [c.flush()]))

#: deflate bomb in small pieces | MEMORY
import zlib
c = zlib.compressobj()
b = b''.join([c.compress(bytes(10**6)) for _ in range(60)] + [c.flush()])
d, out = zlib.decompressobj(), []
while True:
    out.append(d.decompress(b, 10**6))
    b = d.unconsumed_tail

#: deflate of garbage | EXCEPTION error
import zlib
zlib.decompress(b'\x78\x9c' + b'\xff' * 1000)

#: gzip bomb | MEMORY
import gzip
b = gzip.compress(bytes(10**7))
gzip.decompress(b * 100)

#: gzip of garbage | EXCEPTION BadGzipFile or EXCEPTION EOFError or EXCEPTION error
import gzip
gzip.decompress(b'\x1f\x8b\x08\x00' + b'\xff' * 100)

#: bzip2 bomb | MEMORY or EXCEPTION ImportError or EXCEPTION ModuleNotFoundError
import bz2
b = bz2.compress(bytes(5 * 10**6))
bz2.decompress(b * 100)

#: lzma bomb | MEMORY or EXCEPTION ImportError or EXCEPTION ModuleNotFoundError
import lzma
b = lzma.compress(bytes(5 * 10**6))
lzma.decompress(b * 100)

#: lzma that asks for a huge dictionary | EXCEPTION LZMAError or EXCEPTION ImportError or MEMORY or COMPLETED or EXCEPTION EOFError
import lzma
b = bytearray(lzma.compress(b'x', format=lzma.FORMAT_ALONE))
b[1:5] = b'\xff\xff\xff\xff'
lzma.decompress(bytes(b))

#: zip bomb | MEMORY or EXCEPTION RuntimeError
import zipfile, io
f = io.BytesIO()
with zipfile.ZipFile(f, 'w', zipfile.ZIP_DEFLATED) as z:
    with z.open('a', 'w') as w:
        for _ in range(60): w.write(bytes(10**6))
zipfile.ZipFile(f).read('a')

#: zip entry that lies about its size | EXCEPTION BadZipFile or EXCEPTION EOFError or EXCEPTION error or COMPLETED
import zipfile, io
f = io.BytesIO()
with zipfile.ZipFile(f, 'w') as z: z.writestr('a', b'x' * 100)
b = bytearray(f.getvalue())
at = b.index(b'PK\x01\x02')
b[at + 20:at + 28] = b'\xff\xff\xff\x7f' * 2
zipfile.ZipFile(io.BytesIO(b)).read('a')

#: zip that leaves its folder | COMPLETED
import zipfile, io
f = io.BytesIO()
with zipfile.ZipFile(f, 'w') as z: z.writestr('../../tmp/typhon-escaped', b'x')
zipfile.ZipFile(f).extractall('/tmp/a/b')
import os
assert os.listdir('/tmp') == ['a'] and os.listdir('/tmp/a') == ['b']

#: tar that leaves its folder | COMPLETED or EXCEPTION PermissionError or EXCEPTION OutsideDestinationError or EXCEPTION OSError or EXCEPTION FilterError
import tarfile, io
f = io.BytesIO()
with tarfile.open(fileobj=f, mode='w') as t:
    i = tarfile.TarInfo('../../../tmp/typhon-escaped')
    t.addfile(i)
f.seek(0)
tarfile.open(fileobj=f).extractall('/tmp/a/b')
import os
assert os.listdir('/tmp/a') == ['b']

#: compression without end | WALL_TIME
import zlib
b = bytes(range(256)) * 4000
#: go
while True: zlib.compress(b, 9)

#: base64 of much | WALL_TIME or MEMORY
import base64
b = bytes(10**6)
#: go
while True: base64.b64decode(base64.b64encode(b))

#: hashing of much | WALL_TIME
import hashlib
b = bytes(10**7)
#: go
while True: hashlib.sha256(b)

#: key derivation | WALL_TIME
import hashlib
#: go
hashlib.pbkdf2_hmac('sha256', b'p', b's', 10**9)

#: key derivation by memory | MEMORY or EXCEPTION ValueError or EXCEPTION MemoryError or WALL_TIME | wall=2000
import hashlib
hashlib.scrypt(b'p', salt=b's', n=1 << 20, r=8, p=1, maxmem=2**31 - 1)
