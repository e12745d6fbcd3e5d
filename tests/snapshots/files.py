# Files, and where the program is among them.
import os, pathlib
os.makedirs('data/deep')
pathlib.Path('data/a.txt').write_text('one\ntwo\n')
pathlib.Path('/tmp/b').write_bytes(bytes(range(256)) * 300)
os.utime('data/a.txt', (7, 1234567890.5))
os.chmod('data/a.txt', 0o600)
os.chdir('data')
where = pathlib.Path('a.txt')
#: cut
print(os.getcwd(), sorted(os.listdir('.')), os.listdir('deep'), os.listdir('/'))
print(where.read_text().split(), os.stat('a.txt').st_mtime, oct(os.stat('a.txt').st_mode))
print(len(open('/tmp/b', 'rb').read()), open('/tmp/b', 'rb').read(300)[255:258])
where.write_text('three')
#: cut
print(where.read_text(), os.getcwd())
