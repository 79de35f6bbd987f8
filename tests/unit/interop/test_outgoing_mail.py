"""Mail reaches a real server, over TLS, or the sender hears that it didn't."""

import asyncio
import datetime as dt
import email
import socket
import ssl
import threading
from email import policy

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from safelight.interop import mail as mails
from safelight.interop.mail import MailNotSent, NotAnAddress, OutgoingMail, Tls, send

NOW = dt.datetime(2026, 11, 22, 10, 0, tzinfo=dt.UTC)
MAIL = OutgoingMail(
    sender="safelight@practice.example",
    to="dermatologist@hospital.example",
    subject="A picture waits for your opinion",
    text="Open it here:\nhttps://share.example/s#abc\n",
)


class Inbox:
    """Keeps what it is sent, and refuses what it is told to refuse."""

    def __init__(self):
        self.messages, self.refuse = [], None

    async def handle_DATA(self, server, session, envelope):
        if self.refuse:
            return self.refuse
        self.messages.append(email.message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2120, 1, 1, tzinfo=dt.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    path = certificate(tmp_path_factory.mktemp("tls"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cafile=str(path))


@pytest.fixture
def serve():
    loop, servers = asyncio.new_event_loop(), []
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    def start(*, wrapped=None, **options):
        inbox = Inbox()

        async def listen():
            return await loop.create_server(
                lambda: SMTP(inbox, hostname="localhost", loop=loop, **options),
                "localhost",
                0,
                family=socket.AF_INET,
                ssl=wrapped,
            )

        servers.append(asyncio.run_coroutine_threadsafe(listen(), loop).result(10))
        return inbox, servers[-1].sockets[0].getsockname()[1]

    yield start
    for server in servers:
        loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def only(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (b"practice", b"a long pass phrase")
    return AuthResult(success=right, handled=False)


def test_a_mail_arrives_over_starttls_with_a_name_and_password(serve, tls):
    inbox, port = serve(
        tls_context=tls[0], require_starttls=True, authenticator=only, auth_required=True
    )
    send(
        MAIL,
        host="localhost",
        port=port,
        username="practice",
        password="a long pass phrase",
        now=NOW,
        trust=tls[1],
    )
    (message,) = inbox.messages
    assert message["To"] == MAIL.to
    assert message["From"] == MAIL.sender
    assert message["Subject"] == MAIL.subject
    assert message["Date"].datetime == NOW
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@practice.example>")
    assert message.get_content().replace("\r\n", "\n") == MAIL.text
    assert message.get_content_type() == "text/plain"


def test_a_mail_arrives_without_tls_only_where_that_is_said(serve):
    inbox, port = serve()
    send(MAIL, host="localhost", port=port, tls=Tls.NONE, now=NOW)
    assert len(inbox.messages) == 1
    with pytest.raises(MailNotSent):
        send(MAIL, host="localhost", port=port, now=NOW)
    assert len(inbox.messages) == 1


def test_a_mail_arrives_over_a_connection_that_is_tls_from_the_start(serve, tls):
    inbox, port = serve(wrapped=tls[0])
    send(MAIL, host="localhost", port=port, tls=Tls.WRAPPED, now=NOW, trust=tls[1])
    assert len(inbox.messages) == 1


@pytest.mark.parametrize("protection", [Tls.STARTTLS, Tls.WRAPPED])
def test_a_server_that_nobody_vouches_for_gets_nothing(serve, tls, protection):
    options = {"tls_context" if protection is Tls.STARTTLS else "wrapped": tls[0]}
    inbox, port = serve(**options)
    with pytest.raises(MailNotSent, match="SSL"):
        send(MAIL, host="localhost", port=port, tls=protection, now=NOW)
    assert inbox.messages == []


def test_a_wrong_password_is_not_sent(serve, tls):
    inbox, port = serve(
        tls_context=tls[0], require_starttls=True, authenticator=only, auth_required=True
    )
    with pytest.raises(MailNotSent, match="SMTPAuthenticationError") as refused:
        send(
            MAIL,
            host="localhost",
            port=port,
            username="practice",
            password="x",
            now=NOW,
            trust=tls[1],
        )
    assert inbox.messages == []
    assert MAIL.to not in str(refused.value)


def test_a_server_that_refuses_is_heard_and_not_quoted(serve):
    inbox, port = serve()
    inbox.refuse = f"550 {MAIL.to} is unknown here"
    with pytest.raises(MailNotSent) as refused:
        send(MAIL, host="localhost", port=port, tls=Tls.NONE, now=NOW)
    assert MAIL.to not in str(refused.value)
    assert refused.value.__cause__ is None


def test_no_server_is_no_mail():
    with pytest.raises(MailNotSent):
        send(MAIL, host="localhost", port=1, tls=Tls.NONE, now=NOW)


@pytest.mark.parametrize(
    "address",
    ["", "nobody", "@example", "a@", "a b@example", "a@example\r\nBcc: all@example", "é@example"],
)
def test_what_is_no_address_is_refused_before_anything_is_sent(address):
    for mail in (
        OutgoingMail(address, MAIL.to, MAIL.subject, MAIL.text),
        OutgoingMail(MAIL.sender, address, MAIL.subject, MAIL.text),
    ):
        with pytest.raises(NotAnAddress):
            send(mail, host="localhost", port=1, now=NOW)


def test_a_subject_cannot_add_a_header():
    mail = OutgoingMail(MAIL.sender, MAIL.to, "Hello\r\nBcc: all@example", MAIL.text)
    with pytest.raises(NotAnAddress):
        mails.compose(mail, now=NOW)


def test_words_in_any_language_arrive():
    mail = OutgoingMail(MAIL.sender, MAIL.to, "Llun yn aros – ŵy", "Ŵy a phîn-afal\n")
    message = email.message_from_bytes(
        mails.compose(mail, now=NOW).as_bytes(), policy=policy.default
    )
    assert message["Subject"] == mail.subject
    assert message.get_content() == mail.text
