"""Take it back, or say no, told by the patient to a member of staff: what follows comes first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from safelight import policy
from safelight.flows import receipts
from safelight.flows import withdraw as flow
from safelight.flows.consent import standings
from safelight.flows.receipts import are_traces_overwritten
from safelight.policy.roles import Action, may
from safelight.policy.saying import ENGLISH, Saying, saying
from safelight.policy.withdrawal import BY_LAW, said
from safelight.records.models import Channel, Consent, Patient, Photo, Withdrawal
from safelight.terms import Purpose
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import Option
from safelight.web.words import PURPOSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from safelight.records.models import Staff

form_page = require_http_methods(["GET", "HEAD", "POST"])
LOOK, STOP = "look", "stop"
"""The two presses: see what would follow, then do it."""
TOLD_WITHIN = timedelta(hours=1)
"""How long whoever took it down sees what was done, to tell the patient; then governance does."""
STEPS: dict[str, tuple[str, str, str]] = {
    policy.Step.DESTROY: ("no", "Destroyed", "cross"),
    policy.Step.REVOKE: ("no", "Link closed", "link"),
    policy.Step.STOP: ("no", "Stopped", "hold"),
    policy.Step.CLOSE: ("hold", "Closed", "lock"),
    policy.Step.KEEP: ("calm", "Stays", "book"),
    policy.Step.RECALL: ("hold", "Asked back", "undo"),
}
LIMITS = frozenset({policy.Step.KEEP, policy.Step.RECALL})
"""What is not undone by it."""
BY_STAFF = [each for each in Channel if each not in {Channel.RECEIPT, Channel.NOT_SAID}]
OTHER, ALL = "other", "all"
IN_ENGLISH = saying(ENGLISH)
"""The words of the staff's own pages."""
TIMES = "{count} times: {text}"


class TakeBackForm(forms.Form):
    """What is taken back, and how staff were told. There is no field for a reason, and none may be added."""

    purposes = forms.MultipleChoiceField(
        label="What do you take back?",
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": "Choose what you take back",
            "invalid_choice": "Choose only from this list",
        },
    )
    channel = forms.ChoiceField(
        label="How were you told?",
        help_text="It counts at once, however it was said.",
        widget=forms.RadioSelect,
        required=False,
        choices=[(each.value, each.label) for each in BY_STAFF],
    )

    def __init__(
        self, *args: object, open_ones: Iterable[Purpose], by_staff: bool = False, **kwargs: object
    ) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments
        self._choose(_choices(open_ones))
        if not by_staff:
            del self.fields["channel"]

    def _choose(self, choices: list[tuple[str, Option]]) -> None:
        self.offered = choices
        _offer(self.fields["purposes"], choices)

    def speak(self, words: Saying) -> None:
        """Ask in the patient's language; before anything of it is looked at."""
        for field in self.fields.values():
            field.label = words.say(str(field.label))
            field.error_messages |= {
                code: words.say(str(text)) for code, text in field.error_messages.items()
            }
        _offer(
            self.fields["purposes"],
            [
                (value, Option(words.say(option), words.say(option.text)))
                for value, option in self.offered
            ],
        )

    @property
    def chosen(self) -> list[Purpose]:
        """Return what was chosen."""
        return [Purpose(each) for each in self.cleaned_data["purposes"]]

    @property
    def told_by(self) -> Channel:
        """Return the way by which staff were told; an answer that is missing holds nothing up."""
        return Channel(self.cleaned_data.get("channel") or Channel.NOT_SAID)


class PictureForm(TakeBackForm):
    """What is taken back of one picture."""

    def _choose(self, choices: list[tuple[str, Option]]) -> None:
        care = Purpose.CARE.value
        offered = {
            care: Option("The picture itself", "And with it every use"),
            OTHER: Option("Every other use", "It stays for care alone"),
        }
        uses = {value for value, _ in choices}
        open_ones = [care] * (care in uses) + [OTHER] * bool(uses - {care})
        super()._choose([(value, offered[value]) for value in open_ones])

    @property
    def chosen(self) -> list[Purpose]:
        """Return what was chosen, each use by its own name."""
        return expanded(self.cleaned_data["purposes"])


