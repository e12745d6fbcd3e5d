"""A first program: output as it comes, then the value of the last expression."""
from collections import Counter

text = 'the hundred heads are the cores'
print('counting letters of:', text)
dict(Counter(text.replace(' ', '')).most_common(3))
