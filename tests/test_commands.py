"""Commands and data messages: arguments by their names, in AMF0, in AMF3, and cut anywhere."""

import math

import pytest

from rtmpscope.amf.amf0 import plain
from rtmpscope.rtmp.commands import (
    COMMANDS,
    HANDLERS,
    PUBLISH_TYPES,
    command_amf0,
    command_amf3,
    data_amf0,
    data_amf3,
    information,
    is_error,
    redirects,
    status_code,
)
from tests import bodies, wire

CREATE_STREAM = bytes.fromhex("02 000c 63726561746553747265616d 00 4000000000000000 05")
ON_STATUS = {"level": "status", "code": "NetStream.Publish.Start", "description": "go on"}


def command(name, *values, transaction_id=1):
    payload = wire.command(name, transaction_id, *values)
    return command_amf0(payload, len(payload))


def data(*values):
    payload = wire.amf0(*values)
    return data_amf0(payload, len(payload))


def arguments(body):
    """The names, values and meanings of the arguments."""
    return [(field.name, plain(field), field.text) for field in bodies.at(body, "arguments").children]


def text(body, path):
    return bodies.at(body, path).text


# --- the frame of a command


def test_create_stream_has_name_transaction_and_null_object():
    body = command_amf0(CREATE_STREAM, 25)
    assert len(CREATE_STREAM) == 25 and body.name == "command"
    assert bodies.plain(body) == {
        "name": "createStream",
        "transaction_id": 2.0,
        "command_object": None,
        "arguments": [],
    }
    places = [(field.name, field.start, field.end) for field in body.children]
    assert places == [("name", 0, 15), ("transaction_id", 15, 24), ("command_object", 24, 25), ("arguments", 25, 25)]


def test_answer_to_create_stream_has_the_stream_id_as_response():
    payload = bytes.fromhex("02 0007 5f726573756c74 00 4000000000000000 05 00 3ff0000000000000")
    assert len(payload) == 29
    assert arguments(command_amf0(payload, 29)) == [("response", 1.0, "")]


def test_status_of_publishing():
    payload = wire.command("onStatus", 0, None, {"level": "status", "code": "NetStream.Publish.Start"})
    body = command_amf0(payload, len(payload))
    assert len(payload) == 73
    assert arguments(body) == [("information", {"level": "status", "code": "NetStream.Publish.Start"}, "")]
    assert text(body, "arguments.information.code") == "the client may publish"


def test_command_decodes_all_ways():
    bodies.check_all_ways(command_amf0, CREATE_STREAM)
    bodies.check_all_ways(command_amf0, wire.command("onStatus", 0, None, ON_STATUS))
    bodies.check_all_ways(command_amf3, b"\x00" + wire.command("play", 4, None, "cam", -2000.0))


@pytest.mark.parametrize("name", COMMANDS)
def test_arguments_of_a_known_command_have_their_names(name):
    names = COMMANDS[name].arguments
    body = command(name, None, *("x" for _ in names), "more")
    assert [each[0] for each in arguments(body)] == [*names, f"[{len(names)}]"]


def test_arguments_of_an_unknown_command_are_numbered():
    body = command("myMethod", None, 1, "two", [3])
    assert arguments(body) == [("[0]", 1.0, ""), ("[1]", "two", ""), ("[2]", [3.0], "")]


def test_command_with_nothing_but_its_name():
    payload = wire.amf0("onFCPublish")
    assert bodies.plain(command_amf0(payload, len(payload))) == {"name": "onFCPublish", "arguments": []}


def test_transaction_id_that_was_left_out_is_not_made_up():
    payload = wire.amf0("onBWDone", None, 8192)
    body = command_amf0(payload, len(payload))
    assert bodies.plain(body) == {"name": "onBWDone", "command_object": None, "arguments": [8192.0]}


def test_name_may_be_a_long_string_or_an_amf3_string():
    for name in (b"\x0c\x00\x00\x00\x05close", b"\x11\x06\x0bclose"):
        payload = name + wire.amf0(0, None)
        assert plain(bodies.at(command_amf0(payload, len(payload)), "name")) == "close"


