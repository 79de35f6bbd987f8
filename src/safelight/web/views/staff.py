"""The administrator's pages: who works here, and who gets in. No patient, no picture."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from safelight.flows import staff as flows
from safelight.flows.allowed import DoesNotFit
from safelight.policy.roles import Action, Role
from safelight.records.models import Staff
from safelight.web.doors import SignedInRequest, needs
from safelight.web.forms import Option, put_right
from safelight.web.links import set_password_link

ROLES = {
    Role.GP: Option("GP", "Takes and uses pictures, reviews copies that others prepared"),
    Role.NURSE: Option("Nurse", "Takes and uses pictures"),
    Role.REVIEWER: Option("Reviewer", "Reviews copies before they leave"),
    Role.IG_LEAD: Option("Governance lead", "Sees what happens to pictures, reviews, withdraws"),
    Role.ADMINISTRATOR: Option(
        "Administrator", "Looks after accounts; sees no patient, no picture"
    ),
}


class StaffForm(forms.Form):
    """A new person."""

    name = forms.CharField(
        label="Name",
        max_length=flows.LONGEST_NAME,
        help_text="As colleagues read it, like Dr Ada Osei",
    )
    email = forms.EmailField(
        label="Work address",
        max_length=254,
        help_text="The invitation goes here. It is also the name to sign in.",
    )
    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect, choices=list(ROLES.items()))


class RoleForm(forms.Form):
    """Another role for someone."""

    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect, choices=list(ROLES.items()))


@require_GET
@needs(Action.MANAGE_STAFF)
def staff(request: SignedInRequest) -> HttpResponse:
    """List everyone who works here."""
    people = [
        {"person": person, "role": ROLES[Role(person.role)]}
        for person in flows.staff_of(request.user)
    ]
    return render(request, "staff/list.html", {"people": people})


@require_http_methods(["GET", "POST"])
@needs(Action.MANAGE_STAFF)
def add(request: SignedInRequest) -> HttpResponse:
    """Add a person and send the invitation."""
    form = StaffForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = flows.add_staff(
                **form.cleaned_data,
                link_for=set_password_link,
                by=request.user,
                now=timezone.now(),
            )
        except DoesNotFit as error:
            put_right(form, error.fields)
        else:
            messages.success(request, f"{person.name} gets an invitation by mail")
            return redirect("staff")
    return render(request, "staff/add.html", {"form": form})


@require_http_methods(["GET", "POST"])
@needs(Action.MANAGE_STAFF)
def member(request: SignedInRequest, staff_id: UUID) -> HttpResponse:
    """Show one person; change the role."""
    person = _person(request, staff_id)
    form = RoleForm(request.POST or None, initial={"role": person.role})
    if request.method == "POST" and form.is_valid():
        role = form.cleaned_data["role"]
        try:
            flows.change_role(person, role=role, by=request.user, now=timezone.now())
        except DoesNotFit as error:
            put_right(form, error.fields)
        else:
            messages.success(request, "The role is changed")
            return redirect("staff")
    return render(request, "staff/member.html", {"person": person, "form": form})


@require_POST
@needs(Action.MANAGE_STAFF)
def close(request: SignedInRequest, staff_id: UUID) -> HttpResponse:
    """Close an account."""
    person = _person(request, staff_id)
    try:
        flows.close_account(person, by=request.user, now=timezone.now())
    except DoesNotFit as error:
        messages.error(request, " ".join(error.fields.values()))
    else:
        messages.success(request, f"{person.name} can’t sign in any more")
    return redirect("staff")


@require_POST
@needs(Action.MANAGE_STAFF)
def reopen(request: SignedInRequest, staff_id: UUID) -> HttpResponse:
    """Open a closed account again."""
    person = _person(request, staff_id)
    flows.reopen_account(person, by=request.user, now=timezone.now())
    messages.success(request, f"{person.name} can sign in again")
    return redirect("staff")


@require_POST
@needs(Action.MANAGE_STAFF)
def invite(request: SignedInRequest, staff_id: UUID) -> HttpResponse:
    """Send the link again."""
    person = _person(request, staff_id)
    flows.invite_again(person, link_for=set_password_link, by=request.user, now=timezone.now())
    messages.success(request, f"{person.name} gets a new link by mail")
    return redirect("staff")


def _person(request: SignedInRequest, staff_id: UUID) -> Staff:
    person = flows.staff_of(request.user).filter(pk=staff_id).first()
    if person is None:
        raise Http404
    return person


urlpatterns = [
    path("staff/", staff, name="staff"),
    path("staff/new/", add, name="staff-new"),
    path("staff/<uuid:staff_id>/", member, name="staff-member"),
    path("staff/<uuid:staff_id>/close/", close, name="staff-close"),
    path("staff/<uuid:staff_id>/reopen/", reopen, name="staff-reopen"),
    path("staff/<uuid:staff_id>/invite/", invite, name="staff-invite"),
]
