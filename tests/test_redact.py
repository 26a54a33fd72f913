"""Secrets are found by place and by memory, in every encoding, and nothing else is touched."""

from __future__ import annotations

from base64 import b64decode, b64encode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rtmpscope.amf import amf0 as decoder
from rtmpscope.export import values
from rtmpscope.known import written as forms_of
from rtmpscope.limits import SECRET_CHARACTERS
from rtmpscope.model import Field, Message, Note, Severity
from rtmpscope.redact import ALIKE, DOTS, MASK, TAGS, Redactor
from rtmpscope.rtmp import messages
from rtmpscope.rtmp.summary import summarize
from tests import costs
from tests.wire import Ecma, amf0, command, shared_object, so_event

KEY = "sk-Zq81Lm_secretkey"


def message(type_id: int, payload: bytes, length: int | None = None) -> Message:
    return Message(0, 0, 1, 0, 0, 3, type_id, 0, 0, len(payload) if length is None else length, payload)


def redacted(redactor: Redactor, type_id: int, payload: bytes, length: int | None = None) -> Field:
    event = message(type_id, payload, length)
    return redactor.body(event, messages.decode(type_id, payload, event.length))


def plain(redactor: Redactor, *values: object) -> Any:
    """A command as Python values, after redaction: what stands in its arguments."""
    body = redacted(redactor, 20, command(*values))  # type: ignore[arg-type]
    arguments = body.child("arguments")
    assert arguments is not None
    return decoder.plain(arguments)


def everything(field: Field) -> Iterator[str]:
    """All text in a tree."""
    yield field.name
    yield str(field.value)
    yield field.text
    for child in field.children:
        yield from everything(child)


def assert_gone(field: Field, *secrets: str) -> None:
    shown = "\n".join(everything(field))
    for secret in secrets:
        assert secret not in shown


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(b"key of this test")


@pytest.mark.parametrize("name", ["pu\x1clish", "publiDh", "FCPubl\xa5sh", "getStr\xa5amLength", "lo\x1cin"])
def test_name_is_replaced_though_damage_changed_the_command(redactor: Redactor, name: str) -> None:
    assert_gone(redacted(redactor, 20, command(name, 2, None, KEY)), KEY)


@pytest.mark.parametrize("name", [f"live_{KEY}", f"live/{KEY}", f"studio/live_{KEY}?x=1", f"mp4:sk_{KEY}"])
def test_key_behind_a_word_is_known_by_itself(name: str) -> None:
    for style in (TAGS, DOTS, ALIKE):
        redactor = Redactor(style=style)
        redacted(redactor, 20, command("publish", 5, None, name, "live"))
        assert_gone(redacted(redactor, 20, command("custom", 0, None, {"a": f"no {KEY} here"})), KEY)


@pytest.mark.parametrize(
    "name",
    [
        "publish", "play", "releaseStream", "FCPublish", "FCUnpublish", "FCSubscribe", "FCUnsubscribe",
        "getStreamLength", "deleteStream", "fcpublish",
    ],
)  # fmt: skip
def test_stream_name_is_replaced_in_every_command_that_has_one(redactor: Redactor, name: str) -> None:
    assert_gone(redacted(redactor, 20, command(name, 2, None, KEY)), KEY)


def test_name_in_place_of_the_command_object_is_replaced_too(redactor: Redactor) -> None:
    assert_gone(redacted(redactor, 20, command("publish", 2, KEY, "live")), KEY)


def test_equal_secrets_have_equal_tags_and_different_ones_different_tags(redactor: Redactor) -> None:
    first = plain(redactor, "publish", 5, None, KEY, "live")
    assert first == plain(redactor, "publish", 5, None, KEY, "live")
    assert first[0].startswith("key#") and first[1] == "live"
    assert plain(redactor, "publish", 5, None, KEY + "2", "live") != first


