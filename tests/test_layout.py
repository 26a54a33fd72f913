"""Bodies read part by part, and every byte accounted for."""

from rtmpscope.limits import AMF_ITEMS
from rtmpscope.rtmp.layout import Part, Reader, ValueReader, lost
from tests import bodies, wire

HEAD = (Part("kind", 1, lambda value: f"kind {value}"), Part("size", 3, kind="display"), Part("hash", 2, raw=True))


def read(payload):
    reader, fields = Reader(payload), []
    whole = reader.parts(HEAD, fields)
    reader.leftover(fields)
    return whole, fields


def test_parts_are_read_in_order_with_their_places():
    whole, fields = read(bytes.fromhex("05 000102 abcd"))
    assert whole
    shown = [(field.name, field.value, field.start, field.end, field.text, field.kind) for field in fields]
    assert shown == [
        ("kind", 5, 0, 1, "kind 5", ""),
        ("size", 258, 1, 4, "", "display"),
        ("hash", b"\xab\xcd", 4, 6, "", ""),
    ]


def test_part_that_is_not_there_whole_is_left_over():
    for size, missing in ((0, "kind"), (1, "size"), (3, "size"), (4, "hash"), (5, "hash")):
        whole, fields = read(bytes(size))
        assert not whole
        assert (fields[-1].name, fields[-1].text, fields[-1].end) == ("undecoded", f"ends before {missing}", size)


def test_bytes_behind_the_last_part_are_left_over():
    whole, fields = read(bytes(6) + b"more")
    assert whole
    assert (fields[-1].value, fields[-1].start, fields[-1].text) == (b"more", 6, "more than is defined here")


def test_nothing_left_over_leaves_no_field():
    assert [field.name for field in read(bytes(6))[1]] == ["kind", "size", "hash"]


def test_reason_given_comes_before_the_one_found():
    reader, fields = Reader(b"\x00"), []
    reader.parts(HEAD, fields)
    reader.leftover(fields, "because")
    assert fields[-1].text == "because"
    again = []
    reader.leftover(again)
    assert again == []


def test_string_is_read_by_its_length():
    reader = Reader(wire.amf0_key("é!") + b"rest")
    field = reader.string("key")
    assert field is not None
    assert (field.name, field.value, field.start, field.end, field.text, reader.at) == ("key", "é!", 0, 5, "", 5)


def test_string_that_is_not_utf8_or_not_whole():
    field = Reader(b"\x00\x01\xff").string("key")
    assert field is not None and (field.value, field.text) == ("\\xff", "not valid UTF-8")
    for payload in (b"", b"\x00", b"\x00\x02a"):
        reader = Reader(payload)
        assert reader.string("key") is None
        assert (reader.at, reader.why) == (0, "ends before key")


def test_value_reader_stops_at_the_end_it_is_given():
    reader = ValueReader(wire.amf0(1, 2))
    reader.until(5)
    assert reader.more()
    assert bodies.undecoded(reader.value("first")) == ["the bytes end inside this number"]
    assert not reader.more()
    reader.until(18)
    reader.at = 9
    assert reader.more() and reader.value("second").value == 2
    assert not reader.more()


def test_value_reader_has_room_for_so_many():
    reader = ValueReader(b"\x05")
    assert sum(reader.more() for _ in range(AMF_ITEMS + 5)) == AMF_ITEMS
    assert reader.why == f"more than {AMF_ITEMS:,} values"


def test_lost_counts_what_the_capture_lacks():
    assert (lost(b"ab", 2), lost(b"ab", 1002)) == ("", "1,000 bytes were not captured")
