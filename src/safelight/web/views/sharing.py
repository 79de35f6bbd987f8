"""Ask a colleague; the colleague's own page; and the list of questions, each of which can be taken back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight import policy
from safelight.flows import patients, share
from safelight.flows.allowed import DoesNotFit
from safelight.flows.once import AlreadyDone
from safelight.policy.roles import Action
from safelight.records.models import Link, Photo
from safelight.terms import Purpose
from safelight.web import lockout
from safelight.web.decisions import explained
from safelight.web.doors import SignedInRequest, needs, open_to_all
from safelight.web.forms import Option, once_of, put_right
from safelight.web.views import errors
from safelight.web.words import browser_token, remember_browser

form_page = require_http_methods(["GET", "HEAD", "POST"])


class AskForm(forms.Form):
    """A question to one named colleague."""

    recipient_name = forms.CharField(
        label="Who?",
        max_length=200,
        help_text="Their name is on every view of the picture",
        error_messages={"required": "Type your colleague’s name"},
    )
    recipient_email = forms.EmailField(
        label="Their work address",
        max_length=254,
        help_text="A code goes there before anything is shown",
        error_messages={
            "required": "Type the address",
            "invalid": "Type a whole address, like name@hospital.example",
        },
    )
    question = forms.CharField(
        label="Your question",
        max_length=4000,
        help_text="No names needed. They see the age and the part of the body.",
        widget=forms.Textarea({"rows": 4}),
        error_messages={"required": "Type your question"},
    )
    days = forms.ChoiceField(
        label="How long may they look?",
        widget=forms.RadioSelect,
        choices=[("2", Option("2 days")), ("7", Option("7 days"))],
        error_messages={"required": "Choose how long"},
    )


class CodeForm(forms.Form):
    """The six digits that went to the colleague's address."""

    code = forms.CharField(
        label="The six digits",
        max_length=12,
        widget=forms.TextInput(
            {"inputmode": "numeric", "autocomplete": "one-time-code", "autofocus": True}
        ),
        error_messages={"required": "Type the six digits"},
    )


class ReplyForm(forms.Form):
    """The colleague's answer."""

    text = forms.CharField(
        label="Your answer",
        max_length=10_000,
        help_text="It goes straight into the patient’s record",
        widget=forms.Textarea({"rows": 5}),
        error_messages={"required": "Type your answer"},
    )


