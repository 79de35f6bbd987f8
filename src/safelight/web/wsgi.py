"""The application that a server runs."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "safelight.web.settings")
application = get_wsgi_application()

from safelight.flows import stores  # noqa: E402 - after the settings

stores.records_held()