def test_tags_of_thousands_of_secrets_are_all_different(redactor: Redactor) -> None:
    names = [f"stream-{number}" for number in range(3000)]
    assert len({redactor.secret(name) for name in names}) == len(names)


def test_another_run_gives_other_tags() -> None:
    assert Redactor().secret(KEY) != Redactor().secret(KEY)


def test_screen_shows_dots() -> None:
    assert plain(Redactor(style=DOTS), "publish", 5, None, KEY, "live") == [MASK, "live"]


@pytest.mark.parametrize("secret", [KEY, "dir/Key9?a=b", "p%61ss%2Fw0rd", "直播kéy_9", "0000", "a-b.c_d"])
def test_sanitised_secret_is_another_text_of_the_same_form(secret: str) -> None:
    redactor = Redactor(key=b"k" * 16, style=ALIKE)
    shown = redactor.secret(secret)
    assert shown != secret and len(shown.encode()) == len(secret.encode())
    assert [each.isdigit() for each in shown if each.isascii()] == [each.isdigit() for each in secret if each.isascii()]
    assert [each for each in shown if each in "/?=-._%"] == [each for each in secret if each in "/?=-._%"]
    assert redactor.secret(secret) == shown
    for form in forms_of(secret):
        for _, old, new in redactor.known.in_bytes(form.encode()):
            assert len(old) == len(new)


def test_sanitised_secret_is_consistent_within_and_outside_of_a_path() -> None:
    redactor = Redactor(style=ALIKE)
    assert redactor.secret(f"dir/{KEY}").endswith("/" + redactor.secret(KEY))
    (shown,) = plain(redactor, "call", 6, None, {"custom": b64encode(KEY.encode()).decode()})
    assert b64decode(shown["custom"]).decode()[:-1] == redactor.secret(KEY)[:-1]


def test_file_type_and_query_names_of_a_stream_name_stay_readable(redactor: Redactor) -> None:
    (shown,) = plain(redactor, "play", 3, None, f"mp4:{KEY}?token=t0ken-1&sign=s1gn-2")
    assert shown.startswith("mp4:key#") and "?token=key#" in shown and "&sign=key#" in shown
    assert KEY not in shown and "t0ken-1" not in shown and "s1gn-2" not in shown


CONNECT = {
    "app": "live?token=t0ken-1&vhost=v0host",
    "flashVer": "FMLE/3.0 (compatible; FMSc/1.0)",
    "tcUrl": f"rtmp://alice:p4ssword@host:1935/live/{KEY}?wsSecret=ws-9&authmod=adobe&user=bob77",
    "swfUrl": "http://host/player.swf?auth=auth-3",
    "pageUrl": "https://host/page?session=sess-4#access=acc-5",
    "pubUser": "publisher1",
    "pubPasswd": "hunter22",
    "unheardOf": "opaque-value",
    "videoCodecs": 252,
    "type": "nonprivate",
}


def test_connect_loses_its_secrets_and_keeps_the_rest(redactor: Redactor) -> None:
    body = redacted(redactor, 20, command("connect", 1, CONNECT, "extra-1", {"pin": 1234.0}))
    secrets = (
        "t0ken-1", "v0host", "alice", "p4ssword", KEY, "ws-9", "bob77", "auth-3", "sess-4", "acc-5", "publisher1",
        "hunter22", "opaque-value", "extra-1", "1234",
    )  # fmt: skip
    assert_gone(body, *secrets)
    shown = body.child("command_object")
    assert shown is not None
    assert str(shown.get("app")).startswith("live?token=key#")
    assert "@host:1935/live/key#" in str(shown.get("tcUrl")) and "authmod=adobe" in str(shown.get("tcUrl"))
    assert shown.get("flashVer") == CONNECT["flashVer"]
    assert shown.get("videoCodecs") == 252 and shown.get("type") == "nonprivate"
    assert body.get("transaction_id") == 1


