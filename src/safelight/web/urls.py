"""All addresses. Each module of views brings its own; a view without a mark needs a sign-in."""

from __future__ import annotations

from django.conf import settings
from django.urls import include, path

AREAS = (
    "home",
    "patients",
    "choices",
    "consent",
    "capture",
    "preparing",
    "pictures",
    "releases",
    "final_item",
    "weighing",
    "studies",
    "disclosures",
    "sharing",
    "withdrawal",
    "taken",
    "matters",
    "erasing",
    "retention",
    "receipts",
    "notes",
    "governance",
    "aside",
    "rules",
    "account",
    "staff",
    "components",
)

urlpatterns = [path("", include(f"safelight.web.views.{area}")) for area in AREAS]
if settings.SAFELIGHT_MODE == "demo":
    urlpatterns.append(path("demo/", include("safelight.web.views.demo")))

handler400 = "safelight.web.views.errors.bad_request"
handler403 = "safelight.web.views.errors.not_for_this_role"
handler404 = "safelight.web.views.errors.not_found"
handler500 = "safelight.web.views.errors.went_wrong"
