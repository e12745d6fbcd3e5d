"""Compressors and decompressors that threads share: each call is one step, and waits for the others'."""
import bz2
import lzma
import threading
import zlib

data = bytes(range(256)) * 4000
errors = []


def together(f, n=4):
    def run():
        try:
            f()
        except BaseException as e:
            errors.append(repr(e))

    threads = [threading.Thread(target=run) for _ in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


for make, back in [
    (bz2.BZ2Compressor, bz2.decompress),
    (lambda: lzma.LZMACompressor(preset=0), lzma.decompress),
    (zlib.compressobj, zlib.decompress),
]:
    compressor, parts, lock = make(), [], threading.Lock()

    def work():
        for _ in range(2):
            # One call's output must follow another's as its input did.
            with lock:
                parts.append(compressor.compress(data))

    together(work)
    print(len(back(b"".join(parts) + compressor.flush())) == 8 * len(data), errors)

    # Without a lock of the program's, every byte still goes in once.
    compressor = make()
    together(lambda: compressor.compress(data))
    compressor.flush()
    print(errors)

for packed, make in [
    (bz2.compress(data), bz2.BZ2Decompressor),
    (lzma.compress(data), lzma.LZMADecompressor),
    (zlib.compress(data), zlib._ZlibDecompressor),
]:
    decompressor, sizes = make(), []

    def take():
        while not decompressor.eof:
            try:
                sizes.append(len(decompressor.decompress(packed if not sizes else b"", max_length=100_000)))
            except EOFError:
                pass

    sizes.append(len(decompressor.decompress(packed, max_length=1000)))
    together(take)
    print(sum(sizes) == len(data), errors)
