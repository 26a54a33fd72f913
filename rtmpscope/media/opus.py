"""Opus: the identification and comment headers, and the first byte of packets.

Sources: RFC 7845 5.1 and 5.2; RFC 6716 3.1.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader

MAGIC: Final = b"OpusHead"
_FAMILIES: Final[dict[int, str]] = {0: "mono or stereo", 1: "Vorbis channel order", 255: "no defined meaning"}
_DECODED_RATE: Final = 48_000  # whatever the input had
_SAMPLES_PER_MS: Final = 48
_ANY_NUMBER: Final = 3
_CODES: Final[dict[int, str]] = {
    0: "one frame",
    1: "two frames of equal size",
    2: "two frames of different sizes",
    3: "any number of frames",
}
# Mode, bandwidth and frame size in milliseconds of the 32 configurations.
_CONFIGS: Final = tuple(
    (mode, bandwidth, size)
    for mode, bandwidths, sizes in (
        ("SILK", ("narrowband", "mediumband", "wideband"), (10, 20, 40, 60)),
        ("hybrid", ("super-wideband", "fullband"), (10, 20)),
        ("CELT", ("narrowband", "wideband", "super-wideband", "fullband"), (2.5, 5, 10, 20)),
    )
    for bandwidth in bandwidths
    for size in sizes
)
_CONFIG_TEXTS: Final = {
    number: f"{mode} {bandwidth}, {size:g} ms" for number, (mode, bandwidth, size) in enumerate(_CONFIGS)
}


def config(reader: BitReader) -> None:
    """OpusHead, or the OpusTags that may come in a sequence start of its own."""
    start = reader.place()
    magic = reader.octets("magic", 8)
    if magic != MAGIC:
        reader.rest("comments")
        return
    reader.u("version", 8)
    channels = reader.u("channel_count", 8)
    for name, size in (("pre_skip", 2), ("input_sample_rate", 4)):
        first = reader.at
        reader.add(name, reader.little(size), first)
    first = reader.at
    gain = reader.little(2)
    gain -= gain >> 15 << 16
    reader.add("output_gain", gain, first, f"{gain / 256:+g} dB")
    family = reader.u("channel_mapping_family", 8, _FAMILIES)
    reader.fact("channels", channels, start)
    reader.fact("sample_rate", _DECODED_RATE, start)
    if family:
        reader.u("stream_count", 8)
        reader.u("coupled_count", 8)
        with reader.group("channel_mapping", "list"):
            for _ in range(channels):
                reader.u("channel", 8)


def packet(reader: BitReader) -> None:
    """The TOC byte."""
    if reader.left:
        reader.u("config", 5, _CONFIG_TEXTS)
        reader.u("stereo", 1)
        reader.u("frame_count_code", 2, _CODES)
    reader.rest()


def samples(data: bytes) -> int:
    """How many samples at 48 kHz a packet decodes to (RFC 6716 3.2)."""
    if not data:
        return 0
    code = data[0] & 3
    if code == _ANY_NUMBER:
        frames = data[1] & 63 if len(data) > 1 else 0
    else:
        frames = 2 if code else 1
    return int(frames * _CONFIGS[data[0] >> 3][2] * _SAMPLES_PER_MS)
