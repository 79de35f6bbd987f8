"""The lean client asks for the same, at the same places, as one with everything in memory."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

boto3 = pytest.importorskip("boto3")

from botocore.config import Config  # noqa: E402 - only where boto3 is

from safelight.storage import s3, s3_client  # noqa: E402

PLACES = ["eu-west-2", "us-east-1", "us-gov-west-1", "cn-north-1", "eusc-de-east-1", "nowhere-1"]
PLACE = {"Bucket": "a-bucket", "Key": "a/key"}


def lean(region: str, endpoint: str | None = None):
    said = {"access_key": "who", "secret_key": "a secret"}
    return s3_client.client(endpoint=endpoint, region=region, **said)


def whole(region: str, endpoint: str | None = None):
    said = {"aws_access_key_id": "who", "aws_secret_access_key": "a secret"}
    return boto3.session.Session().client(
        "s3", endpoint_url=endpoint, region_name=region, config=Config(), **said
    )


def test_every_request_of_the_store_is_one_that_is_kept():
    source = Path(s3.__file__).read_text(encoding="utf-8")
    asked = set(re.findall(r"self\._client\.(\w+)\(", source)) - {"get_paginator"}
    asked |= set(re.findall(r'get_paginator\("(\w+)"\)', source))
    assert len(asked) > 10
    names = lean("eu-west-2").meta.method_to_api_mapping
    assert {names[each] for each in asked} <= s3_client.REQUESTS == set(names.values())


@pytest.mark.parametrize("region", PLACES)
@pytest.mark.parametrize("endpoint", [None, "https://store.example"])
def test_it_goes_where_the_whole_one_goes(region, endpoint):
    ours, theirs = lean(region, endpoint), whole(region, endpoint)
    assert ours.meta.endpoint_url == theirs.meta.endpoint_url
    assert ours.meta.partition == theirs.meta.partition
    for method in ("get_object", "put_object", "head_object"):
        both = [
            each.generate_presigned_url(method, Params=PLACE, ExpiresIn=60).partition("?")[0]
            for each in (ours, theirs)
        ]
        assert both[0] == both[1]


def test_what_it_keeps_of_a_request_is_what_the_whole_one_has():
    ours, theirs = lean("eu-west-2").meta.service_model, whole("eu-west-2").meta.service_model

    def told(model, name: str) -> list[object]:
        operation = model.operation_model(name)
        shapes = [operation.input_shape, operation.output_shape]
        seen: list[object] = [operation.http, operation.http_checksum, operation.auth_type]
        while shapes:
            shape = shapes.pop()
            if shape is None or shape.name in seen:
                continue
            seen += [
                shape.name,
                shape.type_name,
                sorted(shape.serialization),
                sorted(shape.metadata),
            ]
            shapes += [*getattr(shape, "members", {}).values()]
            shapes += [
                each for part in ("member", "key", "value") if (each := getattr(shape, part, None))
            ]
        return seen

    for name in sorted(s3_client.REQUESTS):
        assert told(ours, name) == told(theirs, name)
