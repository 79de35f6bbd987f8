"""The order in which rows are locked, so that two acts never wait for each other.

First the patient, then whatever rows are the patient's, then the ledger's head (`log.append`).
An act that changes nothing of a patient's locks its own rows, then the head. Mail comes last.
"""

from __future__ import annotations

from uuid import UUID

from safelight.records.models import Patient


def hold_patient(pk: UUID) -> Patient:
    """Hold a patient's row until the transaction ends; rows that only name the patient may come.

    Returns the row as it is now: its id, and when the record was erased.

    Capture, sharing, release, withdrawal and erasure each begin with it. Raises Patient.DoesNotExist.
    """
    return Patient.objects.select_for_update(no_key=True).only("pk", "erased_at").get(pk=pk)
