"""What the ingest service is told when it starts."""

from typing import ClassVar

from pydantic import Field

from services.runtime.settings import RuntimeSettings


class IngestSettings(RuntimeSettings):
    """The ingest service's own settings."""

    SERVICE: ClassVar[str] = "ingest"

    port: int = Field(8801, ge=0, le=65535, description="The port the ingest service listens on.")
    event_bytes_max: int = Field(64 * 1024, ge=1024, description="The largest webhook or observation.")
    batch_bytes_max: int = Field(5 * 1024 * 1024, ge=1024, description="The largest request of stream lines.")
    file_bytes_max: int = Field(50 * 1024 * 1024, ge=1024, description="The largest file or roster.")
    table_bytes_max: int = Field(512 * 1024 * 1024, ge=1024, description="The largest CSV: it is never held whole.")
    file_timeout_s: float = Field(300.0, gt=0, le=3600, description="The longest a file or roster may take to arrive.")
    work_waiting_max: int = Field(4096, ge=1, description="Requests waiting for a commit; beyond it, 503.")
    backlog_bytes_max: int = Field(
        256 * 1024 * 1024, ge=1024, description="Bytes taken that are not on the log yet; beyond it, 503."
    )
    import_rows_max: int = Field(100, ge=1, le=5000, description="Rows of a file settled in one transaction.")
    removals_max: int = Field(50, ge=0, description="Records one complete package removes without asking a person.")
    removals_max_percent: int = Field(10, ge=0, le=100, description="And which share of what its source said before.")
