"""The client that speaks S3, without what botocore describes of S3 and nobody here asks for.

Of a megabyte of description the client would keep most in memory, prose included, for as long as it
lives. What is left is what these requests need; a request that isn't named here doesn't exist.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
from botocore.config import Config

REQUESTS = frozenset(
    {
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CreateBucket",
        "CreateMultipartUpload",
        "DeleteObject",
        "GetBucketVersioning",
        "GetObject",
        "HeadBucket",  # botocore asks for a bucket's region by it
        "HeadObject",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjectsV2",
        "PutBucketVersioning",
        "PutObject",
        "UploadPart",
    }
)
"""What the store asks for, and what a test prepares a bucket with."""


class _Sparing(botocore.loaders.JSONFileLoader):  # type: ignore[misc] # botocore has no types
    """Reads a description without its prose, which then is in memory at no time."""

    def load_file(self, file_path: str) -> Any:
        """Return what the file describes, None if there is none."""
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            if Path(file_path + ending).is_file():
                with opened(file_path + ending, "rb") as file:
                    return json.loads(file.read(), object_pairs_hook=_without_prose)
        return None


def _without_prose(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return a description with nothing where prose was. Shapes may be called like that as well."""
    prose = ("documentation", "documentationUrl")
    return {key: "" if key in prose and isinstance(value, str) else value for key, value in pairs}


class _Lean(botocore.loaders.Loader):  # type: ignore[misc] # botocore has no types
    """Reads botocore's descriptions, and forgets at once what isn't needed."""

    FILE_LOADER_CLASS = _Sparing

    def load_service_model(
        self, service_name: str, type_name: str, api_version: str | None = None
    ) -> Any:
        """Return a service's description; of its requests those that are made."""
        model = super().load_service_model(service_name, type_name, api_version)
        self._cache.clear()
        return _needed(model) if type_name == "service-2" else model

    def load_data(self, name: str) -> Any:
        """Return some other description; of all endpoints those of this service."""
        data = super().load_data(name)
        self._cache.clear()
        if name == "endpoints":
            for partition in data["partitions"]:
                services = partition["services"]
                partition["services"] = {each: services[each] for each in services if each == "s3"}
        return data


def _needed(model: dict[str, Any]) -> dict[str, Any]:
    """Return the model of these requests alone, with the shapes that they lead to."""
    operations = {name: model["operations"][name] for name in sorted(REQUESTS)}
    shapes: dict[str, Any] = {}
    waiting = [*_led_to(operations)]
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _led_to(shapes[name])
    return {**model, "operations": operations, "shapes": shapes}


def _led_to(said: Any) -> Iterator[str]:
    """Yield the names of shapes that a description leads to."""
    if isinstance(said, dict):
        if isinstance(said.get("shape"), str):
            yield said["shape"]
        for value in said.values():
            yield from _led_to(value)
    elif isinstance(said, list):
        for each in said:
            yield from _led_to(each)


@cache
def _session() -> Any:
    session = botocore.session.Session()
    places = botocore.loaders.create_loader(session.get_config_variable("data_path")).search_paths
    lean = _Lean(extra_search_paths=places, include_default_search_paths=False)
    session.register_component("data_loader", lean)
    return session


def client(
    *, endpoint: str | None, region: str, access_key: str | None, secret_key: str | None, **how: Any
) -> Any:
    """Return a client. Without keys it finds them as AWS's own tools do.

    how: botocore's own settings.
    """
    return _session().create_client(
        "s3",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        config=Config(**how),
    )