def test_same_secrets_are_found_in_amf3(redactor: Redactor) -> None:
    name = bytes([0x11, 0x06, len(KEY) << 1 | 1]) + KEY.encode()
    assert_gone(redacted(redactor, 17, b"\x00" + amf0("publish", 5.0, None) + name), KEY)


def test_text_that_swallowed_what_follows_keeps_only_its_beginning(redactor: Redactor) -> None:
    url = f"rtmp://10.0.0.2/live\0\x08anything\x02\0\x1a{KEY}"
    (shown,) = [redacted(redactor, 20, command("connect", 1, {"tcUrl": url}))]
    assert_gone(shown, KEY, "anything")
    assert "rtmp://10.0.0.2/live" in "".join(everything(shown))


@pytest.mark.parametrize(
    "text",
    [
        "[ Reject ] : [ authmod=adobe ] : ?reason=needauth&user=alice77&salt=s4lt&opaque=op4q&challenge=ch4l",
        "[ Reject ] : [ authmod=llnw ] : ?reason=needauth&user=alice77&nonce=s4lt;cnonce=ch4l&response=op4q",
    ],
)
def test_authentication_rounds_keep_their_steps_only(redactor: Redactor, text: str) -> None:
    body = redacted(
        redactor, 20, command("_error", 1, None, {"code": "NetConnection.Connect.Rejected", "description": text})
    )
    assert_gone(body, "alice77", "s4lt", "ch4l", "op4q")
    assert "reason=needauth" in "\n".join(everything(body))


@pytest.mark.parametrize("name", ["secureTokenResponse", "NetStream.Authenticate.UsherToken", "setAuthToken"])
def test_arguments_of_a_command_about_secrets_are_secret(redactor: Redactor, name: str) -> None:
    assert_gone(redacted(redactor, 20, command(name, 0, None, "abcd-1234", 987654.0)), "abcd-1234", "987654")


def test_property_with_a_secret_name_is_secret_wherever_it_is(redactor: Redactor) -> None:
    info = {"code": "X", "ex": {"secureToken": "abcd-1234", "deep": {"apiKey": ["k3y-5"]}}, "keyframes": "kept"}
    body = redacted(redactor, 20, command("_result", 1, None, info))
    assert_gone(body, "abcd-1234", "k3y-5")
    assert "kept" in set(everything(body))


@pytest.mark.parametrize(
    "description",
    [
        f"{KEY} is now published.",
        f"/live/{KEY} is now published.",
        f"Publishing {KEY}.",
        f"Playing and resetting {KEY}.",
        f"Started playing {KEY}.",
        f"Failed to play {KEY}; stream not found.",
        f"Stream not found: {KEY}",
        f"Invalid stream key: {KEY}",
        f"see rtmp://origin/live/{KEY}?t=1",
        f"Unauthorized: {KEY}",
        f"key {KEY} unknown",
        f"live/{KEY} not found",
        f"[{KEY}] denied",
        f'{{"stream":"{KEY}"}}',
        f"duplicate publish of live/{KEY}",
    ],
)
def test_name_in_a_servers_sentence_is_found_though_nobody_asked_for_it(redactor: Redactor, description: str) -> None:
    info = {"level": "status", "code": "NetStream.Publish.Start", "description": description, "details": KEY}
    body = redacted(redactor, 20, command("onStatus", 0, None, info))
    assert_gone(body, KEY)
    assert "NetStream.Publish.Start" in set(everything(body))


@pytest.mark.parametrize(
    "description",
    [
        "Started publishing stream.",
        "Stream already publishing",
        "Connection succeeded.",
        "Stream name is already in use",
        "Redirected to rtmp://edge01-fra.example.net:1935/live by 10.0.0.254, code=302, H264/AAC, FMS/3,5,7,7009",
    ],
)
def test_servers_sentence_without_a_name_stays(redactor: Redactor, description: str) -> None:
    (info,) = plain(redactor, "onStatus", 0, None, {"description": description})
    assert info == {"description": description}


