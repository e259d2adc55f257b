"""The project's settings over a state folder of the test's own."""

import os
import tempfile

os.environ["UPTAKE_STATE"] = tempfile.mkdtemp(prefix="uptake-tests-")
os.environ.pop("REDIS_URL", None)
os.environ["UPTAKE_API_PER_MINUTE"] = "1000000"  # tests ask faster than people

from config.settings import *  # noqa: F403

STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, for tests alone

STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
