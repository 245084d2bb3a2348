"""This process, as others are told of it."""

import os
import socket


def this_process() -> str:
    """Who holds a fence or a lease, for whoever looks: host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
