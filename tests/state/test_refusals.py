import errno
import os

import pytest

from globaldns.errors import StateError
from globaldns.state.refusals import REMEDIES, explained


@pytest.mark.parametrize("number", REMEDIES, ids=errno.errorcode.get)
def test_what_the_system_refuses_has_path_reason_and_remedy(number, tmp_path):
    with pytest.raises(StateError) as caught, explained(tmp_path):
        raise OSError(number, os.strerror(number))
    assert str(caught.value) == f"{tmp_path}: {os.strerror(number).lower()}"
    assert caught.value.hint


def test_a_refusal_names_the_file_that_it_is_about(tmp_path):
    missing = tmp_path / "views/east.bin"
    with pytest.raises(StateError) as caught, explained(tmp_path):
        missing.read_bytes()
    assert str(caught.value) == f"{missing}: no such file or directory"
    assert isinstance(caught.value.__cause__, FileNotFoundError)


def test_a_refusal_without_a_number_says_what_it_says_and_has_no_remedy(tmp_path):
    with pytest.raises(StateError) as caught, explained(tmp_path):
        raise OSError("Out of luck")
    assert str(caught.value) == f"{tmp_path}: out of luck"
    assert caught.value.hint == ""


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "make it writable"),
        (errno.ENOTDIR, "set another directory with the key state"),
        (errno.ENOLCK, "that file system has no locks: set another directory"),
    ],
)
def test_the_remedy_fits_the_refusal(tmp_path, number, remedy):
    with pytest.raises(StateError) as caught, explained(tmp_path):
        raise OSError(number, os.strerror(number))
    assert caught.value.hint.startswith(remedy)


@pytest.mark.parametrize("error", [StateError("is damaged", hint="remove it"), ValueError("x")])
def test_what_the_system_did_not_refuse_passes_as_it_is(tmp_path, error):
    with pytest.raises(type(error)) as caught, explained(tmp_path):
        raise error
    assert caught.value is error
