"""Supplemental enhancement information: which messages an SEI NAL unit holds, the same in H.264, HEVC and VVC.

Sources: ITU-T H.264 7.3.2.3 and annex D, H.265 7.3.5 and annex D.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader

_TYPES: Final[dict[int, str]] = {
    0: "buffering_period",
    1: "pic_timing",
    3: "filler_payload",
    4: "user_data_registered_itu_t_t35",
    5: "user_data_unregistered",
    6: "recovery_point",
    19: "film_grain_characteristics",
    45: "frame_packing_arrangement",
    47: "display_orientation",
    129: "active_parameter_sets",
    130: "decoding_unit_info",
    132: "decoded_picture_hash",
    136: "time_code",
    137: "mastering_display_colour_volume",
    144: "content_light_level_info",
    147: "alternative_transfer_characteristics",
}
_TRAILING: Final = 0x80  # rbsp_trailing_bits of a byte-aligned payload


def messages(reader: BitReader) -> None:
    """sei_rbsp: messages until only the trailing bits are left."""
    reader.unescape()
    with reader.group("messages", "list"):
        while reader.left > 1 or (reader.left and reader.data[reader.at >> 3] != _TRAILING):
            with reader.group("message"):
                first = reader.at
                number = _extended(reader)
                reader.add("payload_type", _TYPES.get(number, f"unknown_{number}"), first, str(number))
                first = reader.at
                size = _extended(reader)
                reader.add("payload_size", size, first)
                if size:
                    reader.octets("data", size)
    reader.rest("rbsp_trailing_bits")


def _extended(reader: BitReader) -> int:
    """A number in bytes of 255 and a last one below."""
    total = 0
    while (byte := reader.number(8)) == 255:
        total += byte
    return total + byte
