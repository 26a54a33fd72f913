"""What each field of a header and each payload is worth: what senders write counts, what chance writes does not."""

from __future__ import annotations

from random import Random

import pytest

from rtmpscope.model import UNKNOWN
from rtmpscope.rtmp.evidence import (
    ANY_HEADER,
    CLEAR_BITS,
    MAX_DELTA_MS,
    MAX_LIKELY_LENGTH,
    PEEK,
    USUAL_CHUNK_SIZES,
    delta_bits,
    interleaved_sizes,
    is_type,
    length_bits,
    likely_type,
    payload_bits,
    stream_bits,
    timestamp_bits,
    type_bits,
    unseen_bits,
    usual_sizes,
)
from tests import wire
from tests.wire import (
    ABORT,
    ACKNOWLEDGEMENT,
    AGGREGATE,
    AUDIO,
    COMMAND_AMF0,
    COMMAND_AMF3,
    DATA_AMF0,
    DATA_AMF3,
    SET_CHUNK_SIZE,
    SET_PEER_BANDWIDTH,
    SHARED_OBJECT_AMF0,
    SHARED_OBJECT_AMF3,
    TYPES,
    USER_CONTROL,
    VIDEO,
    WINDOW_ACK_SIZE,
    chunk,
    u16,
    u24,
    u32,
)


def is_impossible(bits: int) -> bool:
    """No sum of what other fields bring makes up for it."""
    return bits < -500


# --- fields of a header ----------------------------------------------------------------------------------


def test_deltas_of_milliseconds_are_likely_and_of_minutes_impossible() -> None:
    assert delta_bits(23) == delta_bits(3999) > delta_bits(4000) == delta_bits(MAX_DELTA_MS) > 0
    assert is_impossible(delta_bits(MAX_DELTA_MS + 1))


def test_timestamp_near_the_last_one_is_likely_in_both_directions() -> None:
    assert timestamp_bits(1_000_040, 1_000_000) == timestamp_bits(1_000_000, 1_000_040) > 0
    assert timestamp_bits(20, 2**32 - 20) == timestamp_bits(2**32 - 20, 20) > 0
    assert timestamp_bits(2**31, 0) < 0
    assert timestamp_bits(123, UNKNOWN) == 0


def test_only_types_of_rtmp_are_types() -> None:
    assert [type_id for type_id in range(256) if is_type(type_id)] == list(TYPES)
    assert [type_id for type_id in range(256) if not is_impossible(type_bits(type_id, UNKNOWN))] == list(TYPES)


def test_type_seen_before_is_likelier_even_where_it_is_none() -> None:
    assert type_bits(9, 9) > type_bits(9, 8) > 0
    assert type_bits(7, 7) > 0


def test_stream_id_seen_before_is_worth_most_and_a_large_one_impossible() -> None:
    assert stream_bits(70_000, 70_000, 9) > stream_bits(1, 2, 9) > 16
    assert is_impossible(stream_bits(256, 1, 9))
    assert is_impossible(stream_bits(1, 1, ACKNOWLEDGEMENT)) and stream_bits(0, UNKNOWN, ACKNOWLEDGEMENT) > 0


def test_length_seen_before_is_likelier_than_a_short_than_a_long_one() -> None:
    assert length_bits(418, 418, 9) > length_bits(418, 20, 9) > length_bits(1 << 20, 20, 9) == 0
    assert is_impossible(length_bits(MAX_LIKELY_LENGTH + 1, UNKNOWN, 9))


def test_only_video_and_aggregates_are_longer_than_a_megabyte() -> None:
    longer = [type_id for type_id in TYPES if not is_impossible(length_bits(2 << 20, UNKNOWN, type_id))]
    assert longer == [VIDEO, AGGREGATE]


def test_small_stream_id_is_likelier_than_one_that_could_be_a_type() -> None:
    assert stream_bits(1, 2, 9) > stream_bits(20, 2, 9) > 0


@pytest.mark.parametrize("type_id", [DATA_AMF0, COMMAND_AMF0])
def test_selector_before_amf0_is_no_evidence(type_id: int) -> None:
    assert payload_bits(type_id, len(NAME), NAME, 0, PEEK, UNKNOWN) > 20
    assert payload_bits(type_id, len(NAME) + 1, b"\0" + NAME, 0, PEEK, UNKNOWN) == 0


# --- payloads --------------------------------------------------------------------------------------------

