"""What is said before some pictures: why there is no consent, and who is there for an intimate part."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.text import capfirst, slugify
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import capture, sites
from safelight.flows.circumstances import Circumstances, Ground, checked, claims
from safelight.flows.patients import is_child
from safelight.policy.roles import Action
from safelight.records.models import Patient
from safelight.terms import RecordingType
from safelight.web import prepared
from safelight.web.doors import SignedInRequest, needs, uses_camera
from safelight.web.forms import Option
from safelight.web.making import asked_because, asked_for, query_of
from safelight.web.prepared import Prepared
from safelight.web.views.capture import Shot, no, not_permitted, show, stop_it, take_in

if TYPE_CHECKING:
    from collections.abc import Mapping

SITE_OF = {slugify(site.name): site for site in sites.SITES}
SAY_AGAIN = "What was said before this picture is too long ago. Say it again, then take it again."
KINDS = [
    (RecordingType.ENDOSCOPIC.value, "From inside, by an endoscope"),
    (RecordingType.ORGAN_STRUCTURE.value, "Of an organ or another inside part"),
    (RecordingType.ORGAN_FUNCTION.value, "Of how an organ works, such as a trace"),
    (RecordingType.PATHOLOGY_SLIDE.value, "Of a slide in pathology"),
    (RecordingType.ULTRASOUND.value, "An ultrasound"),
    (RecordingType.X_RAY.value, "An X-ray"),
]


class ProcedureForm(forms.Form):
    """Part of a procedure that was consented to (GMC VAR 10-11)."""

    title = "Part of a procedure"
    type = forms.ChoiceField(
        label="What is recorded?",
        choices=KINDS,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what is recorded"},
    )
    consented = forms.BooleanField(
        label="The patient agreed to the procedure, and this is part of it",
        error_messages={"required": "Only a part of what the patient agreed to needs no question"},
    )
    reason = forms.CharField(
        label="Which procedure, and when was it agreed to?",
        max_length=300,
        widget=forms.Textarea({"rows": 3}),
        error_messages={"required": "Say which procedure it is, and when it was agreed to"},
    )

    def circumstances(self) -> Circumstances:
        """Return the facts as `decide` reads them."""
        said = self.cleaned_data
        recording = {"type": said["type"], "within_procedure_consent": said["consented"]}
        return Circumstances(recording, ground=Ground.PROCEDURE, reason=said["reason"])


class TreatmentForm(forms.Form):
    """Treatment needs it, and nobody who may decide is there."""

    title = "Treatment needs it"
    integral = forms.BooleanField(
        label="Treatment can’t go on without it",
        error_messages={"required": "Only what treatment needs may be taken this way"},
    )
    consulted = forms.BooleanField(
        label="I asked those close to the patient",
        error_messages={"required": "Ask those close to the patient first"},
    )
    nobody = forms.BooleanField(
        label="Nobody has authority to decide", help_text="I looked, and asked.", required=False
    )
    urgent = forms.BooleanField(
        label="It is urgent", help_text="It can’t wait for somebody who may decide.", required=False
    )
    reason = forms.CharField(
        label="Why does treatment need it?",
        max_length=300,
        widget=forms.Textarea({"rows": 3}),
        help_text="Say too who was asked, and what they said.",
        error_messages={"required": "Say why treatment needs it"},
    )

    def __init__(self, *args: Any, claims: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tests = tuple(claims)
        for name, claim in claims.items():
            claim = claim.replace("'", "’")
            self.fields[f"test-{name}"] = forms.BooleanField(
                label=capfirst(claim),
                error_messages={"required": f"Only where you are satisfied that {claim}"},
            )
        rest = ("consulted", "nobody", "urgent", "reason")
        self.order_fields(["integral", *(f"test-{name}" for name in claims), *rest])

    def clean(self) -> dict[str, Any]:
        """Ask for one of two: nobody has authority, or it can't wait for them."""
        said: dict[str, Any] = super().clean() or {}
        if not said.get("nobody") and not said.get("urgent"):
            self.add_error("nobody", "Look for somebody with authority first, unless it is urgent")
        return said

    def circumstances(self) -> Circumstances:
        """Return the facts as `decide` reads them."""
        said = self.cleaned_data
        care = {
            "integral_to_treatment": said["integral"],
            "those_close_consulted": said["consulted"],
            "no_one_with_authority": said["nobody"],
            "urgent": said["urgent"],
        }
        tests = {name: {"clinician": said[f"test-{name}"]} for name in self.tests}
        return Circumstances(care=care, tests=tests, ground=Ground.TREATMENT, reason=said["reason"])


