"""The page of what is set aside, and the alarm that leads to it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from house import House, thing
from safelight.flows import inventory, stores
from safelight.records.models import OutgoingMail, Photo


def test_a_lead_sees_what_is_missing_and_brings_it_back(house: House) -> None:
    with house.undone():
        lead, photo = house.browsers["lead"], thing(house, "photo", Photo)
        assert "There was none yet" in lead.get("/governance/aside/").content.decode()
        path = house.root / "blobs" / photo.blob
        data = path.read_bytes()
        path.unlink()
        inventory.look(now=timezone.now())
        assert OutgoingMail.objects.filter(subject="Safelight set something aside").exists()
        assert "Set aside: a file or a key is missing" in lead.get("/governance/").content.decode()
        page = lead.get("/governance/aside/").content.decode()
        assert str(photo.capture_id) in page
        assert "Its sealed file is missing" in page
        assert photo.patient.name not in page
        again = lead.post("/governance/aside/look/", follow=True).content.decode()
        assert "Nothing that was missing is back yet" in again
        stores.blobs().put(photo.blob, data)
        again = lead.post("/governance/aside/look/", follow=True).content.decode()
        assert "Back in their places: 1" in again
        assert "Nothing is missing" in again
        assert "It is back" in again


def test_a_store_that_seems_to_be_another_one_is_said_first(house: House) -> None:
    with house.undone():
        for name in list(stores.blobs().names()):
            stores.blobs().delete(name)
        inventory.look(now=timezone.now() + timedelta(days=1))
        page = house.browsers["lead"].get("/governance/aside/").content.decode()
        assert "Half of everything seems to be gone" in page


def test_keys_that_cannot_be_opened_are_said_in_words(house: House) -> None:
    """Looking again without the key file says so and changes nothing."""
    with house.undone():
        photo = thing(house, "photo", Photo)
        (house.root / "blobs" / photo.blob).unlink()
        inventory.look(now=timezone.now())
        stores.close()
        seal = house.root / "keys" / "seal.json"
        seal.rename(seal.with_name("elsewhere"))
        page = house.browsers["lead"].post("/governance/aside/look/", follow=True).content.decode()
        seal.with_name("elsewhere").rename(seal)
        assert "The keys can" in page
        assert "Back in their places" not in page
