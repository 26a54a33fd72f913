"""What holds of every AMF value in both encodings: read whole, with other bytes around it, and cut anywhere."""

from __future__ import annotations

from rtmpscope.amf import amf0, amf3
from rtmpscope.model import Field
from tests.fields import assert_sane, shape

Decoder = amf0.Decoder | amf3.Decoder


class EveryMarker:
    """Tests of values in hex digits and the `shape` of their fields, which subclasses are parametrized with."""

    decoder: type[Decoder]

    def decode(self, data: bytes, at: int = 0, end: int | None = None) -> tuple[Field, Decoder]:
        decoder = self.decoder(data, len(data) if end is None else end)
        return decoder.value(at, "v"), decoder

    def check_cut(self, field: Field, decoder: Decoder, kind: str) -> None:
        """A value of this kind that is cut says so."""
        raise NotImplementedError

    def test_whole(self, spelled, expected):
        data = bytes.fromhex(spelled)
        field, decoder = self.decode(data)
        assert shape(field) == expected
        assert (field.name, field.start, field.end) == ("v", 0, len(data))
        assert decoder.failed == ""
        assert_sane(field, 0, len(data))

    def test_with_other_bytes_around(self, spelled, expected):
        data = bytes.fromhex(spelled)
        field, decoder = self.decode(data + b"\xff" * 9)
        assert (shape(field), field.end, decoder.failed) == (expected, len(data), "")
        assert shape(self.decode(b"\xff" * 9 + data, 9)[0]) == expected

    def test_cut_at_every_byte(self, spelled, expected):
        data = bytes.fromhex(spelled)
        for end in range(len(data)):
            for field, decoder in (self.decode(data[:end]), self.decode(data, 0, end)):
                assert_sane(field, 0, end)
                assert field.end == end
                self.check_cut(field, decoder, expected[0])