def test_command_whose_value_is_damaged_keeps_what_came_before():
    payload = CREATE_STREAM + b"\xee\x01\x02"
    body = command_amf0(payload, len(payload))
    assert bodies.at(body, "name").value == "createStream"
    assert bodies.undecoded(body) == ["unknown AMF0 marker 0xee"]


# --- format selectors


@pytest.mark.parametrize(
    ("decode", "before", "value", "said"),
    [
        (command_amf3, b"\x00", 0, ""),
        (command_amf3, b"", None, "left out"),
        (command_amf3, b"\x03", 3, "not defined: 0 is the only one"),
        (command_amf0, b"\x00", 0, "stray: an AMF0 type has none"),
        (data_amf3, b"\x00", 0, ""),
        (data_amf3, b"", None, "left out"),
        (data_amf0, b"\x00", 0, "stray: an AMF0 type has none"),
    ],
)
def test_format_selector_is_found_where_it_is_and_where_it_is_not(decode, before, value, said):
    payload = before + wire.amf0("close", 1)
    body = decode(payload, len(payload))
    selector = bodies.at(body, "format_selector")
    assert (selector.value, selector.text, selector.kind) == (value, said, "display")
    assert (selector.start, selector.end) == (0, len(before))
    assert bodies.at(body, "name").value == "close"


def test_amf0_message_has_no_selector():
    assert command_amf0(CREATE_STREAM, 25).child("format_selector") is None


def test_amf3_value_in_an_amf0_frame_holds_for_one_value():
    payload = b"\x00" + wire.amf0("call", 2, None, b"\x11\x04\x07", 1)
    assert arguments(command_amf3(payload, len(payload))) == [("[0]", 7, ""), ("[1]", 1.0, "")]


@pytest.mark.parametrize("payload", [b"\x00\x00\x01\x00", b"\x01\x00\x00\x00", b"\x00", b"\xff\x05", b"{}", b""])
@pytest.mark.parametrize("decode", [command_amf0, command_amf3, data_amf0, data_amf3])
def test_payload_that_is_not_amf_is_said_to_be_so(decode, payload):
    body = decode(payload, len(payload))
    assert bodies.plain(body) == {"undecoded": payload}
    assert bodies.undecoded(body) == ["not AMF: it does not begin with a name"]


def test_name_that_was_not_captured_is_not_called_wrong():
    assert bodies.undecoded(command_amf0(b"", 25)) == ["25 bytes were not captured"]


# --- what arguments mean


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (-2, "live if somebody publishes it, else recorded"),
        (-2000, "live if somebody publishes it, else recorded"),
        (-1, "live only"),
        (-1000, "live only"),
        (5000, "recorded, from there on; milliseconds from most clients, seconds by the specification"),
        (-3, ""),
        (math.nan, ""),
        ("x", ""),
        (None, ""),
    ],
)
def test_start_of_play_is_explained(start, said):
    assert text(command("play", None, "cam", start), "arguments.start") == said


def test_play_with_everything():
    payload = bytes.fromhex("02 0004 706c6179 00 4010000000000000 05 02 0003 63616d 00 c09f400000000000")
    assert len(payload) == 0x20
    assert bodies.plain(bodies.at(command_amf0(payload, 32), "arguments")) == ["cam", -2000.0]
    body = command("play", None, "cam", 0, -1000, True)
    assert text(body, "arguments.duration") == "to the end"
    assert text(body, "arguments.reset") == "the playlist is emptied first"
    body = command("play", None, "cam", 0, 0, False)
    assert text(body, "arguments.duration") == "a single frame"
    assert text(body, "arguments.reset") == "added to the playlist"
    body = command("play", None, "cam", 0, 10)
    assert text(body, "arguments.duration") == "milliseconds from most clients, seconds by the specification"


@pytest.mark.parametrize("kind", PUBLISH_TYPES)
def test_publish_type_is_explained(kind):
    assert text(command("publish", None, "cam", kind), "arguments.publish_type") == PUBLISH_TYPES[kind]