NAME = wire.command("connect", 1, {"app": "live"})
REAL = {
    "chunk_size": (SET_CHUNK_SIZE, u32(4096)),
    "abort": (ABORT, u32(6)),
    "acknowledgement": (ACKNOWLEDGEMENT, u32(2_500_000)),
    "stream_begin": (USER_CONTROL, wire.user_control(0, 1)),
    "set_buffer_length": (USER_CONTROL, wire.user_control(3, 1, 3000)),
    "swf_verification_request": (USER_CONTROL, u16(26) + b"\x01"),
    "buffer_empty": (USER_CONTROL, wire.user_control(31, 1)),
    "window": (WINDOW_ACK_SIZE, u32(5_000_000)),
    "bandwidth": (SET_PEER_BANDWIDTH, wire.set_peer_bandwidth(5_000_000, 2)),
    "aac": (AUDIO, b"\xaf\x01" + wire.filler(300)),
    "aac_header": (AUDIO, b"\xaf\x00\x12\x10"),
    "mp3": (AUDIO, b"\x2f" + wire.filler(300)),
    "opus": (AUDIO, b"\x91Opus" + wire.filler(30)),
    "multitrack_ac3": (AUDIO, b"\x95\x00ac-3" + wire.filler(30)),
    "h264_key": (VIDEO, b"\x17\x01\x00\x00\x50" + u32(91) + wire.filler(91)),
    "h264_annex_b": (VIDEO, b"\x27\x01\x00\x00\x00" + u32(1) + wire.filler(91)),
    "h264_negative_composition": (VIDEO, b"\x27\x01\xff\xff\xd8" + u32(91) + wire.filler(91)),
    "h264_header": (VIDEO, b"\x17\x00\x00\x00\x00\x01\x42\xc0\x1e\xff\xe1"),
    "hevc_old": (VIDEO, b"\x2c\x01\x00\x00\x00" + u32(91) + wire.filler(91)),
    "sorenson": (VIDEO, b"\x22" + wire.filler(300)),
    "seek_command": (VIDEO, b"\x57\x00"),
    "hevc": (VIDEO, b"\x91hvc1" + wire.filler(300)),
    "av1_multitrack": (VIDEO, b"\x96\x00av01" + wire.filler(300)),
    "mod_ex": (VIDEO, b"\x97\x02\x00\x00\x01\x91hvc1"),
    "command": (COMMAND_AMF0, NAME),
    "command_with_selector": (COMMAND_AMF3, b"\x00" + NAME),
    "data": (DATA_AMF0, wire.amf0("@setDataFrame", "onMetaData", {})),
    "data_amf3": (DATA_AMF3, b"\x00" + wire.amf0("onCuePoint", {})),
    "shared_object": (SHARED_OBJECT_AMF0, wire.shared_object("room", 0, 2, wire.so_event(1))),
    "shared_object_amf3": (SHARED_OBJECT_AMF3, b"\x00" + wire.shared_object("room", 0, 2, wire.so_event(1))),
    "aggregate": (AGGREGATE, wire.aggregate((AUDIO, 0, b"\xaf\x01abc"))),
}


@pytest.mark.parametrize("name", REAL)
def test_real_payload_counts_the_more_the_more_of_it_is_seen(name: str) -> None:
    type_id, payload = REAL[name]
    seen = [
        payload_bits(type_id, len(payload), b"#" + payload, 1, available, UNKNOWN)
        for available in range(min(PEEK, len(payload)) + 1)
    ]
    assert seen == sorted(seen)
    assert 0 <= seen[0] < seen[-1] or seen[0] == seen[-1] == 20


@pytest.mark.parametrize("name", REAL)
def test_payload_is_never_read_beyond_what_is_available(name: str) -> None:
    type_id, payload = REAL[name]
    for available in range(min(PEEK, len(payload)) + 1):
        cut = payload[:available]
        assert payload_bits(type_id, len(payload), cut, 0, available, UNKNOWN) == payload_bits(
            type_id, len(payload), cut + b"\xff" * 20, 0, available, UNKNOWN
        )


