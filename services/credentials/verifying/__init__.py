"""Verifying a credential offline, anyone's, with bounded cost."""
