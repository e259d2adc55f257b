"""Operators are named on the server, by ``./uptake operator``, and nowhere else."""

import pytest
from typer.testing import CliRunner

from accounts.models import User
from accounts.services import set_operator
from config.cli import app
from submissions.policies import may_operate
from tests.factories import a_user

pytestmark = pytest.mark.django_db


def is_operator(name: str) -> bool:
    return may_operate(User.objects.get(username=name))


def test_one_is_named_and_no_other():
    a_user("ada")
    a_user("bob")
    assert set_operator(username="ada", operator=True)
    assert (is_operator("ada"), is_operator("bob")) == (True, False)
    assert set_operator(username="ada", operator=False)
    assert not is_operator("ada")


def test_nobody_of_that_name_is_told():
    assert not set_operator(username="nobody", operator=True)


def test_an_operator_gains_nothing_beyond():
    a_user("ada")
    set_operator(username="ada", operator=True)
    assert not User.objects.get(username="ada").is_superuser


def test_who_has_left_operates_nothing():
    ada = a_user("ada")
    set_operator(username="ada", operator=True)
    User.objects.filter(pk=ada.pk).update(is_active=False)
    assert not is_operator("ada")


def test_the_command_names_and_removes():
    a_user("ada")
    done = CliRunner().invoke(app, ["operator", "ada"])
    assert (done.exit_code, done.output.strip()) == (0, "ada is an operator.")
    assert is_operator("ada")
    assert "no longer" in CliRunner().invoke(app, ["operator", "ada", "--remove"]).output
    assert not is_operator("ada")
    done = CliRunner().invoke(app, ["operator", "nobody"])
    assert done.exit_code == 1
    assert "Sign up in the browser first" in done.output
