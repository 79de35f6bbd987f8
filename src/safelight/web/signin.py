"""Sign-in: django-allauth's flows, our counting, our rules about who may have an account."""

from __future__ import annotations

import time
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.forms import LoginForm
from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
)
from allauth.mfa.webauthn.internal import auth as webauthn
from cryptography.exceptions import InvalidSignature
from django import forms
from django.contrib.auth import logout
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from safelight.records.models import Staff
from safelight.web import lockout
from safelight.web.forms import ReadableJSON
from safelight.web.links import whole
from safelight.web.middleware import LOCKED, SEEN

FRESH_SECONDS = 300
"""Within this time after signing in, one need not show again who one is."""


class TooManyTries(ValidationError):
    """The door is shut for a while. Said alike for accounts that exist and that don't."""

    for_people = (
        "Too many tries. Wait a while, or sign in with a passkey, or ask for a new password by mail"
    )

    def __init__(self) -> None:
        super().__init__(self.for_people, code="too_many_tries")


class CountedBackend(AuthenticationBackend):  # type: ignore[misc]  # allauth has no types
    """Counts each try before it looks at the password (safelight.web.lockout)."""

    def authenticate(self, request: HttpRequest | None, **credentials: Any) -> Any:
        """Return the member of staff, or None. Raises TooManyTries when the door is shut."""
        name = str(credentials.get("email") or credentials.get("username") or "")
        if not name or not credentials.get("password"):
            return None
        count_try(request, name)
        staff = super().authenticate(request, **credentials)
        if staff is not None:
            right_try(request, name)
        return staff


def count_try(request: HttpRequest | None, name: str) -> None:
    """Count a try at a name and from an address. Raises TooManyTries."""
    now = timezone.now()
    if isinstance(lockout.count_address(request, now=now), lockout.Shut):
        raise TooManyTries
    if isinstance(lockout.count_account(name, now=now), lockout.Shut):
        raise TooManyTries


def right_try(request: HttpRequest | None, name: str) -> None:
    """Forget the tries: this one was right."""
    lockout.clear_account(name)
    lockout.uncount_address(request)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # allauth has no types
    """Accounts come from the administrator; a session starts unlocked."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "email_password_mismatch": "That address and password don’t belong together. Try again",
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Nobody makes an account for themselves."""
        return False

    def login(self, request: HttpRequest, user: Staff) -> None:
        """Sign in, with a fresh idle clock."""
        super().login(request, user)
        unlock(request)

    def set_password(self, user: Staff, password: str) -> None:
        """Set it, and open the door for whoever shut it by guessing."""
        super().set_password(user, password)
        lockout.clear_account(user.email)

    def reauthenticate(self, user: Staff, password: str) -> bool:
        """Say whether this is the person's password; counted like any other try."""
        found = self.authenticate(self.request, email=user.email, password=password)
        return found is not None and found.pk == user.pk

    def send_password_reset_mail(self, user: Staff, email: str, context: dict[str, Any]) -> None:
        """Send it, unless this address has asked too often."""
        counted = lockout.count_account(f"reset:{email}", now=timezone.now())
        if isinstance(counted, lockout.Counted):
            super().send_password_reset_mail(user, email, context)

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Ask again before something deep, unless this person signed in a moment ago."""
        records = get_authentication_records(self.request, self.request.user)
        latest = records[-1]["at"] if records else 0.0
        return not 0 <= time.time() - latest < FRESH_SECONDS

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Return the link for the mail, with the address of the settings."""
        uid, _, secret = key.partition("-")
        found = reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": secret})
        return whole(found)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address that the counting uses."""
        return lockout.address_of(request)


class MFAAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # allauth has no types
    """Passkeys and codes; the name that a phone shows for them."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "That didn’t fit. Try again with a new code, or use your passkey again",
    }

    def get_public_key_credential_user_entity(self, user: Staff) -> dict[str, Any]:
        """Return who the passkey is for: the random id, and the words that a phone shows."""
        entity: dict[str, Any] = super().get_public_key_credential_user_entity(user)
        return {**entity, "name": user.email, "display_name": user.name}

    def _get_site_name(self) -> str:
        return "Safelight"


