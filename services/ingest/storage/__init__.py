"""The inbox, the vault and the reference tables: SQL in plain sight, one subject a file."""
