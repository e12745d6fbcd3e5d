"""Runs one module of CPython's test package and marks each test method's end on standard output."""
import sys
import unittest


def mark(kind, test):
    sys.__stdout__.write(f'\x01{kind} {test.id()}\n')
    sys.__stdout__.flush()


class Marker(unittest.TestResult):
    def addSuccess(self, test):
        mark('ok', test)

    def addUnexpectedSuccess(self, test):
        mark('ok', test)

    def addFailure(self, test, err):
        mark('fail', test)

    def addError(self, test, err):
        mark('fail', test)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            mark('fail', test)


def names(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from names(item)
        else:
            yield item.id()


module = __import__('test.' + sys.argv[1], fromlist=['test'])
suite = unittest.defaultTestLoader.loadTestsFromModule(module)
sys.__stdout__.write(''.join(f'\x01has {name}\n' for name in names(suite)))
suite.run(Marker())
sys.__stdout__.write('\x01done\n')
sys.__stdout__.flush()