class SignInForm(LoginForm):  # type: ignore[misc]  # allauth has no types
    """Address and password, with our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        address, password = self.fields["login"], self.fields["password"]
        address.label, address.help_text = "Work address", ""
        password.help_text = ""
        address.error_messages["required"] = "Type your work address"
        password.error_messages["required"] = "Type your password"
        for field in (address, password):
            field.widget.attrs.pop("placeholder", None)


class _CountedCode(forms.Form):
    """Counts a code before it is looked at, and lets no code in twice."""

    def clean_code(self) -> str:
        """Return the code. Raises TooManyTries, or says that it doesn't fit."""
        user: Staff = self.user  # type: ignore[attr-defined]
        now = timezone.now()
        name = f"code:{user.pk}"
        if isinstance(lockout.count_account(name, now=now), lockout.Shut):
            raise TooManyTries
        code = str(super().clean_code())  # type: ignore[misc]  # of the form it is mixed into
        if not lockout.use_once(f"{user.pk}:{code}", now=now):
            raise MFAAdapter().validation_error("incorrect_code")
        lockout.clear_account(name)
        return code


class CountedCodeForm(_CountedCode, AuthenticateForm):  # type: ignore[misc]  # allauth has no types
    """The second step of signing in."""


class CountedReauthenticateForm(_CountedCode, ReauthenticateForm):  # type: ignore[misc]
    """The same, asked again before something deep."""


UNREADABLE = (KeyError, IndexError, TypeError, ValueError, AttributeError, InvalidSignature)
"""What the libraries raise for an answer that no browser gives."""


class _ReadablePasskey(forms.Form):
    """Refuses a passkey's answer that can't be read, instead of breaking on it."""

    credential = ReadableJSON(widget=forms.HiddenInput)

    def clean_credential(self) -> Any:
        """Return the authenticator that answered."""
        try:
            return super().clean_credential()  # type: ignore[misc]  # of the form it is mixed into
        except UNREADABLE:
            raise MFAAdapter().validation_error("incorrect_code") from None


class SignInPasskeyForm(_ReadablePasskey, LoginWebAuthnForm):  # type: ignore[misc]
    """Signs in by a passkey alone."""


class SecondPasskeyForm(_ReadablePasskey, AuthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey after the password."""


class AgainPasskeyForm(_ReadablePasskey, ReauthenticateWebAuthnForm):  # type: ignore[misc]
    """A passkey again, to unlock or before something deep."""


class AddPasskeyForm(AddWebAuthnForm):  # type: ignore[misc]  # allauth has no types
    """Adds a passkey that signs in by itself; a second factor without a PIN is not offered."""

    credential = ReadableJSON(widget=forms.HiddenInput)

    name = forms.CharField(
        label="What do you call this device?",
        required=False,
        max_length=100,
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    passwordless = forms.BooleanField(
        required=False, initial=True, widget=forms.HiddenInput({"value": "on"})
    )

    def clean(self) -> dict[str, Any]:
        """Register the passkey; one without the person's own check is refused."""
        said: dict[str, Any] = self.cleaned_data
        said["passwordless"] = True
        try:
            return super().clean() or said
        except UNREADABLE:
            raise MFAAdapter().validation_error("incorrect_code") from None


def passkey_options(user: Staff | None) -> dict[str, Any]:
    """Return what the browser needs to ask for a passkey; the challenge stays in the session."""
    options: dict[str, Any] = webauthn.begin_authentication(user)
    return options


def lock(request: HttpRequest) -> None:
    """Lock the session now. The person stays known, nothing is shown."""
    request.session[LOCKED] = True


def unlock(request: HttpRequest) -> None:
    """Open a locked session; its id changes, so that an old copy of the cookie is worth nothing."""
    request.session.cycle_key()
    request.session.pop(LOCKED, None)
    request.session[SEEN] = time.time()


def end(request: HttpRequest) -> None:
    """Sign out and forget the session."""
    logout(request)
