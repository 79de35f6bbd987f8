"""What is asked before a picture reaches more eyes: exposure, a second person, the device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safelight.policy.requirements.registry import Unmet, hold, of_case, refuse

if TYPE_CHECKING:
    from safelight.policy.case import Case


@of_case("exposure-clear", says="with all that has left, it could be enough people")
def exposure_clear(case: Case) -> Unmet | None:
    """Refuse where it could be too few people, hold where someone has to judge or assess."""
    verdict = case.facts.exposure_verdict
    if verdict == "clear":
        return None
    if verdict == "block":
        return refuse(
            "With all that has left, it could be too few people.", "exposure.verdict", "clear"
        )
    text = (
        "It could be few people: someone has to judge."
        if verdict == "review"
        else "What it adds up to, with all that has left, isn't known."
    )
    return hold(text, "exposure.verdict", "clear")


@of_case("second-person", says="a second person agrees")
def second_person(case: Case) -> Unmet | None:
    """Hold until someone other than the one who asks has agreed."""
    if case.facts.second_person:
        return None
    return hold("A second person has to agree.", "review.second_person", "who agreed")


@of_case("device-registered", says="the device is registered")
def device_registered(case: Case) -> Unmet | None:
    """Refuse a device that nobody has registered."""
    if case.facts.device is not None and case.facts.device.registered:
        return None
    return refuse("The device isn't registered.", "device.registered")


@of_case("class-allowed-on-device", says="such pictures are allowed on a personal device")
def class_allowed_on_device(case: Case) -> Unmet | None:
    """Refuse on a personal device what the practice doesn't allow there."""
    device = case.facts.device
    if device is None or device.personal is False:
        return None
    state = case.facts.recording.identifiable
    wanted = state if state in ("coded", "anonymised") else "identifiable"
    if wanted in device.allowed_classes:
        return None
    return refuse(
        "Such a picture isn't allowed on a personal device.",
        "device.allowed_classes",
        sorted(device.allowed_classes | {wanted}),
    )
