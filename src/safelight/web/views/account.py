"""Sign-in, lock and unlock, one's own account. The flows are django-allauth's, the pages ours."""

from __future__ import annotations

from typing import Any

from allauth.account import views as allauth
from allauth.mfa.base import views as mfa
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes import views as recovery
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from allauth.mfa.webauthn.internal import auth as webauthn_auth
from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import path, re_path, reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.web import signin
from safelight.web.doors import SignedInRequest, open_to_all, open_while_locked
from safelight.web.forms import ReadableJSON


class UnlockForm(forms.Form):
    """The password again, or a passkey."""

    password = forms.CharField(
        label="Password",
        required=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    credential = ReadableJSON(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, request: SignedInRequest, **kwargs: Any) -> None:
        self.request = request
        super().__init__(*args, **kwargs)

    def clean(self) -> dict[str, Any]:
        """Refuse unless the password or the passkey is this person's."""
        said: dict[str, Any] = super().clean() or {}
        staff = self.request.user
        if said.get("credential"):
            asked = signin.AgainPasskeyForm(user=staff, data=self.data)  # type: ignore[call-arg]  # allauth has no types
            if not asked.is_valid():
                raise ValidationError(
                    "That passkey didn’t open it. Try again, or type the password"
                )
        elif not said.get("password"):
            self.add_error("password", "Type your password")
        elif not signin.AccountAdapter(self.request).reauthenticate(staff, said["password"]):
            self.add_error("password", "That isn’t your password. Try again")
        return said


@open_while_locked
@require_http_methods(["GET", "POST"])
def unlock(request: SignedInRequest) -> HttpResponse:
    """Open a locked session, and go on where it was left."""
    form = UnlockForm(request.POST or None, request=request)
    if request.method == "POST" and form.is_valid():
        signin.unlock(request)
        return HttpResponseRedirect(_place_to_go_on(request))
    has_passkey = Authenticator.objects.filter(
        user=request.user, type=Authenticator.Type.WEBAUTHN
    ).exists()
    context = {
        "form": form,
        "next": request.GET.get("next", ""),
        "passkey": signin.passkey_options(request.user) if has_passkey else None,
    }
    return render(request, "account/unlock.html", context)


@open_while_locked
@require_POST
def lock(request: SignedInRequest) -> HttpResponse:
    """Lock at once."""
    signin.lock(request)
    return redirect("unlock")


@open_while_locked
@require_POST
def sign_out(request: SignedInRequest) -> HttpResponse:
    """End the session; the next person signs in."""
    signin.end(request)
    response = redirect("account_login")
    response["Clear-Site-Data"] = '"cache"'
    return response


@require_GET
def account(request: SignedInRequest) -> HttpResponse:
    """Show how this person signs in, and offer better ways."""
    kinds = Authenticator.objects.filter(user=request.user)
    context = {
        "passkeys": [a.wrap() for a in kinds.filter(type=Authenticator.Type.WEBAUTHN)],
        "has_codes": kinds.filter(type=Authenticator.Type.TOTP).exists(),
        "has_password": request.user.has_usable_password(),
    }
    return render(request, "account/account.html", context)


@open_to_all
@require_GET
def no_sign_up(request: HttpRequest) -> HttpResponse:
    """Say how one gets an account."""
    return render(request, "account/no_sign_up.html")


@require_POST
def still_here(request: SignedInRequest) -> HttpResponse:
    """Note that somebody writes on a page: the door before this view has already done so."""
    return HttpResponse(status=204)


class AddPasskey(webauthn.AddWebAuthnView):  # type: ignore[misc]  # allauth has no types
    """Adds a passkey that signs in by itself: it lives on the device and asks for its PIN."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Return the page's values, with options that demand a key of that kind."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        options = webauthn_auth.begin_registration(self.request.user, True)
        return {**context, "passkey": options}

    def get_success_url(self) -> str:
        """Go back to the account, or to the recovery codes when they are new."""
        if self.did_generate_recovery_codes:
            return reverse("mfa_view_recovery_codes")
        return reverse("account")


def _place_to_go_on(request: HttpRequest) -> str:
    asked = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(
        asked, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return asked
    return "/"


urlpatterns = [
    path("lock/", lock, name="lock"),
    path("unlock/", unlock, name="unlock"),
    path("still-here/", still_here, name="idle-ping"),
    path("account/", account, name="account"),
    path("account/sign-in/", open_to_all(allauth.login), name="account_login"),
    path("account/sign-in/code/", open_to_all(mfa.authenticate), name="mfa_authenticate"),
    path(
        "account/sign-in/passkey/", open_to_all(webauthn.login_webauthn), name="mfa_login_webauthn"
    ),
    path("account/sign-out/", sign_out, name="account_logout"),
    path("account/new/", no_sign_up, name="account_signup"),
    path("account/inactive/", open_to_all(allauth.account_inactive), name="account_inactive"),
    path("account/password/", allauth.password_change, name="account_change_password"),
    path("account/password/set/", allauth.password_set, name="account_set_password"),
    path(
        "account/password/mail/", open_to_all(allauth.password_reset), name="account_reset_password"
    ),
    path(
        "account/password/mail/sent/",
        open_to_all(allauth.password_reset_done),
        name="account_reset_password_done",
    ),
    re_path(
        r"^account/password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[0-9A-Za-z-]+)/$",
        open_to_all(allauth.password_reset_from_key),
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/new/done/",
        open_to_all(allauth.password_reset_from_key_done),
        name="account_reset_password_from_key_done",
    ),
    path("account/again/", allauth.reauthenticate, name="account_reauthenticate"),
    path("account/again/code/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path(
        "account/again/passkey/",
        webauthn.reauthenticate_webauthn,
        name="mfa_reauthenticate_webauthn",
    ),
    path("account/keys/", account, name="mfa_index"),
    path("account/passkeys/", account, name="mfa_list_webauthn"),
    path("account/passkeys/new/", AddPasskey.as_view(), name="mfa_add_webauthn"),
    path("account/passkeys/<int:pk>/remove/", webauthn.remove_webauthn, name="mfa_remove_webauthn"),
    path("account/codes/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/codes/off/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/recovery/", recovery.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/recovery/new/",
        recovery.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
]