class SayNoForm(TakeBackForm):
    """What the patient says no to, for every picture there is and will be."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # as above
        self.fields["purposes"].label = "What do you say no to?"
        self.fields["purposes"].error_messages["required"] = "Choose what you say no to"

    def _choose(self, choices: list[tuple[str, Option]]) -> None:
        uses = [(value, title) for value, title in choices if value != Purpose.CARE.value]
        other = Option("Every use but care", "Of all pictures, those to come included")
        every = Option(
            "Everything",
            "No more pictures. Nobody opens those there are, not for care either",
        )
        super()._choose([(OTHER, other), *uses, (ALL, every)])

    @property
    def chosen(self) -> list[Purpose]:
        """Return what was chosen, each use by its own name."""
        return expanded(self.cleaned_data["purposes"])


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that follows, as the page shows it."""

    tone: str
    word: str
    icon_name: str
    text: str
    is_limit: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """One page of two presses: what it is about, and what the second press does."""

    patient: Patient
    scope: flow.Scope
    form: TakeBackForm
    title: str
    act: Callable[..., Withdrawal]
    """Takes `purposes`, `channel`, `by` and `now`."""
    says_no: bool = False


@require_GET
@needs(Action.WITHDRAW)
def choose(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """List what can be taken back: everything, a conversation, a picture that nobody asked about."""
    patient, now = _patient(request, pk), timezone.now()
    listed = [
        (consent, [PURPOSES[each] for each in open_ones])
        for consent in patient.consents.order_by("-given_at")
        if (open_ones := flow.can_be_withdrawn(consent))
    ]
    unasked = Photo.objects.visible_to(request.user).filter(patient=patient, consent__isnull=True)
    context = {
        "patient": patient,
        "listed": listed,
        "unasked": [each for each in unasked if flow.can_be_taken_back(each, now=now)],
    }
    return render(request, "withdrawal/choose.html", context)


@form_page
@needs(Action.WITHDRAW)
def take_back(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Take back what was agreed in one conversation."""
    consent = _consent(request, pk)
    form = TakeBackForm(
        request.POST or None, open_ones=flow.can_be_withdrawn(consent), by_staff=True
    )
    scope, act = flow.Scope(consent.patient, consent=consent), partial(flow.withdraw, consent)
    return _two_presses(request, Asked(consent.patient, scope, form, "Change your mind", act))


@form_page
@needs(Action.WITHDRAW)
def take_back_picture(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Take back one picture, whatever it was taken under."""
    found = Photo.objects.visible_to(request.user).select_related("patient__practice", "consent")
    photo = get_object_or_404(found, pk=pk, state__in=flow.IN_REACH)
    open_ones = flow.can_be_taken_back(photo, now=timezone.now())
    form = PictureForm(request.POST or None, open_ones=open_ones, by_staff=True)
    scope, act = flow.Scope(photo.patient, photo=photo), partial(flow.withdraw_picture, photo)
    return _two_presses(request, Asked(photo.patient, scope, form, "Take this picture back", act))


@form_page
@needs(Action.WITHDRAW)
def say_no(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Write down a no to some uses of every picture, with or without a conversation before."""
    patient = _patient(request, pk)
    form = SayNoForm(request.POST or None, open_ones=uses_to_refuse(patient), by_staff=True)
    act = partial(flow.object_to, patient)
    asked = Asked(patient, flow.Scope(patient), form, "Say no to a use", act, says_no=True)
    return _two_presses(request, asked)


@require_GET
@needs(Action.WITHDRAW)
def done(request: SignedInRequest, pk: UUID) -> HttpResponse:
    """Show what was done: closed, destroyed, asked back, and what can't be called back.

    To governance, and for an hour to whoever took it down: nobody else sees that there was anything.
    """
    found = Withdrawal.objects.visible_to(request.user).select_related("patient", "practice")
    withdrawal = get_object_or_404(found, pk=pk)
    if not _may_see(withdrawal, request.user):
        raise Http404
    context = {"patient": withdrawal.patient, "base": "base.html", "saying": IN_ENGLISH}
    context |= outcome(withdrawal)
    return render(request, "withdrawal/done.html", context)


def expanded(said: Iterable[str]) -> list[Purpose]:
    """Return each use by its own name: "all" is every use, "other" every use but care."""
    named = set(said)
    if ALL in named:
        return list(Purpose)
    if OTHER in named:
        return [each for each in Purpose if each is not Purpose.CARE or each.value in named]
    return [each for each in Purpose if each.value in named]


def uses_to_refuse(patient: Patient) -> list[Purpose]:
    """Return the uses on the sheet that a no can name one by one, the law's own left out."""
    return [
        each.purpose
        for each in standings(patient, now=timezone.now())
        if each.purpose not in BY_LAW
    ]


def shown(steps: Iterable[policy.Consequence], words: Saying = IN_ENGLISH) -> list[Step]:
    """Return the steps for a page."""
    return _counted(((each.step, each.text) for each in steps), words)


def outcome(withdrawal: Withdrawal, words: Saying = IN_ENGLISH) -> dict[str, object]:
    """Return what the page of a finished withdrawal shows, closed told apart from destroyed."""
    every = list(withdrawal.erase_jobs.all())
    jobs = [job for job in every if not job.held]
    refused = withdrawal.objection.purposes if withdrawal.objection else []
    return {
        "withdrawal": withdrawal,
        "said_no": [words.say(PURPOSES[each]) for each in refused if each not in BY_LAW],
        "steps": _counted(
            ((each["step"], each["text"]) for each in withdrawal.consequences), words
        ),
        "stays": any(each["step"] == policy.Step.KEEP for each in withdrawal.consequences),
        "destroyed_at": max((job.destroyed_at for job in jobs if job.destroyed_at), default=None),
        "is_destroying": any(job.destroyed_at is None for job in jobs),
        "is_scrubbed": all(job.scrubbed_at for job in jobs) and are_traces_overwritten(),
        "has_keys": bool(jobs),
        "is_held": len(jobs) < len(every),
        "recalls": [
            {"text": said(each.text, words), "due_on": each.due_on, "done_at": each.done_at}
            for each in withdrawal.recalls.order_by("due_on")
        ],
        "key_days": receipts.key_backup_days(),
        "is_proven": receipts.is_backup_gone_for_sure(
            (UUID(key) for job in every for key in job.keys), now=timezone.now()
        ),
    }


def _two_presses(request: SignedInRequest, asked: Asked) -> HttpResponse:
    """Choose, see what follows, then stop it: two presses, no reason."""
    form, patient = asked.form, asked.patient
    context = {
        "patient": patient,
        "form": form,
        "title": asked.title,
        "base": "base.html",
        "saying": IN_ENGLISH,
        "back": reverse("withdraw", args=[patient.pk]),
        "says_no": asked.says_no,
    }
    if not form.is_valid():
        return render(request, "withdrawal/take_back.html", context)
    if request.POST.get("step") == STOP:
        try:
            made = asked.act(
                purposes=form.chosen, channel=form.told_by, by=request.user, now=timezone.now()
            )
        except flow.NothingToWithdraw:
            return redirect("patient", patient.pk)
        return redirect("withdrawal", made.pk)
    steps = flow.consequences_for(asked.scope, purposes=form.chosen, now=timezone.now())
    context |= {
        "steps": shown(steps),
        "chosen": form.cleaned_data["purposes"],
        "channel": form.cleaned_data.get("channel", ""),
        "uses": [PURPOSES[each] for each in form.chosen if each not in BY_LAW],
        "back": request.path,
    }
    return render(request, "withdrawal/consequences.html", context)


def _may_see(withdrawal: Withdrawal, staff: Staff) -> bool:
    if may(staff.role, Action.GOVERN):
        return True
    took_it_down = withdrawal.by_id == staff.pk
    return took_it_down and timezone.now() - withdrawal.at <= TOLD_WITHIN


def _counted(steps: Iterable[tuple[str, str]], words: Saying) -> list[Step]:
    """Return each step once, with how often where it is more than that."""
    return [
        _step(step, said(text, words), count, words)
        for (step, text), count in Counter(steps).items()
    ]


def _step(step: str, text: str, count: int, words: Saying) -> Step:
    tone, word, icon_name = STEPS[step]
    if count > 1:
        text = words.say(TIMES, count=count, text=text)
    return Step(tone, words.say(word), icon_name, text, is_limit=step in LIMITS)


def _offer(field: forms.Field, choices: list[tuple[str, Option]]) -> None:
    assert isinstance(field, forms.MultipleChoiceField)
    field.choices = choices


def _choices(open_ones: Iterable[Purpose]) -> list[tuple[str, Option]]:
    return [(each.value, _choice(each)) for each in open_ones]


def _choice(purpose: Purpose) -> Option:
    if purpose is Purpose.CARE:
        return Option("The pictures themselves", "And with them every other use")
    return Option(PURPOSES[purpose])


def _patient(request: SignedInRequest, pk: UUID) -> Patient:
    return get_object_or_404(Patient.objects.visible_to(request.user), pk=pk)


def _consent(request: SignedInRequest, pk: UUID) -> Consent:
    found = Consent.objects.visible_to(request.user).select_related("patient__practice")
    return get_object_or_404(found, pk=pk)


urlpatterns = [
    path("patients/<uuid:pk>/change-of-mind/", choose, name="withdraw"),
    path("patients/<uuid:pk>/no/", say_no, name="say-no"),
    path("consents/<uuid:pk>/change-of-mind/", take_back, name="withdraw-consent"),
    path("pictures/<uuid:pk>/change-of-mind/", take_back_picture, name="withdraw-picture"),
    path("withdrawals/<uuid:pk>/", done, name="withdrawal"),
]
