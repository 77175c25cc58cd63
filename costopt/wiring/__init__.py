"""Between the commands and the floors: puts the real parts into the ports.

`cli` and `api` both need the same plumbing (read, load, price, audit), so it stands here once
rather than in either of them.
"""
