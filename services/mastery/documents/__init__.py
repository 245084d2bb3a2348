"""The documents that decide: frameworks, scales and policies, read strictly, kept canonically, named by digest."""