def test_publish_type_may_be_missing_or_wrong():
    assert arguments(command("publish", None, "cam")) == [("stream_name", "cam", "")]
    assert text(command("publish", None, "cam", "LIVE"), "arguments.publish_type") == "not recorded"
    assert text(command("publish", None, "cam", "x"), "arguments.publish_type") == "not defined"


def test_switches_say_which_way():
    assert text(command("pause", None, True, 1500), "arguments.pause") == "pause"
    assert text(command("pause", None, False, 1500), "arguments.pause") == "go on"
    assert text(command("pause", None, False, 1500), "arguments.milliseconds") == "ms"
    assert text(command("receiveAudio", None, True), "arguments.receive") == "send it"
    assert text(command("receiveVideo", None, False), "arguments.receive") == "do not send it"


# --- what the others ask


def test_level_of_the_server_counts_before_the_usual_one():
    assert is_error(command("onStatus", None, {"level": "error", "code": "My.Own.Code"}))
    assert not is_error(command("onStatus", None, {"level": "status", "code": "NetStream.Failed"}))
    assert is_error(command("_error", None, None))
    assert not is_error(command("_result", None, 1))


@pytest.mark.parametrize(
    "values",
    [
        (None, {"codecs": "avc1", "code": "A.B"}),
        ({"fmsVer": "x"}, {"level": "status", "code": "A.B"}),
        ({"code": "A.B"}, None),
        (None, "text", {"code": "A.B"}),
        ({"code": 7}, {"code": "A.B"}),
    ],
)
def test_code_is_found_wherever_its_object_stands(values):
    body = command("_result", *values)
    assert status_code(body) == "A.B"
    assert information(body).get("code") == "A.B"


def test_body_without_information_has_no_code():
    for body in (command("_result", None, 1), command("connect", {"app": "live"}), command_amf0(b"", 0)):
        assert (status_code(body), information(body)) == ("", None)


@pytest.mark.parametrize(("exception", "redirected"), [({"code": 302}, True), ({"code": 500}, False), ("302", False)])
def test_answer_that_sends_the_client_elsewhere(exception, redirected):
    info = {"code": "NetConnection.Connect.Rejected", "ex": exception}
    assert redirects(command("_error", None, info)) == redirected


def test_answer_with_a_code_is_information_and_without_one_a_response():
    assert arguments(command("_result", None, ON_STATUS))[0][0] == "information"
    assert arguments(command("_result", None, {"rows": 3}))[0][0] == "response"


# --- data


@pytest.mark.parametrize("name", HANDLERS)
def test_arguments_of_a_known_handler_have_their_names(name):
    names = HANDLERS[name].arguments
    assert [each[0] for each in arguments(data(name, *("x" for _ in names), "more"))] == [*names, f"[{len(names)}]"]


def test_metadata_is_set_without_a_transaction():
    payload = bytes.fromhex(
        "02 000d 40736574446174614672616d65 02 000a 6f6e4d65746144617461 08 00000002"
        "0005 7769647468 00 4094000000000000 0006 686569676874 00 4086800000000000 000009"
    )
    body = data_amf0(payload, len(payload))
    assert body.name == "data"
    assert bodies.plain(body) == {
        "name": "@setDataFrame",
        "arguments": ["onMetaData", {"width": 1280.0, "height": 720.0}],
    }
    assert [each[0] for each in arguments(body)] == ["handler", "metadata"]
    bodies.check_all_ways(data_amf0, payload)
    bodies.check_all_ways(data_amf3, b"\x00" + payload)


def test_handler_of_the_application_has_numbered_arguments():
    assert arguments(data("chat", "hi", 1)) == [("[0]", "hi", ""), ("[1]", 1.0, "")]


@pytest.mark.parametrize("decode", [command_amf0, command_amf3, data_amf0, data_amf3])
def test_any_bytes_decode(decode):
    bodies.fuzz(decode)
    bodies.fuzz(decode, CREATE_STREAM)
    bodies.fuzz(decode, wire.amf0("connect", 1))
