import a.b, c.d as e
from . import f
from .g import h as i, j
from k import *
