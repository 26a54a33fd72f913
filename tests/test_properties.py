"""What properties of connect, status and metadata mean in words."""

import math

import pytest

from rtmpscope.rtmp.commands import command_amf0, data_amf0
from rtmpscope.rtmp.properties import CONNECT, METADATA, STATUS
from tests import bodies, wire
from tests.fields import walk


def command(name, *values):
    payload = wire.command(name, 1, *values)
    return command_amf0(payload, len(payload))


def data(*values):
    payload = wire.amf0(*values)
    return data_amf0(payload, len(payload))


def text(body, path):
    return bodies.at(body, path).text


CONNECT_CASES = {
    "audioCodecs": (3191, "PCM, ADPCM, MP3, 0x10 (unused), Nellymoser 8 kHz, Nellymoser 44 kHz, AAC, Speex"),
    "videoCodecs": (252, "Sorenson H.263, Screen Video, VP6, VP6 with alpha, Screen Video 2, H.264"),
    "videoFunction": (7, "client seek, HDR, video metadata packets"),
    "objectEncoding": (3, "AMF3"),
    "fpad": (False, "no proxy"),
    "capsEx": (15, "Reconnect, Multitrack, ModEx, TimestampNanoOffset"),
    "fourCcList": (["av01", "*", "none"], "codecs of Enhanced RTMP"),
    "videoFourCcInfoMap": (
        {"hvc1": 3, "*": 4, "zzzz": 0},
        "codecs of Enhanced RTMP and what can be done with each",
    ),
    "audioFourCcInfoMap": ({"Opus": 1}, "codecs of Enhanced RTMP and what can be done with each"),
}


def test_every_property_of_connect_has_a_case():
    assert CONNECT_CASES.keys() == CONNECT.keys()


@pytest.mark.parametrize("name", CONNECT_CASES)
def test_property_of_connect_is_explained(name):
    value, said = CONNECT_CASES[name]
    assert text(command("connect", {name: value}), f"command_object.{name}") == said
    assert text(command("_result", {name: value}), f"command_object.{name}") == said
    assert text(command("myMethod", {name: value}), f"command_object.{name}") == ""


def test_codecs_of_enhanced_rtmp_are_named_one_by_one():
    body = command("connect", {name: value for name, (value, _) in CONNECT_CASES.items()})
    listed = bodies.at(body, "command_object.fourCcList").children
    assert [field.text for field in listed] == ["av1", "any codec", ""]
    mapped = bodies.at(body, "command_object.videoFourCcInfoMap").children
    assert [field.text for field in mapped] == ["hevc: decode, encode", "any codec: forward", "codec not known: none"]
    assert text(body, "command_object.audioFourCcInfoMap.Opus") == "opus: decode"


def test_bits_without_a_name_and_values_that_are_no_bits():
    body = command("connect", {"videoCodecs": 0x180})
    assert text(body, "command_object.videoCodecs") == "H.264, 0x100 (not defined)"
    assert text(command("connect", {"capsEx": 0}), "command_object.capsEx") == "none"
    for odd in (-1, 1.5, math.nan, math.inf, 1e300, "4", None, True):
        assert text(command("connect", {"capsEx": odd}), "command_object.capsEx") == ""
    assert "not defined" in text(command("connect", {"objectEncoding": 1}), "command_object.objectEncoding")
    assert text(command("connect", {"objectEncoding": 0}), "command_object.objectEncoding") == "AMF0"
    assert text(command("connect", {"fpad": True}), "command_object.fpad") == "through a proxy"


METADATA_CASES = {
    "audiocodecid": (10, "aac"),
    "audiodatarate": (128, "kbit/s"),
    "audiodelay": (0.1, "seconds"),
    "audiosamplerate": (44100, "Hz"),
    "audiosamplesize": (16, "bit"),
    "audioTrackIdInfoMap": ({"1": {"audiocodecid": 10}}, "by track id"),
    "duration": (12.5, "seconds"),
    "fileSize": (0, "bytes"),
    "filesize": (0, "bytes"),
    "framerate": (25, "frames a second"),
    "height": (720, "pixels"),
    "videocodecid": (7, "h264"),
    "videodatarate": (2500, "kbit/s"),
    "videoTrackIdInfoMap": ({"1": {"width": 640}}, "by track id"),
    "width": (1280, "pixels"),
}


def test_every_property_of_metadata_has_a_case():
    assert METADATA_CASES.keys() == METADATA.keys()


@pytest.mark.parametrize("name", METADATA_CASES)
def test_property_of_metadata_is_explained(name):
    value, said = METADATA_CASES[name]
    assert text(data("onMetaData", wire.Ecma({name: value})), f"arguments.metadata.{name}") == said
    assert text(data("@setDataFrame", "onMetaData", {name: value}), f"arguments.metadata.{name}") == said


def test_tracks_of_metadata_are_explained_too():
    body = data("onMetaData", {"videoTrackIdInfoMap": {"1": {"width": 640, "videocodecid": 1635135537}}})
    assert text(body, "arguments.metadata.videoTrackIdInfoMap.1.width") == "pixels"
    assert text(body, "arguments.metadata.videoTrackIdInfoMap.1.videocodecid") == "av1"


@pytest.mark.parametrize(
    ("name", "value", "codec"),
    [
        ("videocodecid", 1635135537, "av1"),
        ("videocodecid", 1752589105, "hevc"),
        ("videocodecid", 1635148593, "h264"),
        ("videocodecid", 1987063865, "vp9"),
        ("audiocodecid", 1332770163, "opus"),
        ("audiocodecid", 1836069985, "aac"),
        ("audiocodecid", 1716281667, "flac"),
        ("audiocodecid", 1633889587, "ac3"),
        ("audiocodecid", 1700998451, "eac3"),
        ("audiocodecid", 2, "mp3"),
        ("videocodecid", 99, "not known"),
        ("videocodecid", 2**52, "not known"),
        ("videocodecid", "avc1", ""),
        ("videocodecid", math.nan, ""),
    ],
)
def test_codec_of_metadata_is_named_by_number_or_fourcc(name, value, codec):
    assert text(data("onMetaData", {name: value}), f"arguments.metadata.{name}") == codec


STATUS_CASES = {
    "code": ("NetStream.Publish.BadName", "the stream name is already in use or not allowed"),
    "description": ("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] :", "publishing needs a login"),
    "secureToken": ("0123", "a challenge"),
}


def test_every_property_of_a_status_has_a_case():
    assert STATUS_CASES.keys() | CONNECT.keys() == STATUS.keys()


@pytest.mark.parametrize("name", STATUS_CASES)
def test_property_of_a_status_is_explained(name):
    value, said = STATUS_CASES[name]
    for body in (
        command("onStatus", None, {name: value}),
        command("_error", {name: value}),
        data("onStatus", {name: value}),
    ):
        assert any(field.name == name and field.text.startswith(said) for field in walk(body))


@pytest.mark.parametrize(
    ("sign", "said"),
    [
        ("?reason=needauth&user=u&salt=s&challenge=c", "the server's challenge"),
        ("?reason=authfailed&opaque=o", "the password is wrong"),
        ("?reason=nosuchuser", "there is no such user"),
        ("all is well", ""),
        (None, ""),
    ],
)
def test_description_of_a_refused_login_is_explained(sign, said):
    assert text(command("_error", None, {"description": sign}), "arguments.response.description").startswith(said)
