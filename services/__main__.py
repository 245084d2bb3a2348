"""Dispatch only: `wayproof` is `python -m services`."""

from services.cli.dispatch import main

if __name__ == "__main__":
    main(prog_name="wayproof")
