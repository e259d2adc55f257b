"""Uploads and submissions as data: what the pages do, for programs."""

from ninja import Router

from submissions.api.algorithms import router as algorithms
from submissions.api.organising import router as organising
from submissions.api.submissions import router as submissions
from submissions.api.uploads import router as uploads

router = Router()
for _part in (uploads, submissions, algorithms, organising):
    router.add_router("", _part)