@pytest.mark.parametrize("key", ["7", "ab", "k9z"])
def test_short_name_is_replaced_where_a_sentence_names_it_and_nowhere_else(redactor: Redactor, key: str) -> None:
    tag = plain(redactor, "publish", 5, None, key, "live")[0]
    for sentence in ("{} is now published.", "Publishing '{}'.", "Stream not found: {}"):
        (info,) = plain(redactor, "onStatus", 0, None, {"description": sentence.format(key), "details": key})
        assert info == {"description": sentence.format(tag), "details": tag}
    (info,) = plain(redactor, "custom", 0, None, {"a": f"{key} about {key}{key}", "b": 7.0})
    assert info == {"a": f"{key} about {key}{key}", "b": 7}
    assert redactor.in_style(DOTS).text(f"stream {key}") == f"stream {key}"


def test_secret_in_a_text_of_json_is_found(redactor: Redactor) -> None:
    (shown,) = plain(redactor, "custom", 0, None, '{"user": "anna77", "token":"abcd-1234", "volume": "11"}')
    assert "anna77" not in shown and "abcd-1234" not in shown and '"volume": "11"' in shown


def test_number_that_is_secret_is_found_as_a_text(redactor: Redactor) -> None:
    plain(redactor, "custom", 0, None, {"pin": 987654321.0, "key": float("inf"), "token": 0.5})
    assert "987654321" not in str(plain(redactor, "custom", 0, None, "try 987654321 again"))


def test_on_fc_publish_has_the_name_for_a_description(redactor: Redactor) -> None:
    info = {"code": "NetStream.Publish.Start", "description": KEY}
    assert_gone(redacted(redactor, 20, command("onFCPublish", 0, None, info)), KEY)


@pytest.mark.parametrize(
    "written",
    [
        KEY,
        f"live/{KEY}/index",
        quote(KEY, safe=""),
        b64encode(KEY.encode()).decode(),
        b64encode(b"a" + KEY.encode() + b"zz").decode(),
        urlsafe_b64encode(b"ab" + KEY.encode()).decode(),
        KEY.encode().hex(),
        KEY.encode().hex().upper(),
    ],
)
def test_known_secret_is_found_in_any_encoding(redactor: Redactor, written: str) -> None:
    plain(redactor, "publish", 5, None, KEY, "live")
    (shown,) = plain(redactor, "call", 6, None, {"custom": f"<{written}>"})
    assert written not in shown["custom"]
    assert KEY not in redactor.text(f"a note about {written}")


def test_known_secret_with_odd_characters_is_found_url_encoded(redactor: Redactor) -> None:
    redactor.secret("pä ss/wörd&1")
    for written in (quote("pä ss/wörd&1"), quote("pä ss/wörd&1", safe=""), quote("pä ss/wörd&1", safe="").lower()):
        assert redactor.text(f"x {written} y") == f"x {redactor.secret('pä ss/wörd&1')} y"


def test_what_is_left_of_a_secret_whose_middle_was_left_out_is_replaced(redactor: Redactor) -> None:
    redactor.secret(KEY)
    shown = redactor.text(f"name '{KEY[:7]}…{KEY[-4:]}'")
    assert KEY[:7] not in shown and KEY[-4:] not in shown


def test_known_secret_is_found_in_metadata_and_as_a_key_and_in_shared_objects(redactor: Redactor) -> None:
    redactor.secret(KEY)
    assert_gone(redacted(redactor, 18, amf0("onMetaData", Ecma({"title": f"my {KEY}", KEY: 1.0}))), KEY)
    change = so_event(4, len(KEY).to_bytes(2, "big") + KEY.encode() + amf0(KEY))
    assert_gone(redacted(redactor, 19, shared_object("room", 1, 0, change)), KEY)


