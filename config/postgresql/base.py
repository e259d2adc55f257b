"""Django's backend, whose transactions come one after the other.

Services read and then write within ``transaction.atomic`` (a quota, the next number of an edition);
on SQLite that is one writer at a time. Here an advisory lock, held until the transaction ends, says
the same; it is of this database alone, and a connection that breaks gives it back.
"""

from django.db.backends.postgresql import base

_WRITERS = 0x5570_7461_6B65


class DatabaseWrapper(base.DatabaseWrapper):
    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        was = self.autocommit
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if was and not autocommit:
            with self.connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_WRITERS,))
