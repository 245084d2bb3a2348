"""Brokers that demand TLS and a password: who may come in, and that the password is told to nobody else."""

import io
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from services.runtime.log.kafka import Connection
from services.runtime.log.opening import connection, open_log
from services.runtime.log.port import LogUnavailable
from services.runtime.settings import RuntimeSettings, SettingsRefused, load
from services.runtime.telemetry import JsonLines
from tests.conformance.logs import PARTITIONS, PRODUCER, TOPIC, outgoing, read_all, sent
from tests.kafka.own import opened
from tests.servers import Broker
from tests.servers.safety import Authority, Safety

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def broker():
    with Broker(safety=Safety()) as broker:
        yield broker.start()


@pytest.fixture
def settings(broker, tmp_path, monkeypatch) -> RuntimeSettings:
    """As an operator says them."""
    (tmp_path / "authority.pem").write_text(broker.safety.authority.certificate())
    (tmp_path / "password").write_text(broker.safety.password + "\n")
    said = {
        "LOG_URL": f"kafka+tls://{broker.bootstrap}",
        "LOG_CA_FILE": str(tmp_path / "authority.pem"),
        "LOG_USERNAME": broker.safety.user,
        "LOG_PASSWORD_FILE": str(tmp_path / "password"),
    }
    for name, value in said.items():
        monkeypatch.setenv(f"WAYPROOF_{name}", value)
    return load(RuntimeSettings)


@pytest.fixture
def heard():
    """Everything anybody logs, as a service would write it were the library allowed to say all it wants.

    The library itself writes its whole configuration with the password at its lowest level.
    """
    stream, root, library = io.StringIO(), logging.getLogger(), logging.getLogger("kafka")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines("test"))
    levels = root.level, library.level
    root.setLevel(logging.DEBUG)
    library.setLevel(logging.DEBUG)
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)
    root.setLevel(levels[0])
    library.setLevel(levels[1])


def test_over_tls_and_with_the_password_records_come_and_go(settings, broker, heard):
    with opened("", connection=connection(settings)) as log:
        log.writer(TOPIC, PRODUCER).append(outgoing(0, 1, 10))
        assert sent(read_all(log, {0: 0}, 10)) == sent(outgoing(0, 1, 10))
    with_settings = open_log(settings)
    assert with_settings.ends(TOPIC)[0] == 10
    with_settings.close()
    assert "Starting KafkaAdminClient" in heard.getvalue()
    assert broker.safety.password not in heard.getvalue()


def is_refused(reached: Connection) -> bool:
    """Whether nothing can be made there; the client tries for as long as its patience lasts."""
    try:
        with opened("", connection=reached):
            return False
    except LogUnavailable:
        return True


def test_whoever_cannot_prove_it_is_refused_and_learns_nothing(settings, broker, tmp_path, heard):
    right = connection(settings)
    (tmp_path / "other.pem").write_text(Authority().certificate())
    wrong = {
        "password": replace(right, password="guessed-by-somebody"),
        "user": replace(right, username="somebody"),
        "authority": replace(right, ca_file=tmp_path / "other.pem"),
        "no TLS": Connection(right.bootstrap),
        "no password": Connection(right.bootstrap, True, right.ca_file),
    }
    with ThreadPoolExecutor(len(wrong)) as at_once:
        refused = dict(zip(wrong, at_once.map(is_refused, wrong.values()), strict=True))
    assert refused == dict.fromkeys(wrong, True)
    assert broker.safety.password not in heard.getvalue()
    assert "guessed-by-somebody" not in heard.getvalue()


def test_the_password_is_not_shown_with_the_connection_or_the_settings(settings, broker):
    said = f"{connection(settings)!r} {settings!r} {settings.model_dump()}"
    assert broker.safety.user in said
    assert broker.safety.password not in said


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"log_url": "kafka://"}, "WAYPROOF_LOG_URL: say `embedded`"),
        ({"log_url": "kafka://broker"}, "WAYPROOF_LOG_URL: say `embedded`"),
        ({"log_url": "kafka://user:secret@broker:9092"}, "WAYPROOF_LOG_URL: say `embedded`"),
        ({"log_url": "amqp://broker:5672"}, "WAYPROOF_LOG_URL: say `embedded`"),
        ({"log_url": "kafka://broker:9092"}, r"needs WAYPROOF_LOG_URL to say `kafka\+tls://`"),
        ({"log_url": "embedded"}, r"needs WAYPROOF_LOG_URL to say `kafka\+tls://`"),
        ({"log_ca_file": "/nowhere/authority.pem"}, "WAYPROOF_LOG_CA_FILE"),
        ({"log_topic_prefix": "a topic "}, "WAYPROOF_LOG_TOPIC_PREFIX"),
    ],
)
def test_what_cannot_be_meant_is_refused_at_the_start_and_not_repeated(settings, said, why):
    with pytest.raises(SettingsRefused, match=why) as refused:
        load(RuntimeSettings, **said)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("left_out", ["WAYPROOF_LOG_PASSWORD_FILE", "WAYPROOF_LOG_USERNAME"])
def test_a_name_without_its_password_is_refused_and_the_other_way_round(settings, monkeypatch, left_out):
    monkeypatch.delenv(left_out)
    with pytest.raises(SettingsRefused, match="are said together"):
        load(RuntimeSettings)


def test_the_brokers_may_be_several_and_have_addresses_of_either_kind(settings):
    found = load(RuntimeSettings, log_url="kafka+tls://a.example:9092,[::1]:9093")
    assert found.log_brokers == (True, ("a.example:9092", "[::1]:9093"))
    assert found.log_partitions == PARTITIONS
