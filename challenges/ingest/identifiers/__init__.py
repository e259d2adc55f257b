"""Names, dates and identifiers of persons in headers, file names and tables, before they are kept.

What is found is for a person to judge; it is shown masked, as pages and logs are kept too.
"""

from challenges.ingest.identifiers.found import CHECK_ID, Identifier
from challenges.ingest.identifiers.searching import identifiers_in, search_file, search_name
from challenges.ingest.identifiers.texts import search_text

__all__ = [
    "CHECK_ID",
    "Identifier",
    "identifiers_in",
    "search_file",
    "search_name",
    "search_text",
]
