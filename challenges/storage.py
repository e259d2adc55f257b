"""Where files of each trust lie. Passed to file fields as functions, so migrations name no path."""

from django.core.files.storage import Storage, storages


def private() -> Storage:
    """References, images of hidden cases, predictions: no URL; views ask a policy first."""
    return storages["private"]


def untrusted() -> Storage:
    """Uploads and outputs of strangers' programs: never served."""
    return storages["untrusted"]
