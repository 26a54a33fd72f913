"""Status codes have a level and a meaning, however they are spelled."""

import pytest

from rtmpscope.rtmp.commands import command_amf0, is_error
from rtmpscope.rtmp.status_codes import CODES, meaning, status
from tests import bodies, wire


def on_status(information):
    payload = wire.command("onStatus", 0, None, information)
    return command_amf0(payload, len(payload))


@pytest.mark.parametrize("code", CODES)
def test_code_has_a_level_and_a_meaning(code):
    known = CODES[code]
    assert known.level in ("status", "warning", "error") and known.meaning
    assert status(code.upper()) is known
    body = on_status({"level": known.level, "code": code})
    assert bodies.at(body, "arguments.information.code").text == meaning(code) == known.meaning
    assert is_error(body) == (known.level == "error")
    assert is_error(on_status({"code": code})) == (known.level == "error")


def test_code_that_nobody_knows_has_no_meaning():
    assert (status("My.Own.Code"), meaning("My.Own.Code"), meaning(7), meaning(None)) == (None, "", "", "")
