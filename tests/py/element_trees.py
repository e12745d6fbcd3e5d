"""Trees of elements: made, changed, searched, copied, written and read."""
import copy
import io
import pickle
import xml.etree.ElementTree as ET

import _elementtree

print(ET.Element is _elementtree.Element, ET.XMLParser.__module__)
TEXT = """<?xml version="1.0"?><!DOCTYPE r><r xmlns="urn:d" xmlns:p="urn:p" a="1" p:b="2">one<!--c--><?t d?>two<p:c/>
<c x="&lt;&amp;">three<d/>four</c>&#65;</r>"""
events = list(ET.iterparse(io.StringIO(TEXT), ("start", "end", "comment", "pi", "start-ns", "end-ns")))
print([(kind, e if isinstance(e, tuple) or e is None else (e.tag if isinstance(e.tag, str) else e.text)) for kind, e in events])
root = ET.fromstring(TEXT)
print(root.attrib, list(root.itertext()), [e.tag for e in root.iter()], root.find("{urn:d}c").get("x"))
print(ET.tostring(root), ET.tostring(copy.deepcopy(root)) == ET.tostring(root) == ET.tostring(pickle.loads(pickle.dumps(root))))
e = ET.Element("e", {"k": "v"}, z="w")
for name in "abcde":
    ET.SubElement(e, name).text = name
e[1:3] = [ET.Element("n")]
del e[0], e[-1]
e.insert(-1, ET.Element("i"))
e.extend([ET.Element("x"), ET.Element("y")])
e.remove(e[0])
print(len(e), [c.tag for c in e], e.keys(), e.items(), e.find("d").text, e.findtext("d"), e.findtext("q", "none"), e.findall("*")[0].tag)
for f in (lambda: e.append(1), lambda: e[9], lambda: e["a"], lambda: ET.Element(), lambda: ET.Element("a", 1), lambda: e.remove(ET.Element("a")),
          lambda: ET.fromstring("<a><b></a>"), lambda: ET.fromstring("<a>&x;</a>"), lambda: ET.fromstring("<a/><b/>"), lambda: ET.fromstring(""),
          lambda: setattr(e, "attrib", 1), lambda: delattr(e, "tag"), lambda: ET.TreeBuilder().end("a")):
    try:
        print(f())
    except Exception as x:
        print(type(x).__name__, x, getattr(x, "code", None), getattr(x, "position", None))


class Target:
    def start(self, tag, attrib):
        print("start", tag, attrib)

    def end(self, tag):
        print("end", tag)

    def data(self, text):
        print("data", repr(text))

    def close(self):
        return "closed"


parser = ET.XMLParser(target=Target())
parser.feed("<a b='1'>x")
parser.feed("<c/></a>")
print(parser.close())
