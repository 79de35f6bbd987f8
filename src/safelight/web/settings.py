"""Django's settings: everything here follows from `config`, so that one file says it all."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from safelight import policy as _policy
from safelight.web import config as _config

_environ = dict(os.environ)
_TESTING = {"pytest", "mypy"} & sys.modules.keys() and not any(
    name in _environ for name in ("SAFELIGHT_MODE", "SAFELIGHT_HOME", "SAFELIGHT_CONFIG")
)
if _TESTING:
    _home = tempfile.mkdtemp(prefix="safelight-test-")
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
    _environ |= {
        "SAFELIGHT_MODE": "test",
        "SAFELIGHT_HOME": _home,
        "SAFELIGHT_PASSPHRASE": "only made-up pictures are kept here",
    }

CONFIG = _config.read(_environ)

SAFELIGHT_MODE = CONFIG.mode
SAFELIGHT_HOME = CONFIG.home
SAFELIGHT_BLOBS = CONFIG.blobs or CONFIG.home / "blobs"
SAFELIGHT_S3 = _config.s3_place(CONFIG)
SAFELIGHT_KEYS = CONFIG.keys or CONFIG.home / "keys" / "keys.db"
SAFELIGHT_KEYS_URL = CONFIG.keys_url
SAFELIGHT_SEAL = CONFIG.seal or CONFIG.home / "keys" / "seal.json"
SAFELIGHT_KEY_DAYS = CONFIG.key_days
SAFELIGHT_PASSPHRASE = _config.passphrase(CONFIG, _environ)
SAFELIGHT_WORDING = CONFIG.wording
SAFELIGHT_SERVER_URL = CONFIG.server_url.rstrip("/")
SAFELIGHT_IDLE_SECONDS = CONFIG.idle_minutes * 60
SAFELIGHT_PACK_PUBLISHERS = CONFIG.pack_publishers
SAFELIGHT_BEHIND_PROXY = CONFIG.behind_proxy

SECRET_KEY = CONFIG.secret_key or secrets.token_urlsafe(48)
"""`safelight init` writes one. Without it sessions end with the process, and nothing is weaker."""

DEBUG = False
_server = urlsplit(SAFELIGHT_SERVER_URL)
ALLOWED_HOSTS = [_server.hostname or "127.0.0.1"]
if SAFELIGHT_MODE != "practice":
    ALLOWED_HOSTS += ["127.0.0.1", "localhost", "testserver"]
CSRF_TRUSTED_ORIGINS = [SAFELIGHT_SERVER_URL]

INSTALLED_APPS = [
    "safelight.web",
    "safelight.records",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.forms",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "django_tasks",
    "django_tasks_db",
]

MIDDLEWARE = [
    "safelight.web.middleware.Headers",
    "safelight.web.middleware.KnownMethods",
    "safelight.web.middleware.UploadCap",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "safelight.web.middleware.BeingRestored",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "safelight.web.middleware.SameSiteForms",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "safelight.web.middleware.IdleLock",
    "safelight.web.middleware.ClosedByDefault",
]

ROOT_URLCONF = "safelight.web.urls"
WSGI_APPLICATION = "safelight.web.wsgi.application"
HERE = Path(__file__).parent
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "safelight.web.context.house",
            ],
            "builtins": ["safelight.web.templatetags.safelight"],
        },
    }
]
FORM_RENDERER = "safelight.web.forms.Renderer"

DATABASES = _config.databases(CONFIG)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# Who is there.
AUTH_USER_MODEL = "records.Staff"
AUTHENTICATION_BACKENDS = ["safelight.web.signin.CountedBackend"]
PASSWORD_HASHERS = ["safelight.web.passwords.Argon2id"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 15},
    },
    {"NAME": "safelight.web.passwords.NotTooLong"},
    {"NAME": "safelight.web.passwords.NotKnown"},
    {"NAME": "safelight.web.passwords.NotAboutYou"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "today"
LOGOUT_REDIRECT_URL = "account_login"
PASSWORD_RESET_TIMEOUT = 24 * 3600

ACCOUNT_ADAPTER = "safelight.web.signin.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_RATE_LIMITS = False  # counted in the database instead: safelight.web.lockout
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = False
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if CONFIG.tls else "http"
ACCOUNT_FORMS = {"login": "safelight.web.signin.SignInForm"}
MFA_ADAPTER = "safelight.web.signin.MFAAdapter"
MFA_FORMS = {
    "authenticate": "safelight.web.signin.CountedCodeForm",
    "reauthenticate": "safelight.web.signin.CountedReauthenticateForm",
    "login_webauthn": "safelight.web.signin.SignInPasskeyForm",
    "authenticate_webauthn": "safelight.web.signin.SecondPasskeyForm",
    "reauthenticate_webauthn": "safelight.web.signin.AgainPasskeyForm",
    "add_webauthn": "safelight.web.signin.AddPasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_PASSKEY_SIGNUP_ENABLED = False
MFA_TOTP_ISSUER = "Safelight"
MFA_TRUST_ENABLED = False
MFA_RATE_LIMITS = False  # a whole practice may share one address; passkeys can’t be guessed
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not CONFIG.tls and _server.hostname in {
    "localhost",
    "127.0.0.1",
}

# Cookies and transport. `__Host-` needs TLS, path / and no domain; browsers enforce it.
_cookie = "__Host-" if CONFIG.tls else ""
SESSION_COOKIE_NAME = f"{_cookie}safelight"
CSRF_COOKIE_NAME = f"{_cookie}safelight-form"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG.tls
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_FAILURE_VIEW = "safelight.web.views.errors.stale_form"
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 63_072_000 if CONFIG.tls and SAFELIGHT_MODE == "practice" else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = False
SECURE_SSL_REDIRECT = CONFIG.tls and CONFIG.behind_proxy
if CONFIG.behind_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Uploads stay in memory: a temporary file would be a copy that nobody destroys.
SAFELIGHT_UPLOAD_CAP = 32 * 2**20
FILE_UPLOAD_MAX_MEMORY_SIZE = SAFELIGHT_UPLOAD_CAP
DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20  # what is typed, all fields together; a signature is in it
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Words.
LANGUAGE_CODE = "en-gb"
TIME_ZONE = "Europe/London"
USE_TZ = True
USE_I18N = True

# Static files come from the package as built; nothing is collected, nothing is fetched.
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "django.contrib.staticfiles.finders.FileSystemFinder",
]
STATICFILES_DIRS = [("drawings", Path(_policy.__file__).parent / "drawings")]

# Mail that the sign-in itself sends goes the way of all other mail: a row, then the worker.
EMAIL_BACKEND = "safelight.web.mail.QueuedMail"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = CONFIG.mail_from
ADMINS: list[tuple[str, str]] = []

LOGGING_CONFIG = "logging.config.dictConfig"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"bare": {"()": "safelight.web.logs.Bare"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "bare"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "safelight": {"level": "INFO"},
        "django": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": ["stderr"], "level": "ERROR", "propagate": False},
    },
}
TEST_RUNNER = "django.test.runner.DiscoverRunner"
SILENCED_SYSTEM_CHECKS: list[str] = []
