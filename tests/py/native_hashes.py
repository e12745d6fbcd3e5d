# The natives of hashes: results and error texts.
import _blake2
import _md5
import _sha2
import _sha3


def tr(f):
    try:
        print(f())
    except BaseException as e:
        print(type(e).__name__, e)


tr(lambda:_md5.md5(b'abc').hexdigest())
tr(lambda:_sha2.sha256(b'abc').hexdigest())
tr(lambda:_sha3.sha3_256(b'abc').hexdigest())
tr(lambda:_sha3.shake_128(b'abc').hexdigest(10))
tr(lambda:_blake2.blake2b(b'abc',digest_size=8,key=b'k').hexdigest())
tr(lambda:_md5.md5('a'))
tr(lambda:_sha3.shake_128().digest(-1))
tr(lambda:_blake2.blake2b(digest_size=65))
tr(lambda:_sha2.sha512().name)
