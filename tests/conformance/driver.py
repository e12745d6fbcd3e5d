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


module = __import__('test.' + sys.argv[1], fromlist=['test'])
unittest.defaultTestLoader.loadTestsFromModule(module).run(Marker())
