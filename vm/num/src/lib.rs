//! Numbers: integers, floats, decimals and their text forms.
