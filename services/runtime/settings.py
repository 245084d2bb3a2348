"""Settings from the environment and one optional file; each names its unit, says what it means, and is checked.

First wins: an argument, `WAYPROOF_<SERVICE>_<NAME>`, `WAYPROOF_<NAME>`, the file's `[<service>]` table, its top level.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, FilePath, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, EnvSettingsSource, InitSettingsSource, PydanticBaseSettingsSource
from pydantic_settings import SettingsConfigDict as Config

PREFIX = "WAYPROOF_"
FILE_VARIABLE = "WAYPROOF_SETTINGS"
EMBEDDED = "embedded"
BROKER = r"(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9._-]+):[0-9]{1,5}"
LOG_URL = re.compile(rf"kafka(?P<tls>\+tls)?://(?P<brokers>{BROKER}(?:,{BROKER})*)/?")


class SettingsRefused(Exception):
    """The settings cannot be used; says which and why, never what they hold."""


class RuntimeSettings(BaseSettings):
    """What every service is told when it starts."""

    SERVICE: ClassVar[str] = ""  # a service's settings say its name here
    model_config = Config(env_prefix=PREFIX, frozen=True, extra="forbid", validate_default=True)

    environment: Literal["development", "production"] = Field(
        "development", description="Production refuses a stepped clock and seeded ids."
    )
    data_dir: Path = Field(Path("data"), description="The folder that holds every store, log and key of this machine.")
    host: str = Field("127.0.0.1", description="The address the services listen on.")
    port: int = Field(0, ge=0, le=65535, description="The port a service listens on; 0 takes a free one.")
    log_partitions: int = Field(
        4, ge=1, le=1024, description="Partitions of every topic; fixed when the data folder is first used."
    )
    log_url: str = Field(
        EMBEDDED,
        description="Where the log is: `embedded` in the data folder, `kafka://HOST:PORT,…`, or `kafka+tls://…`.",
    )
    log_ca_file: FilePath | None = Field(
        None, description="PEM of the authority that signed the brokers' certificates; the system's when not said."
    )
    log_username: str | None = Field(None, description="Who we are to the brokers, proved by SCRAM-SHA-512 over TLS.")
    log_password_file: FilePath | None = Field(None, description="A file with the password of `log_username` alone.")
    log_topic_prefix: str = Field(
        "", pattern=r"^[A-Za-z0-9._-]{0,100}$", description="Put before the name of every topic on Kafka."
    )
    log_delivery_timeout_s: float = Field(
        10.0, ge=6, le=300, description="How long an append to Kafka is tried before it fails and is repeated."
    )
    store_url: SecretStr | None = Field(
        None, description="`postgresql://USER@HOST/DATABASE` of the services' stores; none: SQLite in the data folder."
    )
    keys_url: SecretStr | None = Field(
        None, description="The key store's database, when it is not that of `store_url`."
    )
    ring_url: SecretStr | None = Field(
        None, description="The database of the tenants' wrap keys, when it is not the key store's; backed up apart."
    )
    access_url: SecretStr | None = Field(
        None, description="The access register's database, when it is not that of `store_url`."
    )
    store_password_file: FilePath | None = Field(
        None, description="A file with the password for those of these URLs that say none."
    )
    master_key_file: Path | None = Field(
        None,
        description="The 32 bytes that wrap every tenant's key; else `keys/master.key` in the data folder.",
    )
    clock_file: Path | None = Field(None, description="A file with the time to go by: the demo's stepped clock.")
    ids_seed: str | None = Field(None, description="Makes ids and keys repeat: for the demo only.")
    lease_s: float = Field(
        10.0, ge=1, le=300, description="How long a process that says nothing keeps its partitions; on PostgreSQL."
    )
    heartbeat_s: float = Field(2.0, ge=0.1, le=60, description="How often a process says that it lives.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    known_to_interval_s: float = Field(
        5.0, gt=0, le=3600, description="How often an idle partition says up to when its answers are final."
    )
    poll_timeout_s: float = Field(0.5, gt=0, le=60, description="The longest one look at the log waits for records.")
    batch_size_max: int = Field(500, ge=1, le=10_000, description="The most log records decided in one transaction.")
    header_bytes_max: int = Field(32 * 1024, ge=1024, description="The largest request line and headers together.")
    header_timeout_s: float = Field(10.0, gt=0, le=300, description="The longest request headers may take to arrive.")
    body_timeout_s: float = Field(20.0, gt=0, le=300, description="The longest a request's body may take to arrive.")
    answer_timeout_s: float = Field(
        20.0, gt=0, le=300, description="How long a connection is kept of which nothing of the answer is read."
    )
    keep_alive_timeout_s: int = Field(15, ge=1, le=3600, description="How long an idle connection is kept.")
    connections_max: int = Field(1000, ge=1, description="Connections and requests at once; beyond it, 503.")
    stop_timeout_s: int = Field(20, ge=1, le=600, description="How long requests and workers may take to finish.")

    @model_validator(mode="after")
    def _production_is_real(self) -> Self:
        """Nobody's record rests on a clock that stands still or on ids that can be foretold."""
        for name in ("clock_file", "ids_seed"):
            if self.environment == "production" and getattr(self, name) is not None:
                raise ValueError(f"{PREFIX}{name.upper()} is for the demo; production refuses it")
        return self

    @model_validator(mode="after")
    def _a_lost_heartbeat_costs_no_lease(self) -> Self:
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError(f"{PREFIX}HEARTBEAT_S is at most half of {PREFIX}LEASE_S")
        return self

    @field_validator("log_url")
    @classmethod
    def _log_is_known(cls, url: str) -> str:
        if url != EMBEDDED and not LOG_URL.fullmatch(url):
            raise ValueError("say `embedded`, `kafka://HOST:PORT,HOST:PORT` or `kafka+tls://HOST:PORT`")
        return url

    @model_validator(mode="after")
    def _password_is_never_said_in_clear(self) -> Self:
        """Only over TLS, and only from a file: an environment is shown to too many."""
        if (self.log_username is None) != (self.log_password_file is None):
            raise ValueError(f"{PREFIX}LOG_USERNAME and {PREFIX}LOG_PASSWORD_FILE are said together")
        if self.log_username is not None and not (self.log_brokers and self.log_brokers[0]):
            raise ValueError(f"{PREFIX}LOG_USERNAME needs {PREFIX}LOG_URL to say `kafka+tls://`")
        return self

    @field_validator("store_url", "keys_url", "ring_url", "access_url")
    @classmethod
    def _database_is_known(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("say `postgresql://USER@HOST/DATABASE`")
        return url

    @property
    def log_brokers(self) -> tuple[bool, tuple[str, ...]] | None:
        """Whether by TLS, and the brokers to begin with; none with the embedded log."""
        if (said := LOG_URL.fullmatch(self.log_url)) is None:
            return None
        return said["tls"] is not None, tuple(said["brokers"].split(","))

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: Any
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        common, own = _read_file(cls)
        prefixes = [f"{PREFIX}{cls.SERVICE.upper()}_"] * bool(cls.SERVICE) + [PREFIX]
        from_environment = [EnvSettingsSource(settings_cls, env_prefix=prefix) for prefix in prefixes]
        return init_settings, *from_environment, *(InitSettingsSource(settings_cls, said) for said in (own, common))


Settings = TypeVar("Settings", bound=RuntimeSettings)


def load(kind: type[Settings], **said: Any) -> Settings:
    """The settings of this process; raises SettingsRefused with a line for each that cannot be used.

    `said` comes before the environment and the file; what is None in it was not said.
    """
    try:
        return kind(**{name: value for name, value in said.items() if value is not None})
    except ValidationError as error:
        raise SettingsRefused("\n".join(_line(kind, fault) for fault in error.errors())) from None


def variable(kind: type[RuntimeSettings], name: str) -> str:
    """The environment variable of a setting: a service's own settings carry its name."""
    shared = name in RuntimeSettings.model_fields and name != "port"
    return f"{PREFIX}{name.upper()}" if shared else f"{PREFIX}{kind.SERVICE.upper()}_{name.upper()}"


def _line(kind: type[RuntimeSettings], fault: Any) -> str:
    name = str(fault["loc"][0]) if fault["loc"] else ""
    said = fault["msg"].removeprefix("Value error, ")
    return f"{variable(kind, name)}: {said}" if name else said


def _read_file(kind: type[RuntimeSettings]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The file's common settings and those in this service's table; a name nobody knows is refused."""
    if not (named := os.environ.get(FILE_VARIABLE)):
        return {}, {}
    try:
        said = tomllib.loads(Path(named).read_text())
    except (OSError, ValueError) as error:
        raise SettingsRefused(f"{FILE_VARIABLE}: the file cannot be read ({type(error).__name__})") from None
    common = {name: value for name, value in said.items() if not isinstance(value, dict)}
    own = said.get(kind.SERVICE, {})
    unknown = sorted(common.keys() - RuntimeSettings.model_fields.keys()) + sorted(
        own.keys() - kind.model_fields.keys()
    )
    if unknown:
        raise SettingsRefused(f"{FILE_VARIABLE}: unknown settings {', '.join(unknown)}")
    return common, own
