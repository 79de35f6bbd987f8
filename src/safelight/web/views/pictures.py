"""A patient's pictures: the timeline, one picture, two dates side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_GET

from safelight.flows import opening, patients
from safelight.flows.allowed import NotAllowed
from safelight.flows.consent import standings
from safelight.policy.roles import Action, may
from safelight.records.models import Patient, Photo
from safelight.terms import Purpose
from safelight.vault import SealBroken
from safelight.web.decisions import VERDICTS, strip, url_if_there, ways
from safelight.web.doors import SignedInRequest, needs

if TYPE_CHECKING:
    from safelight.flows.deciding import Decision
    from safelight.records.models import Consent
