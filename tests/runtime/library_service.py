"""A small service for the tests of the process around one: `python -m tests.runtime.library_service DATA [FAULT]`."""

import sys
import threading
import time
from pathlib import Path

from fastapi import APIRouter

from services.runtime import telemetry
from services.runtime.app import Service, create_app, serve
from services.runtime.folder_lock import lock_folder
from services.runtime.settings import RuntimeSettings

router = APIRouter()
data, fault = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""


@router.get("/slow")
def get_slow() -> dict[str, str]:
    """A request that takes a while."""
    (data / "asked").touch()
    time.sleep(1.0)
    return {"answer": "whole"}


@router.get("/large")
def get_large() -> dict[str, str]:
    """An answer that no socket takes whole."""
    return {"answer": "large" * 100_000}


class Shelver:
    """A worker whose transaction takes a while, and which may die or leave early."""

    name = "shelver"

    def run(self, stop: threading.Event) -> None:
        if fault:
            time.sleep(0.3)
        if fault == "dies":
            raise RuntimeError("Maria Secret")
        if fault == "leaves":
            return
        stop.wait()
        time.sleep(30 if fault == "hangs" else 0.3)
        with (data / "done").open("a") as done:
            done.write("worker finished\n")


def close() -> None:
    with (data / "done").open("a") as done:
        done.write("closed\n")


def main() -> int:
    telemetry.configure("library")
    lock_folder(data)
    quick = {"header_timeout_s": 1.0, "keep_alive_timeout_s": 1, "answer_timeout_s": 1.0, "stop_timeout_s": 2}
    settings = RuntimeSettings(data_dir=data, header_bytes_max=8192, **quick)
    app = create_app("library", [router], ready=dict, access=None)
    return serve(Service("library", app, [Shelver()], close=close), settings)


if __name__ == "__main__":
    sys.exit(main())
