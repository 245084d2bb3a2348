"""Declarative mappings: how one source's documents are read as claims, as data, compiled once."""
