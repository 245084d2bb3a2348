"""xAPI clients that nobody here wrote, driven against the real service."""
