"""Mappings of the senders the tests speak for, as a district would write them."""
