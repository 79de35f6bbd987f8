"""A certificate authority for one demo, so that a phone gives a page its camera.

Browsers open the camera for https only (Secure Contexts). The authority's key never touches the
disk; its certificate is handed out over plain http, checked by the fingerprint shown here.
"""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import segno
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFE = datetime.timedelta(days=7)


class NoAddress(OSError):
    """This machine's address in the local network wasn't found."""


@dataclass(frozen=True, slots=True)
class Phone:
    """What a phone needs to reach this demo, and what the server needs to let it in."""

    url: str
    steps: str
    environment: dict[str, str]


def prepare(folder: Path, *, address: str, port: int) -> Phone:
    """Make the certificates in the folder and return how a phone gets in."""
    host = address or _own_address()
    authority = _Authority.generate()
    (folder / "authority.crt").write_bytes(authority.certificate.public_bytes(_PEM))
    key, certificate = authority.issue(host)
    (folder / "server.crt").write_bytes(certificate)
    key_file = folder / "server.key"
    key_file.touch(mode=0o600)
    key_file.write_bytes(key)
    pass_word = secrets.token_urlsafe(12)
    url = f"https://{host}:{port}"
    enter = f"{url}/demo/enter/{pass_word}/"
    return Phone(
        url=url,
        steps=_steps(enter, url=url, authority=authority, folder=folder),
        environment={
            "SAFELIGHT_DEMO_TLS": str(folder),
            "SAFELIGHT_DEMO_PASS": pass_word,
        },
    )


_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class _Authority:
    """A key and a certificate that may sign for one address only, for a week."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def generate(cls) -> _Authority:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Safelight demo, this week")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        builder = _builder(name, name, key.public_key())
        certificate = (
            builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    def issue(self, host: str) -> tuple[bytes, bytes]:
        """Return a server's key and its certificate chain, as PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        served = [_general_name(host), x509.DNSName("localhost")]
        usage = x509.KeyUsage(True, False, False, False, False, False, False, False, False)
        certificate = (
            _builder(self.certificate.subject, name, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName(served), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        secret = key.private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain = certificate.public_bytes(_PEM) + self.certificate.public_bytes(_PEM)
        return secret, chain

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 fingerprint in groups, as phones show it."""
        return self.certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _builder(
    issuer: x509.Name, subject: x509.Name, public: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LIFE)
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _own_address() -> str:
    """Return this machine's address in the network that a phone shares; nothing is sent."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))
        found = str(probe.getsockname()[0])
    except OSError as error:
        raise NoAddress("no address in a network was found; name it: --phone ADDRESS") from error
    finally:
        probe.close()
    return found


def _steps(enter: str, *, url: str, authority: _Authority, folder: Path) -> str:
    drawn = _drawn(enter)
    return f"""
On the phone, in the same network:
  1. Scan this code, or open {enter}
     The phone warns: it doesn't know this demo's certificate yet. Go on once, to load it:
     {url}/demo/authority.crt
{drawn}
  2. iPhone: Settings, "Profile downloaded", Install; then General, About, Certificate Trust
     Settings, switch on "Safelight demo, this week".
     Android: Settings, Security, More, Install a certificate, CA certificate.
     Compare the fingerprint (SHA-256) before you trust it:
     {authority.fingerprint}
  3. Open the code again. Remove the certificate when you are done: it ends by itself in a week.
  The same file is here: {folder / "authority.crt"}
"""


def _drawn(text: str) -> str:
    """Return the QR code in half blocks, dark on light, for a terminal."""
    rows = [list(row) for row in segno.make(text, error="l", micro=False).matrix_iter(border=2)]
    if len(rows) % 2:
        rows.append([0] * len(rows[0]))
    signs = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    lines = (
        "".join(signs[(int(bool(up)), int(bool(low)))] for up, low in zip(top, bottom, strict=True))
        for top, bottom in zip(rows[::2], rows[1::2], strict=True)
    )
    return "\n".join(f"     {line}" for line in lines)
