#: regular expression that backtracks | WALL_TIME
import re
#: go
re.match(r'(a+)+$', 'a' * 60 + 'b')

#: regular expression with groups that backtrack | WALL_TIME
import re
#: go
re.match(r'(.*)(.*)(.*)(.*)(.*)(.*)(.*)[^.]x', 'a' * 5000)

#: regular expression with alternatives | WALL_TIME
import re
#: go
re.match(r'(?:a|aa|aaa)*$', 'a' * 80 + 'b')

#: regular expression that looks back | WALL_TIME
import re
#: go
while True: re.search(r'(?<=ab)c(?!d)', 'ab' * 100_000)

#: regular expression that repeats too often | EXCEPTION OverflowError or EXCEPTION PatternError or COMPLETED
import re
re.compile('a{99999999999999999999}')

#: regular expression that grows when compiled | WALL_TIME or MEMORY or COMPLETED or EXCEPTION PatternError
import re
re.compile('((((((((a{100}){100}){100}){100}){100}){100}){100}){100})')

#: substitution that grows | MEMORY
import re
re.sub('a', 'b' * 100_000, 'a' * 100_000)

#: substitution whose function loops | WALL_TIME
import re
#: go
re.sub('a', lambda m: sum(0 for _ in iter(int, 1)), 'aaa')

#: sort whose key never ends | WALL_TIME
sorted([3, 2, 1], key=lambda i: sum(0 for _ in iter(int, 1)))

#: sort whose comparison never ends | WALL_TIME
class A:
    def __lt__(self, o):
        while True: pass
sorted([A(), A()])

#: sort whose comparison changes the list | EXCEPTION ValueError
x = []
class A:
    def __lt__(self, o):
        x.append(1)
        return True
x[:] = [A(), A(), A()]
x.sort()

#: sort of much | WALL_TIME
x = [(i * 7919) % 1_000_003 for i in range(100_000)]
#: go
while True: sorted(x)

#: sort whose comparison lies | COMPLETED
import random
class A:
    def __lt__(self, o): return random.random() < 0.5
sorted([A() for _ in range(2000)])[:0]

#: json of much | WALL_TIME or MEMORY
import json
x = list(range(100_000))
#: go
while True: json.dumps(x)

#: json text of much | WALL_TIME or MEMORY
import json
s = '[' + '1,' * 100_000 + '1]'
#: go
while True: json.loads(s)

#: json whose default loops | WALL_TIME
import json
#: go
json.dumps(object(), default=lambda o: sum(0 for _ in iter(int, 1)))

#: json in circles | EXCEPTION ValueError
import json
x = []
x.append(x)
json.dumps(x)

#: json with numbers beyond measure | EXCEPTION ValueError
import json
json.loads('1' * 100_000)

#: difference of long texts | WALL_TIME
import difflib
#: go
difflib.SequenceMatcher(None, 'ab' * 5000, 'ba' * 5000, False).ratio()

#: file name patterns that backtrack | WALL_TIME or COMPLETED
import fnmatch
#: go
fnmatch.fnmatch('a' * 5000, '*a' * 500 + 'b')

#: csv of much | WALL_TIME or MEMORY or EXCEPTION Error
import csv, io
s = 'a,b\n' * 500_000
#: go
while True: list(csv.reader(io.StringIO(s)))

#: xml with entities in entities | MEMORY or EXCEPTION ParseError or EXCEPTION ImportError or EXCEPTION ModuleNotFoundError
import xml.etree.ElementTree as E
d = '<!DOCTYPE a [<!ENTITY e0 "' + 'x' * 1000 + '">'
for i in range(1, 10): d += f'<!ENTITY e{i} "' + f'&e{i-1};' * 10 + '">'
E.fromstring(d + ']><a>&e9;</a>')

#: xml from a file of the host | EXCEPTION ParseError or EXCEPTION ImportError or EXCEPTION ModuleNotFoundError
import xml.etree.ElementTree as E
E.fromstring('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>').text

#: normalization of much | WALL_TIME
import unicodedata
s = 'é' * 100_000
#: go
while True: unicodedata.normalize('NFD', s)

#: text wrapped without end | WALL_TIME
import textwrap
s = 'ab ' * 100_000
#: go
while True: textwrap.fill(s, 3)

#: format that walks through attributes | EXCEPTION AttributeError
'{0.__class__.__init__.__globals__}'.format(7)

#: template that walks through attributes | EXCEPTION ValueError or EXCEPTION KeyError
import string
string.Template('$x.__class__ ${y.z}').substitute(x=1)
