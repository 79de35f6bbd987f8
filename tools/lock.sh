#!/bin/sh
# Write the exact versions and hashes of everything that is installed. No registry is named in them.
set -eu
cd "$(dirname "$0")/.."
lock() { .venv/bin/uv pip compile --generate-hashes --no-header --no-annotate --quiet --universal --python-version 3.11 "$@"; }
lock pyproject.toml -o requirements/run.txt
lock pyproject.toml --extra build -c requirements/run.txt -o requirements/build.txt
lock pyproject.toml --extra aws --extra openbao --extra pkcs11 --extra postgres --extra s3 -c requirements/run.txt -o requirements/optional.txt
lock pyproject.toml --extra dev -c requirements/build.txt -c requirements/optional.txt -o requirements/dev.txt
