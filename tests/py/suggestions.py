# The names that are meant by misspelt ones.
import _suggestions

suggest = _suggestions._generate_suggestions
print(suggest.__doc__)
for candidates, item in [
    ([], "x"), ((), "x"), (["a"], 1), ([1], "x"), (["abc", "abd"], "abx"), (["a"] * 751, "b"), (["a"] * 750, "A"), (["hello"], "hello"),
    (["helo", "hallo"], "hello"), (["é" * 41], "é" * 40), (["x"], "y"), (["xy"], "xz"), (["bluch"], "blech"), (["BLECH"], "blech"),
    (["noise", "bluch", "blech2"], "blech"), (["aaaaaaaaaa"], "aaaaabbbbb"),
]:
    try:
        print(suggest(candidates, item))
    except TypeError as e:
        print(e)
