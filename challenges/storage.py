"""Where files of each trust lie. Passed to file fields as functions, so migrations name no path."""

from typing import NoReturn

from django.core.files.storage import FileSystemStorage, Storage, storages


class FolderWithoutAddress(FileSystemStorage):
    """Files that no URL leads to. Leaving out ``base_url`` is not enough: Django then makes one."""

    def url(self, name: str | None) -> NoReturn:
        raise ValueError(f"{name} is not accessible via a URL.")


def private() -> Storage:
    """References, images of hidden cases, predictions: no URL; views ask a policy first."""
    return storages["private"]


def untrusted() -> Storage:
    """Uploads and outputs of strangers' programs: never served."""
    return storages["untrusted"]