@form_page
@needs(Action.ASK_COLLEAGUE)
def ask(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Ask one colleague about one picture, or say why it isn't permitted."""
    photo, now = _photo(request, pk), timezone.now()
    decision = share.may_ask(photo, now=now)
    form = AskForm(request.POST or None)
    if isinstance(decision, policy.Permit) and form.is_valid():
        said = dict(form.cleaned_data)
        expires = now + timedelta(days=int(said.pop("days")))
        try:
            done = share.ask_colleague(
                photo,
                **said,
                expires=expires,
                once=once_of(request),
                by=request.user,
                now=now,
            )
        except DoesNotFit as refused:
            put_right(form, refused.fields)
        except AlreadyDone:
            return redirect("opinions")
        except share.LinkIsShut as closed:  # since it was found, a moment ago
            raise Http404 from closed
        else:
            if isinstance(done, share.Asked):
                messages.success(request, f"The question is on its way to {said['recipient_name']}")
                return redirect("opinions")
            decision = done
    context = {"photo": photo, "form": form, "age": _age(photo)}
    context |= explained(
        decision,
        photo.patient,
        reader=request.user,
        purpose=Purpose.SECOND_OPINION,
        photo=photo,
        now=now,
    )
    if not isinstance(decision, policy.Permit):
        return render(request, "sharing/not_permitted.html", context, status=403)
    return render(request, "sharing/ask.html", context)


@require_GET
@needs(Action.ASK_COLLEAGUE)
def opinions(request: SignedInRequest) -> HttpResponse:
    """List the questions of the practice: open ones first, each of which can be taken back."""
    now = timezone.now()
    links = Link.objects.visible_to(request.user).select_related("photo__patient", "created_by")
    rows = [
        {"link": link, "is_open": link.is_open(now=now), "replies": list(link.replies.all())}
        for link in links.prefetch_related("replies")[:100]
    ]
    rows.sort(key=lambda row: not row["is_open"])
    return render(request, "sharing/opinions.html", {"rows": rows, "now": now})


@require_POST
@needs(Action.ASK_COLLEAGUE)
def revoke(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Take a question back."""
    link = get_object_or_404(Link.objects.visible_to(request.user), pk=pk)
    share.revoke(link, by=request.user, now=timezone.now())
    messages.success(request, f"Closed. {link.recipient_name} can’t look any more.")
    return redirect("opinions")


@open_to_all
@form_page
def colleague(request: HttpRequest) -> HttpResponse:
    """Show a door and nothing behind it; a press sends the code.

    A page that is only fetched (by a mail scanner, a preview) reveals and counts nothing: the
    secret is behind the #, and only a press posts it.
    """
    if request.method != "POST":
        return render(request, "sharing/door.html")
    now, token = timezone.now(), browser_token(request)
    secret = _secret(request)
    if isinstance(lockout.count_address(request, now=now), lockout.Shut):
        return errors.page(request, 429)
    try:
        knocked = share.knock(secret, browser_token=token, now=now)
    except share.LinkIsShut as shut:
        return _shut(request, shut)
    lockout.uncount_address(request)
    response = _code_page(request, secret, CodeForm(), sent_to=knocked.sent_to)
    remember_browser(response, token)
    return response


@open_to_all
@require_POST
def open_link(request: HttpRequest) -> HttpResponse:
    """Open the link with the code, and go to what it shows."""
    now, token, secret = timezone.now(), browser_token(request), _secret(request)
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            opened = share.open_link(
                secret, code=form.cleaned_data["code"], browser_token=token, now=now
            )
        except share.LinkIsShut as shut:
            return _shut(request, shut)
        except share.CodeIsWrong as wrong:
            form.add_error("code", wrong.for_people)
        else:
            response = redirect("colleague-shown", opened.link.pk)
            remember_browser(response, token)
            return response
    return _code_page(request, secret, form, sent_to="", status=422)


@open_to_all
@require_GET
def shown(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show the question, the picture and the place for an answer, to the browser that opened it."""
    return _shown(request, pk, ReplyForm())


@open_to_all
@require_GET
def shown_image(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Return the picture with the colleague's name in it, decided at this very moment."""
    try:
        jpeg = share.picture(pk, browser_token=browser_token(request), now=timezone.now())
    except share.LinkIsShut:
        return HttpResponse(status=403)
    return HttpResponse(jpeg, content_type="image/jpeg")


@open_to_all
@require_POST
def answer(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Take the colleague's answer into the record."""
    form = ReplyForm(request.POST)
    if not form.is_valid():
        return _shown(request, pk, form, status=422)
    try:
        share.reply(
            pk,
            text=form.cleaned_data["text"],
            browser_token=browser_token(request),
            once=once_of(request),
            now=timezone.now(),
        )
    except share.LinkIsShut as shut:
        return _shut(request, shut)
    except AlreadyDone:
        pass  # the first press put it into the record
    return render(request, "sharing/thanks.html")


def _shown(request: HttpRequest, pk: UUID, form: ReplyForm, *, status: int = 200) -> HttpResponse:
    try:
        opened = share.opened_link(pk, browser_token=browser_token(request), now=timezone.now())
    except share.LinkIsShut as shut:
        return _shut(request, shut)
    photo = opened.link.photo
    context = {"link": opened.link, "photo": photo, "until": opened.until, "form": form}
    return render(request, "sharing/shown.html", context | {"age": _age(photo)}, status=status)


def _code_page(
    request: HttpRequest, secret: str, form: CodeForm, *, sent_to: str, status: int = 200
) -> HttpResponse:
    context = {"secret": secret, "form": form, "sent_to": sent_to}
    return render(request, "sharing/code.html", context, status=status)


def _shut(request: HttpRequest, shut: share.LinkIsShut) -> HttpResponse:
    return render(request, "sharing/shut.html", {"text": shut.for_people}, status=403)


def _secret(request: HttpRequest) -> str:
    """Return what the page read from the address, or what a person pasted where no script runs."""
    said = next((each for each in request.POST.getlist("secret") if each.strip()), "")
    return said.strip().rpartition("#")[2][:100]


def _age(photo: Photo) -> int:
    return patients.age(photo.patient, on=timezone.localdate())


def _photo(request: SignedInRequest, pk: UUID) -> Photo:
    found = Photo.objects.visible_to(request.user).filter(state=Photo.State.KEPT)
    return get_object_or_404(found.select_related("patient__practice", "practice"), pk=pk)


urlpatterns = [
    path("pictures/<uuid:pk>/ask/", ask, name="ask"),
    path("opinions/", opinions, name="opinions"),
    path("opinions/<uuid:pk>/close/", revoke, name="opinion-close"),
    path("s/", colleague, name="colleague"),
    path("s/open/", open_link, name="colleague-open"),
    path("s/<uuid:pk>/", shown, name="colleague-shown"),
    path("s/<uuid:pk>/picture/", shown_image, name="colleague-picture"),
    path("s/<uuid:pk>/answer/", answer, name="colleague-answer"),
]
