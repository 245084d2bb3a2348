"""The independent ledger: keeps what was sent and answered, and reckons standings from that alone.

It shares no code with the services (a test forbids the import), so that both must be wrong alike to agree.
"""
