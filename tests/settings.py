"""The project's settings over a state folder of the test's own.

UPTAKE_TEST_DATABASE names a PostgreSQL server, as DATABASE_URL does for a platform, on which tests
make databases of their own; without it they use SQLite.
"""

import os
import tempfile

os.environ["UPTAKE_STATE"] = tempfile.mkdtemp(prefix="uptake-tests-")
os.environ.pop("REDIS_URL", None)
os.environ["DATABASE_URL"] = os.environ.get("UPTAKE_TEST_DATABASE", "")
os.environ["UPTAKE_API_PER_MINUTE"] = "1000000"  # tests ask faster than people

from config.settings import *  # noqa: F403

STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# A test is one transaction, however long it does other things.
DATABASES["default"]["OPTIONS"].pop("options", None)  # noqa: F405
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # quick, for tests alone

STATIC_ROOT.mkdir(exist_ok=True)  # noqa: F405