def test_shared_object_property_called_token_is_secret(redactor: Redactor) -> None:
    change = so_event(3, b"\x00\x05token" + amf0("abcd-1234") + b"\x00\x04seat" + amf0("seven"))
    body = redacted(redactor, 19, shared_object("room", 1, 0, change))
    assert_gone(body, "abcd-1234")
    assert "seven" in set(everything(body))


def test_short_secret_is_replaced_only_in_its_place(redactor: Redactor) -> None:
    assert plain(redactor, "publish", 5, None, "abc", "live")[0].startswith("key#")
    assert redactor.text("abc") == "abc"


def test_stream_called_by_an_ordinary_word_does_not_spoil_our_sentences(redactor: Redactor) -> None:
    assert plain(redactor, "publish", 5, None, "live", "live")[0].startswith("key#")
    assert redactor.text("a live stream") == "a live stream"
    assert redactor.text("the stream 'live' is in use") != "the stream 'live' is in use"


def test_secret_of_some_characters_is_not_found_inside_other_words(redactor: Redactor) -> None:
    redactor.secret("cam1")
    assert redactor.text("cam1 cam12") == f"{redactor.secret('cam1')} cam12"


def test_body_without_secrets_is_the_same_object(redactor: Redactor) -> None:
    event = message(20, command("createStream", 2, None))
    body = messages.decode(20, event.payload, event.length)
    assert redactor.body(event, body) is body


def test_decoded_body_is_not_changed(redactor: Redactor) -> None:
    event = message(20, command("publish", 2, None, KEY))
    body = messages.decode(20, event.payload, event.length)
    redactor.body(event, body)
    assert KEY in set(everything(body))


@pytest.mark.parametrize("type_id", [15, 16, 17, 18, 19, 20])
def test_what_could_not_be_decoded_is_withheld(redactor: Redactor, type_id: int) -> None:
    payload = command("publish", 2, None) + b"\x02\x00\xff" + KEY.encode()
    body = redacted(redactor, type_id, payload, 400)
    assert_gone(body, KEY, KEY.encode().hex())
    cut = [field for field in walk(body) if field.name == "undecoded"]
    assert cut and all(field.kind == "redacted" and isinstance(field.value, int) for field in cut)


def walk(field: Field) -> Iterator[Field]:
    yield field
    for child in field.children:
        yield from walk(child)


def test_ranges_of_secrets_in_a_payload_are_hidden(redactor: Redactor) -> None:
    event = message(20, command("publish", 2, None, KEY, "live"))
    body = messages.decode(20, event.payload, event.length)
    shown = bytearray(event.payload)
    for start, end in redactor.hidden(event, body, redactor.body(event, body)):
        shown[start:end] = b"*" * (end - start)
    assert KEY.encode() not in shown and b"publish" in shown and b"live" in shown
    assert redactor.hidden(message(20, command("createStream", 2, None)), *[Field("command")] * 2) == []


def test_known_secret_is_hidden_in_any_payload(redactor: Redactor) -> None:
    redactor.secret(KEY)
    body = Field("video")
    assert redactor.hidden(message(9, b"\x17\x01" + KEY.encode()), body, body) == [(2, 2 + len(KEY))]


def test_bytes_behind_a_hole_of_a_command_are_hidden(redactor: Redactor) -> None:
    event = message(20, command("createStream", 2, None), 100)
    event.holes = [(10, 50)]
    body = messages.decode(20, event.prefix, event.length)
    assert (10, len(event.payload)) in redactor.hidden(event, body, redactor.body(event, body))


def test_event_handed_to_a_plugin_has_no_secrets_left(redactor: Redactor) -> None:
    event = message(20, command("publish", 2, None, KEY, "live"))
    event.note("x", Severity.NOTE, f"'{KEY}' is in use")
    redactor.apply(event, lambda message: messages.decode(message.type_id, message.payload, message.length))
    assert event.body is not None and event.notes is not None
    assert_gone(event.body, KEY)
    assert event.payload == b"" and KEY not in event.notes[0].text and isinstance(event.notes[0], Note)


