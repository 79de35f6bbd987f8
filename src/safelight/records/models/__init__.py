"""All models, by the names that the rest of the house uses."""

from safelight.records.models.backups import BackupRun
from safelight.records.models.choices import Offer, PendingChoice
from safelight.records.models.consent import Consent, Objection, Receipt
from safelight.records.models.forms import AnsweredForm
from safelight.records.models.kept import Gap, Look
from safelight.records.models.keys import KeyBackupVerified
from safelight.records.models.log import (
    Checkpoint,
    LedgerCheck,
    LedgerEntry,
    OutgoingMail,
    TreeHead,
)
from safelight.records.models.matters import Exhibit, Matter
from safelight.records.models.people import (
    Assessment,
    Consultation,
    Patient,
    Practice,
    Representative,
    Staff,
)
from safelight.records.models.pictures import Copy, Photo, StoppedCapture
from safelight.records.models.retention import CareRecord, Review
from safelight.records.models.rules import DecisionTaken, LocalRules, PackVersion
from safelight.records.models.saying_no import SaidNo
from safelight.records.models.sharing import Disclosure, ExposureAlarm, Link, Release, Reply
from safelight.records.models.weighing import FinalShowing, OrganisationAgreement, Study, Weighing
from safelight.records.models.withdrawal import Channel, EraseJob, LegalHold, Recall, Withdrawal

__all__ = [
    "AnsweredForm",
    "Assessment",
    "BackupRun",
    "CareRecord",
    "Channel",
    "Checkpoint",
    "Consent",
    "Consultation",
    "Copy",
    "DecisionTaken",
    "Disclosure",
    "EraseJob",
    "Exhibit",
    "ExposureAlarm",
    "FinalShowing",
    "Gap",
    "KeyBackupVerified",
    "LedgerCheck",
    "LedgerEntry",
    "LegalHold",
    "Link",
    "LocalRules",
    "Look",
    "Matter",
    "Objection",
    "Offer",
    "OrganisationAgreement",
    "OutgoingMail",
    "PackVersion",
    "Patient",
    "PendingChoice",
    "Photo",
    "Practice",
    "Recall",
    "Receipt",
    "Release",
    "Reply",
    "Representative",
    "Review",
    "SaidNo",
    "Staff",
    "StoppedCapture",
    "Study",
    "TreeHead",
    "Weighing",
    "Withdrawal",
]
