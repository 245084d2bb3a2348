"""The fault harness: real processes and servers, killed, cut off, starved and lied to; a ledger says what must hold."""