class PostMortemForm(forms.Form):
    """Made at a post-mortem (GMC VAR 50-51)."""

    title = "Part of a post-mortem"
    why = forms.ChoiceField(
        label="What is it for?",
        choices=[
            ("cause-of-death", Option("To find the cause of death")),
            ("secondary", Option("Something else", "Consent to the post-mortem has to cover it.")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it is for"},
    )
    covered = forms.BooleanField(
        label="The consent to the post-mortem covers it",
        help_text="Not needed to find the cause of death.",
        required=False,
    )
    told = forms.BooleanField(label="The relatives were told", required=False)
    reason = forms.CharField(
        label="Who asked for it?",
        max_length=300,
        widget=forms.Textarea({"rows": 2}),
        error_messages={"required": "Say who asked for it"},
    )

    def circumstances(self) -> Circumstances:
        """Return the facts as `decide` reads them."""
        said = self.cleaned_data
        recording = {
            "post_mortem": said["why"],
            "post_mortem_consent": said["covered"],
            "relatives_told": said["told"],
        }
        return Circumstances(recording, ground=Ground.POST_MORTEM, reason=said["reason"])


class IntimateForm(forms.Form):
    """Who is there when an intimate part is pictured; of a child also why, and who approved it."""

    chaperone = forms.ChoiceField(
        label="Did you offer a chaperone?",
        choices=[
            ("present", Option("Yes, and one is here")),
            ("declined", Option("Yes, and the patient said no")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Offer a chaperone, and say what the answer was"},
    )
    chaperone_name = forms.CharField(label="Who is the chaperone?", required=False, max_length=100)
    essential = forms.BooleanField(label="It is clinically essential", required=False)
    face_to_face = forms.BooleanField(
        label="I take it here, with the patient before me", required=False
    )
    approver = forms.CharField(label="Who approved it?", required=False, max_length=100)

    def __init__(self, *args: Any, child: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not child:
            for name in ("essential", "face_to_face", "approver"):
                del self.fields[name]

    def clean(self) -> dict[str, Any]:
        """Ask for the name of the chaperone who is there."""
        said: dict[str, Any] = super().clean() or {}
        if said.get("chaperone") == "present" and not said.get("chaperone_name"):
            self.add_error("chaperone_name", "Type the chaperone’s name")
        return said

    def recording(self) -> dict[str, Any]:
        """Return the facts as `decide` reads them."""
        said = self.cleaned_data
        found: dict[str, Any] = {
            "chaperone": said["chaperone_name"] if said["chaperone"] == "present" else False
        }
        if "approver" in self.fields:
            found["clinically_essential"] = said["essential"]
            found["face_to_face"] = said["face_to_face"]
            found["approver"] = said["approver"] or False
        return found


GroundForm = ProcedureForm | TreatmentForm | PostMortemForm


def _form_of(ground: Ground, data: Any, patient: Patient) -> GroundForm:
    if ground is Ground.TREATMENT:
        return TreatmentForm(data, claims=claims(patient, now=timezone.now()))
    return ProcedureForm(data) if ground is Ground.PROCEDURE else PostMortemForm(data)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.CAPTURE)
def prepare(request: SignedInRequest, pk: UUID, site: str) -> HttpResponse:
    """Ask what has to be said before this picture; the policy answers, and the camera opens."""
    patient, body_site = _place(request, pk, site)
    made_for, ground = asked_for(request), asked_because(request)
    consent = None
    if ground is None:
        consent = capture.consent_for(patient, body_site=body_site, made_for=made_for)
        if consent is None:
            return redirect(reverse("consent", args=[pk, site]) + query_of(made_for))
        if not sites.is_intimate(body_site):
            return redirect(reverse("capture", args=[consent.pk]) + query_of(made_for))
    of_child = is_child(patient, on=timezone.localdate())
    data = request.POST if request.method == "POST" else None
    about = _form_of(ground, data, patient) if ground else None
    intimate = IntimateForm(data, child=of_child) if sites.is_intimate(body_site) else None
    listed = [each for each in (about, intimate) if each is not None]
    if data is not None and all(each.is_valid() for each in listed):
        said = checked(_said(about, intimate), body_site=body_site)
        return _decided(request, Shot(patient, body_site, made_for, consent, said))
    context = {
        "patient": patient,
        "first_name": patient.name.split()[0],
        "site": SITE_OF[site],
        "forms": listed,
        "title": about.title if about else "Before an intimate picture",
        "is_intimate": intimate is not None,
        "is_child": of_child,
    }
    return render(request, "capture/prepare.html", context)


@uses_camera
@require_GET
@needs(Action.CAPTURE)
def camera(request: SignedInRequest, pk: UUID, site: str) -> HttpResponse:
    """Show the camera for a picture that was prepared, or go back to where it is prepared."""
    patient, body_site = _place(request, pk, site)
    shot = _held(request, patient, body_site)
    if shot is None:
        return redirect("picture-new", patient.pk)
    return show(request, shot)


@require_POST
@needs(Action.CAPTURE)
def upload(request: SignedInRequest, pk: UUID, site: str) -> HttpResponse:
    """Take in the picture, with what was said before it."""
    shot = _held(request, *_place(request, pk, site))
    return take_in(request, shot) if shot else no(SAY_AGAIN, HTTPStatus.CONFLICT)


@require_POST
@needs(Action.CAPTURE)
def stop(request: SignedInRequest, pk: UUID, site: str) -> HttpResponseBase:
    """Stop: nothing remains of the picture, nor of what was said before it."""
    patient, body_site = _place(request, pk, site)
    shot = _held(request, patient, body_site) or Shot(patient, body_site)
    prepared.forget(request, patient, body_site)
    return stop_it(request, shot)


def _said(about: GroundForm | None, intimate: IntimateForm | None) -> Circumstances:
    said = about.circumstances() if about else Circumstances()
    if intimate is None:
        return said
    recording = {**said.recording, **intimate.recording()}
    return Circumstances(recording, said.care, said.tests, said.ground, said.reason)


def _decided(request: SignedInRequest, shot: Shot) -> HttpResponse:
    """Open the camera, or show what the policy answers to what was said."""
    answer = capture.offer(
        shot.patient,
        body_site=shot.body_site,
        made_for=shot.made_for,
        circumstances=shot.circumstances,
        by=request.user,
        now=timezone.now(),
    )
    if not isinstance(answer, capture.CaptureOffer):
        return not_permitted(request, shot, answer)
    said = Prepared(shot.made_for, shot.consent, shot.circumstances)
    prepared.hold(request, shot.patient, shot.body_site, said)
    return redirect("prepared", shot.patient.pk, slugify(shot.body_site))


def _held(request: SignedInRequest, patient: Patient, body_site: str) -> Shot | None:
    said = prepared.held(request, patient, body_site)
    if said is None:
        return None
    return Shot(patient, body_site, said.made_for, said.consent, said.circumstances)


def _place(request: SignedInRequest, pk: UUID, site: str) -> tuple[Patient, str]:
    found = Patient.objects.visible_to(request.user).select_related("practice")
    patient = get_object_or_404(found, pk=pk)
    if site not in SITE_OF:
        raise Http404
    return patient, SITE_OF[site].name


_PLACE = "patients/<uuid:pk>/picture/<slug:site>/"
urlpatterns = [
    path(f"{_PLACE}before/", prepare, name="capture-prepare"),
    path(f"{_PLACE}camera/", camera, name="prepared"),
    path(f"{_PLACE}camera/upload/", upload, name="prepared-upload"),
    path(f"{_PLACE}camera/stop/", stop, name="prepared-stop"),
]
