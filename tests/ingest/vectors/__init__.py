"""Wire vectors: rows of input and what must come of them."""
