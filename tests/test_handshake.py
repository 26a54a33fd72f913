"""Blocks, digests and echoes, graded part by part."""

import pytest

from rtmpscope.model import C2S, S2C, UNKNOWN, Field, Handshake, Severity
from rtmpscope.rtmp import handshake
from tests import wire


def part(name: str, data: bytes) -> Handshake:
    return Handshake(0, C2S if name[0] == "C" else S2C, 1, 0, name, 0, data)


def graded(**blocks: bytes) -> dict[str, Handshake]:
    """The named parts, graded one after the other."""
    done: dict[str, Handshake] = {}
    for name, data in blocks.items():
        done[name] = part(name, data)
        handshake.grade([earlier for earlier in done.values() if earlier is not done[name]], done[name])
    return done


def conversation(digest_at: int | None, version: int = 3) -> dict[str, Handshake]:
    client, server = wire.handshake(digest_at, version)
    return graded(
        C0=client[:1], C1=client[1:1537], S0=server[:1], S1=server[1:1537], S2=server[1537:], C2=client[1537:]
    )


def codes(part: Handshake) -> list[str]:
    return [note.code for note in part.notes or []]


def named(body: Field, name: str) -> Field:
    field = body.child(name)
    assert field is not None
    return field


def test_simple_handshake_is_graded_as_exact_echoes_without_a_word():
    parts = conversation(None)
    assert [p.style for p in parts.values()] == ["simple"] * 6
    assert [p.echo for p in parts.values()] == ["none"] * 4 + ["exact"] * 2
    assert parts["C0"].version == "3"
    assert parts["C1"].version == ""
    assert all(p.notes is None for p in parts.values())


@pytest.mark.parametrize("pointer", [8, 772])
def test_all_four_digests_are_found_at_either_place(pointer):
    parts = conversation(pointer)
    assert (parts["C1"].digest_block, parts["S1"].digest_block) == (pointer, pointer)
    assert [parts[name].style for name in ("C1", "S1", "S2", "C2")] == ["digest"] * 4
    assert (parts["S2"].echo, parts["C2"].echo) == ("digest", "digest")
    assert parts["C1"].version == "9.0.124.2"
    assert parts["S1"].version == "13.14.10.13"
    assert all(p.notes is None for p in parts.values())


def test_a_digest_of_the_wrong_side_or_with_one_bit_turned_is_none():
    c1 = wire.digest_block(8, wire.FP_TEXT)
    assert handshake.digest_block(c1, C2S) == 8
    assert handshake.digest_block(c1, S2C) == UNKNOWN
    assert handshake.digest_block(c1[:-1] + bytes([c1[-1] ^ 1]), C2S) == UNKNOWN


def test_the_key_that_matches_names_the_sender():
    assert handshake.sender(wire.digest_block(772, wire.FP_TEXT)) == C2S
    assert handshake.sender(wire.digest_block(8, wire.FMS_TEXT)) == S2C
    assert handshake.sender(wire.simple_block()) == UNKNOWN


def test_echo_of_the_random_bytes_only_is_told_from_an_exact_one():
    s1 = wire.simple_block(5000)
    assert graded(S1=s1, C2=bytes(8) + s1[8:])["C2"].echo == "random"
    assert graded(S1=s1, C2=s1)["C2"].echo == "exact"


def test_an_answer_to_nothing_is_a_remark_that_harms_nobody():
    c2 = graded(S1=wire.simple_block(), C2=wire.filler(1536, 9))["C2"]
    assert c2.echo == "none"
    assert [(note.code, note.severity) for note in c2.notes] == [("handshake-echo", Severity.CHAT)]


def test_nothing_is_said_of_an_answer_whose_question_was_not_captured():
    assert codes(graded(C2=wire.filler(1536))["C2"]) == []
    assert codes(graded(S1=wire.filler(700), C2=wire.filler(1536))["C2"]) == []


def test_a_block_cut_by_a_gap_stays_ungraded():
    c1 = graded(C1=wire.digest_block(8, wire.FP_TEXT)[:900])["C1"]
    assert (c1.style, c1.version, codes(c1)) == ("simple", "", [])
    assert named(handshake.describe(c1), "undecoded").end == 900


def test_a_version_without_a_digest_is_noted():
    c1 = graded(C1=wire.u32(0) + b"\x80\x00\x07\x02" + wire.filler(1528))["C1"]
    assert c1.version == "128.0.7.2"
    assert codes(c1) == ["handshake-digest-missing"]


def test_a_server_that_mirrors_the_client_is_noted():
    c1 = wire.digest_block(8, wire.FP_TEXT)
    parts = graded(C1=c1, S1=c1, S2=c1)
    assert codes(parts["S1"]) == ["handshake-mirrored"]
    assert parts["S2"].echo == "exact"


def test_versions_are_named_for_what_they_are():
    assert codes(graded(C0=b"\x06")["C0"]) == ["rtmpe-encrypted"]
    assert codes(graded(C0=b"\x07")["C0"]) == ["handshake-version"]
    assert codes(graded(C0=b"\x06", S0=b"\x08")["S0"]) == ["rtmpe-encrypted", "handshake-version-differs"]
    assert codes(graded(C0=b"\x03", S0=b"\x03")["S0"]) == []


@pytest.mark.parametrize("pointer", [8, 772])
def test_fields_cover_the_digest_and_its_pointer(pointer):
    parts = conversation(pointer)
    c1 = parts["C1"]
    body = handshake.describe(c1)
    digest = named(body, "digest")
    assert c1.data[digest.start : digest.end] == wire.digest_of(c1.data, pointer) == digest.value
    assert named(body, "digest_pointer").value == digest.start
    assert named(body, "dh_key").end - named(body, "dh_key").start == 128
    assert [field.start for field in body.children] == sorted(field.start for field in body.children)
    assert named(handshake.describe(parts["C2"]), "digest").start == 1504


def test_fields_of_a_simple_handshake():
    parts = conversation(None)
    assert [field.name for field in handshake.describe(parts["C0"]).children] == ["version"]
    assert [field.name for field in handshake.describe(parts["C1"]).children] == ["time", "version", "random"]
    assert [(f.name, f.value) for f in handshake.describe(parts["C2"]).children[:2]] == [
        ("time", 2000),
        ("time2", 1001),
    ]