def test_memory_is_bounded_and_places_keep_their_tags(redactor: Redactor) -> None:
    names = [f"{number:06}" + "x" * 994 for number in range(2 * SECRET_CHARACTERS // 1000)]
    first = redactor.secret(names[0])
    for name in names:
        redactor.secret(name)
    assert 0 < sum(map(len, redactor.known)) <= SECRET_CHARACTERS
    assert redactor.secret(names[0]) == first
    assert redactor.text(names[-1]) == redactor.secret(names[-1])


@pytest.mark.parametrize(
    ("before", "repeated", "after"),
    [
        ("", "a.", ""), ("play ", ":", ""), ("", "a", " ://"), ("", "x://", ""), ("", "play ", ""), ("", "a=.", ""),
        ("", "?a=b&", ""), ("", "/", ""), ("", "sk-Z", ""), ("", "@", "://"), ("rtmp://", "a/", ""), ("play", " ", ""),
        ("", "key: ", ""), ("", "a", " x…"), ("", "%41", ""),
    ],
)  # fmt: skip
def test_ten_times_the_hostile_text_takes_less_than_fifteen_times_the_time(
    before: str, repeated: str, after: str
) -> None:
    def redact(length: int) -> None:
        text = before + repeated * (length // len(repeated)) + after
        redactor = Redactor(b"key of this test")
        redactor.secret(KEY)
        redacted(redactor, 20, command("onStatus", 0, None, {"description": text, "x": text}, text))
        redacted(redactor, 20, command("publish", 0, None, text))
        redacted(redactor, 20, command("connect", 0, {"tcUrl": text, "app": text}))

    costs.assert_scales(15, lambda: costs.cpu(lambda: redact(6_000)), lambda: costs.cpu(lambda: redact(60_000)))


def test_bytes_in_place_of_a_transaction_id_are_withheld(redactor: Redactor) -> None:
    said = amf0("FCPublish") + b"vp09\x05" + amf0(KEY)  # no AMF marker: nobody knows what follows
    assert KEY.encode().hex() not in values.value(redacted(redactor, 20, said))


@pytest.mark.parametrize("type_id", [1, 3, 4, 7, 8, 9, 21, 22, 255])
def test_known_secret_is_withheld_where_none_belongs(redactor: Redactor, type_id: int) -> None:
    redactor.secret(KEY)
    said = message(type_id, bytes(24) + command("publish", 5, None, KEY, "live"))
    body = redactor.body(said, messages.decode(type_id, said.payload, said.length))
    for text in (values.value(body), summarize(said, body)):
        assert KEY not in text and KEY.encode().hex() not in text and KEY.encode().hex(" ") not in text


@pytest.mark.parametrize("query", ["YWJjZA==", "t0ken-value", "a=1&YWJjZA==", "a=1;b=YWJjZA=="])
def test_query_without_names_is_secret_too(redactor: Redactor, query: str) -> None:
    (shown,) = plain(redactor, "play", 1, None, f"{KEY}?{query}")
    assert "YWJjZA" not in shown and "t0ken" not in shown


@given(st.text("abkz019%/.é ", min_size=1, max_size=30), st.sampled_from(["publish", "play", "FCPublish"]))
def test_no_name_survives_in_its_own_command(name: str, command_name: str) -> None:
    assert plain(Redactor(), command_name, 1, None, name)[0].startswith("key#")


@pytest.mark.parametrize("scheme", ["Bearer ", "basic ", ""])
def test_credentials_of_an_authorization_header_are_secret_its_scheme_is_not(redactor: Redactor, scheme: str) -> None:
    (shown,) = plain(redactor, "call", 6, None, {"text": f"Authorization: {scheme}{KEY}"})
    assert shown["text"] == f"Authorization: {scheme}{redactor.secret(KEY)}"
