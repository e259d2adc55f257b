"""Every change of an account that is not allauth's: operators, notices, and their mails."""

from accounts.services.operators import set_operator

__all__ = ["set_operator"]
