"""How an upload is taken in: to disk as it comes, and not at all where it cannot be kept.

This runs before any view, since reading a form's token reads its files first; so it is here that a
stranger is turned away, and that a file too large is not written.
"""

from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import StopUpload, TemporaryFileUploadHandler
from django.http import HttpRequest
from django.http.request import QueryDict
from django.template.defaultfilters import filesizeformat

from challenges.room import has_room


class CarefulUploadHandler(TemporaryFileUploadHandler):
    """Writes to the incoming folder; a refusal's text is kept as ``request.upload_refused``."""

    request: HttpRequest | None
    refused: str = ""
    stranger: bool = False

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, Any],
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> tuple[QueryDict, Any] | None:
        if self.request is None or not self.request.user.is_authenticated:
            self.stranger = True
            return None
        if content_length > settings.UPLOAD_BYTES + 1024**2:
            self.refused = (
                f"The file has about {filesizeformat(content_length)}; "
                f"at most {filesizeformat(settings.UPLOAD_BYTES)} are taken."
            )
        elif not has_room(Path(settings.FILE_UPLOAD_TEMP_DIR), content_length):
            self.refused = (
                "The server's disk has no room for this file. Nothing is lost; the operator has to "
                "make room, then try again."
            )
        self.request.upload_refused = self.refused  # type: ignore[attr-defined]
        return None

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        if self.stranger:
            raise StopUpload(connection_reset=True)
        return None if self.refused else super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> "UploadedFile[Any] | None":
        if self.refused:
            self.upload_interrupted()
            return None
        return super().file_complete(file_size)
