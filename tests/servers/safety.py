"""A broker that demands TLS and a password: its certificate, its users, and its settings for both."""

from __future__ import annotations

import ipaddress
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tests.servers.places import write

MECHANISM = "SCRAM-SHA-512"
VALID = timedelta(days=2)
SCRAM_MODULE = "org.apache.kafka.common.security.scram.ScramLoginModule"


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own."""

    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def _name(self) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Wayproof tests")])

    def certificate(self) -> str:
        """What clients are told to trust, as PEM."""
        made = self._draft(self._name, self.key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        return made.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def issue(self, address: str = "127.0.0.1") -> tuple[str, str]:
        """A private key and a certificate for an address, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        made = self._draft(name, key).add_extension(alternative, critical=False).sign(self.key, hashes.SHA256())
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        return private, made.public_bytes(Encoding.PEM).decode()

    def _draft(self, name: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
        return builder.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + VALID)


@dataclass(frozen=True)
class Safety:
    """What a broker demands and what it knows: `user` and `password` are what its clients say."""

    user: str = "wayproof"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    authority: Authority = field(default_factory=Authority)
    listener: str = "SASL_SSL"

    def format_options(self) -> list[str]:
        """For the storage tool: the one user, known from the first moment."""
        return ["--add-scram", f"{MECHANISM}=[name={self.user},password={self.password}]"]

    def settings(self, folder: Path) -> dict[str, str]:
        """For the broker: its certificate, and the login it uses itself."""
        key, certificate = self.authority.issue()
        login = f'{SCRAM_MODULE} required username="{self.user}" password="{self.password}";'
        listener = f"listener.name.{self.listener.lower()}"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(write(folder / "broker.pem", key + certificate)),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(write(folder / "authority.pem", self.authority.certificate())),
            "sasl.enabled.mechanisms": MECHANISM,
            "sasl.mechanism.inter.broker.protocol": MECHANISM,
            f"{listener}.{MECHANISM.lower()}.sasl.jaas.config": login,
        }
