x = "\ud800\n\N{BULLET}\x41"