FALSE = {
    "chunk_size_of_zero": (SET_CHUNK_SIZE, u32(0)),
    "chunk_size_beyond_24_bits": (SET_CHUNK_SIZE, u32(1 << 24)),
    "abort_of_no_csid": (ABORT, u32(65_600)),
    "acknowledgement_of_5_bytes": (ACKNOWLEDGEMENT, bytes(5)),
    "bandwidth_of_4_bytes": (SET_PEER_BANDWIDTH, bytes(4)),
    "limit_type_there_is_none": (SET_PEER_BANDWIDTH, wire.set_peer_bandwidth(5_000_000, 3)),
    "user_control_event_there_is_none": (USER_CONTROL, wire.user_control(9, 1)),
    "user_control_of_another_length": (USER_CONTROL, wire.user_control(3, 1)),
    "aac_packet_there_is_none": (AUDIO, b"\xaf\x02abc"),
    "aac_header_that_is_too_long": (AUDIO, b"\xaf\x00" + bytes(70)),
    "aac_of_one_byte": (AUDIO, b"\xaf"),
    "audio_codec_reserved": (AUDIO, b"\xcf\x00"),
    "audio_codec_there_is_none": (AUDIO, b"\xdf\x00"),
    "audio_fourcc_there_is_none": (AUDIO, b"\x91Opuz"),
    "audio_packet_type_there_is_none": (AUDIO, b"\x98Opus"),
    "track_of_tracks": (AUDIO, b"\x95\x05ac-3"),
    "frame_type_there_is_none": (VIDEO, b"\x67\x01\x00\x00\x00"),
    "frame_type_zero": (VIDEO, b"\x07\x01\x00\x00\x00"),
    "video_codec_there_is_none": (VIDEO, b"\x1b\x01\x00\x00\x00"),
    "avc_packet_there_is_none": (VIDEO, b"\x17\x03\x00\x00\x00"),
    "avc_of_4_bytes": (VIDEO, b"\x17\x01\x00\x00"),
    "composition_of_minutes": (VIDEO, b"\x17\x01\x01\x00\x00" + bytes(9)),
    "video_fourcc_there_is_none": (VIDEO, b"\x91hvc2"),
    "command_of_a_number": (COMMAND_AMF0, wire.amf0(1.0)),
    "command_of_3_bytes": (COMMAND_AMF0, b"\x02\x00\x00"),
    "name_beyond_the_end": (COMMAND_AMF0, b"\x02\x00\x09connect"),
    "name_of_no_letters": (COMMAND_AMF0, b"\x02\x00\x04\x01\x02\x03\x04" + bytes(9)),
    "name_without_letters": (COMMAND_AMF0, b"\x02\x00\x00\x00" + bytes(9)),
    "shared_object_of_13_bytes": (SHARED_OBJECT_AMF0, b"\x00\x04room" + bytes(7)),
    "aggregate_of_10_bytes": (AGGREGATE, bytes(10)),
    "aggregate_of_other_tags": (AGGREGATE, b"\x07" + bytes(20)),
    "tag_beyond_the_end": (AGGREGATE, b"\x08" + u24(30) + bytes(20)),
    "type_there_is_none": (7, bytes(30)),
}


@pytest.mark.parametrize("name", FALSE)
def test_payload_that_no_sender_writes_is_impossible(name: str) -> None:
    type_id, payload = FALSE[name]
    shown = min(PEEK, len(payload))
    assert is_impossible(payload_bits(type_id, len(payload), payload, 0, shown, UNKNOWN))


def test_nal_unit_beyond_the_end_counts_against_a_message_but_does_not_rule_it_out() -> None:
    """Its lengths may have two bytes: the frame says so in its configuration record, which may be lost."""
    fitting, beyond = (b"\x17\x01\x00\x00\x00" + u32(size) + bytes(91) for size in (91, 92))
    bits = [payload_bits(VIDEO, len(one), one, 0, PEEK, UNKNOWN) for one in (fitting, beyond)]
    assert bits[0] > bits[1] > 0


@pytest.mark.parametrize(("type_id", "payload"), [(AUDIO, b"\x2f" + bytes(9)), (VIDEO, b"\x22" + bytes(9))])
def test_payload_that_begins_like_the_one_before_counts_more(type_id: int, payload: bytes) -> None:
    shown = len(payload)
    again = payload_bits(type_id, shown, payload, 0, shown, payload[0])
    assert again > payload_bits(type_id, shown, payload, 0, shown, payload[0] ^ 0xF3) > 0


def test_swf_verification_response_counts_with_its_44_bytes() -> None:
    assert payload_bits(USER_CONTROL, 44, u16(27) + bytes(42), 0, PEEK, UNKNOWN) == 20


