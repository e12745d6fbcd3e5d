"""What hashlib and hmac get from _hashlib: hash objects, keyed ones, and keys derived from passwords."""
import _hashlib
import hashlib
import hmac
import io
import re


def show(f):
    try:
        r = f()
    except Exception as e:
        print(type(e).__module__, type(e).__name__, e)
    else:
        print(r.hex() if isinstance(r, bytes) else re.sub('0x[0-9a-f]+', '0x', repr(r)))


for name in ['md5', 'sha1', 'sha224', 'sha256', 'sha384', 'sha512', 'sha3_224', 'sha3_256', 'sha3_384', 'sha3_512']:
    h = hashlib.new(name, b'abc')
    print(h.name, h.digest_size, h.block_size, type(h), h.hexdigest())
    assert getattr(hashlib, name)(b'abc').digest() == h.digest() == getattr(_hashlib, 'openssl_' + name)(b'abc').digest()
    print(hmac.new(b'key', b'message', name).hexdigest())
    print(hashlib.pbkdf2_hmac(name, b'password', b'salt', 1000).hex())
    print(hashlib.pbkdf2_hmac(name, b'p' * 500, b's' * 500, 2, 130).hex())
for name in ['shake_128', 'shake_256']:
    h = hashlib.new(name, b'abc')
    print(h.name, h.digest_size, h.block_size, type(h).__mro__, h.hexdigest(20), h.digest(length=3), type(h.copy()))

sha = hashlib.sha256(b'ab')
copy = sha.copy()
copy.update(b'c')
print(sha.hexdigest(), copy.hexdigest(), type(copy) is type(sha) is _hashlib.HASH)
print(hashlib.file_digest(io.BytesIO(b'abc'), 'sha256').hexdigest())
print(sorted(hashlib.__all__))
print(hashlib.algorithms_guaranteed <= hashlib.algorithms_available)
print(sorted(_hashlib._constructors.values()))

for f in [
    lambda: hashlib.sha256(), lambda: hashlib.new('SHA256'), lambda: hashlib.new('nope'), lambda: _hashlib.new('nope'),
    lambda: hashlib.new(3), lambda: hashlib.sha256('abc'), lambda: hashlib.sha256(4), lambda: hashlib.sha256().update('a'),
    lambda: hashlib.sha256(b'a', string=b'b'), lambda: hashlib.sha256(string=b'b').hexdigest(),
    lambda: hashlib.sha256(usedforsecurity=False), lambda: hashlib.sha256().digest(4), lambda: _hashlib.HASH(),
    lambda: _hashlib.HASHXOF(), lambda: _hashlib.HMAC(), lambda: hashlib.shake_128().digest(),
    lambda: _hashlib.UnsupportedDigestmodError.__mro__, lambda: _hashlib.get_fips_mode(),
    lambda: _hashlib.hmac_new(b'k', b'm'), lambda: _hashlib.hmac_new('k', b'm', 'md5'),
    lambda: _hashlib.hmac_new(b'k', 'm', 'md5'), lambda: _hashlib.hmac_new(b'k', b'm', 'nope'),
    lambda: _hashlib.hmac_new(b'k', b'm', 3), lambda: _hashlib.hmac_new(b'k', b'm', hashlib.sha1).name,
    lambda: _hashlib.hmac_new(b'k', b'm', len), lambda: _hashlib.hmac_new(b'k', b'm', 'blake2b').name,
    lambda: _hashlib.hmac_new(b'k', None, 'md5').hexdigest(), lambda: _hashlib.hmac_new(b'k', b'', 'md5'),
    lambda: _hashlib.hmac_digest(b'k', b'm', 'md5'), lambda: _hashlib.hmac_digest(b'k', 'm', 'md5'),
    lambda: hmac.digest(b'k', b'm', 'sha256'), lambda: hmac.new(b'k', b'm', hashlib.sha3_256).name,
    lambda: hmac.compare_digest('abc', 'abc'), lambda: hmac.compare_digest(b'abc', b'abd'),
    lambda: hmac.HMAC(b'k', b'm', 'sha256').copy().digest(),
    lambda: hashlib.pbkdf2_hmac('blake2b', b'p', b's', 3), lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', 0),
    lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', -1), lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', 1, 0),
    lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', 1, 1 << 40), lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', 1 << 40),
    lambda: hashlib.pbkdf2_hmac('nope', b'p', b's', 1), lambda: hashlib.pbkdf2_hmac(3, b'p', b's', 1),
    lambda: hashlib.pbkdf2_hmac('md5', 'p', b's', 1), lambda: hashlib.pbkdf2_hmac('md5', b'p', 's', 1),
    lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', 1.5), lambda: hashlib.pbkdf2_hmac('md5', b'p', b's', 1, 'x'),
    lambda: hashlib.scrypt(b'', salt=b'', n=16, r=1, p=1), lambda: hashlib.scrypt(b'password', salt=b'NaCl', n=64, r=8, p=3),
    lambda: hashlib.scrypt(b'p', salt=b's', n=8, r=3, p=2, dklen=100), lambda: hashlib.scrypt(b'p', salt=b's', n=2, r=200, p=1, dklen=5),
]:
    show(f)
for wrong in [dict(n=1023), dict(n=1), dict(r=0), dict(p=0), dict(maxmem=-1), dict(maxmem=1), dict(dklen=0), dict(n=1 << 18),
              dict(n=1 << 14, maxmem=1 << 24), dict(n=-1), dict(n='x'), dict(n=2.0), dict(n=1 << 70), dict(r=1 << 30),
              dict(n=1 << 16, r=1), dict(maxmem=1 << 31), dict(dklen=1 << 31)]:
    show(lambda: hashlib.scrypt(b'x', **{'salt': b'y', 'n': 2, 'r': 8, 'p': 1, **wrong}))
