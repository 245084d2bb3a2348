"""One wire format a file: bytes in, documents or named refusals out."""