def test_random_payload_does_not_count_as_much_as_it_claims() -> None:
    """Bits are what chance would need: 2**-bits of random payloads may bring so many, within a factor of ten."""
    chance = Random(1)
    rounds = 40_000
    bits = [
        payload_bits(chance.choice(TYPES), chance.randrange(1 << 18), chance.randbytes(PEEK), 0, PEEK, UNKNOWN)
        for _ in range(rounds)
    ]
    for least in (8, 10, 12, 16, 20, CLEAR_BITS):
        assert sum(one >= least for one in bits) <= 1 + 10 * rounds / 2**least


# --- short headers on csids that nothing is known of -----------------------------------------------------


def test_short_header_of_an_unknown_csid_counts_by_a_payload_that_is_clear() -> None:
    def bits(csid: int, payload: bytes) -> int:
        return unseen_bits(csid, 0, payload, 0, len(payload))

    key_frame = REAL["h264_key"][1][:PEEK]
    assert bits(6, key_frame) > bits(40, key_frame) >= CLEAR_BITS
    assert bits(3, wire.command("createStream", 2, None)[:PEEK]) > CLEAR_BITS
    assert bits(3, wire.command("play", 2, None)[:PEEK]) == 8
    assert bits(6, b"\x22" + bytes(15)) == bits(6, b"") == 8
    assert bits(40, b"\x22" + bytes(15)) == 0
    assert unseen_bits(6, 1_000_000, key_frame, 0, PEEK) == 0


LIKELY = {
    "video": (6, REAL["h264_key"][1], VIDEO),
    "audio": (4, REAL["aac"][1], AUDIO),
    "command": (3, NAME, COMMAND_AMF0),
    "metadata_frame": (4, REAL["data"][1], DATA_AMF0),
    "metadata": (4, wire.amf0("onMetaData", {}), DATA_AMF0),
    "user_control": (2, REAL["stream_begin"][1], USER_CONTROL),
    "control_that_is_none": (2, bytes(5), UNKNOWN),
    "audio_of_a_rare_codec": (4, b"\xff\xff\xff\xff", AUDIO),
    "nothing_known": (4, b"\xcc\xff\xff\xff", UNKNOWN),
}


@pytest.mark.parametrize("name", LIKELY)
def test_type_is_guessed_from_the_payload(name: str) -> None:
    csid, payload, type_id = LIKELY[name]
    assert likely_type(csid, len(payload), payload, 0, min(PEEK, len(payload))) == type_id


# --- where headers may stand -----------------------------------------------------------------------------


@pytest.mark.parametrize("type_id", TYPES)
@pytest.mark.parametrize("csid", [2, 3, 6, 63])
def test_full_headers_are_recognised_by_their_pattern(csid: int, type_id: int) -> None:
    full, short = (chunk(fmt, csid, 40, 70_000, type_id, 1) for fmt in (0, 1))
    assert ANY_HEADER.match(full)
    assert ANY_HEADER.match(short)
    assert (ANY_HEADER.match(chunk(3, csid)) is not None) == (csid < 16)


@pytest.mark.parametrize(
    "header",
    [
        chunk(0, 4, 40, 70_000, 7, 1),
        chunk(0, 4, 40, 70_000, AUDIO, 256),
        chunk(0, 4, 40, 0x800000, AUDIO, 1),
        chunk(1, 4, 0x10000, 100, AUDIO),
        chunk(1, 4, 40, 100, 21),
    ],
)
def test_what_no_full_header_holds_does_not_match(header: bytes) -> None:
    assert ANY_HEADER.match(header + bytes(8)) is None


@pytest.mark.parametrize("size", USUAL_CHUNK_SIZES)
def test_usual_chunk_size_is_seen_by_the_continuation_behind_it(size: int) -> None:
    data = b"#" + bytes(size) + b"\xc6" + bytes(10)
    assert usual_sizes(data, 1, size + 1, 0xC6) == [size]
    assert usual_sizes(data, 1, size, 0xC6) == []
    assert usual_sizes(data, 1, size + 1, 0xC4) == []


def test_interleaved_message_is_seen_where_a_chunk_ends() -> None:
    for fmt in range(4):
        data = b"#" + bytes(4096) + chunk(fmt, 4, 40, 100, AUDIO, 1) + bytes(100)
        assert interleaved_sizes(data, 1, len(data) - 1, 128) == [4096]
        assert interleaved_sizes(data, 1, 4096, 128) == []
    odd = b"#" + bytes(777) + chunk(0, 4, 40, 100, AUDIO, 1) + bytes(100)
    assert interleaved_sizes(odd, 1, len(odd) - 1, 128) == []
    assert interleaved_sizes(odd, 1, len(odd) - 1, 777) == [777]
