"""Audio messages, type 8: the FLV audio tag without its header, decoded to the bit.

Sources: FLV 10.1 E.4.2.1; Enhanced RTMP v2, ExAudioTagHeader and ExAudioTagBody.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from rtmpscope.media import ac3, configs, enhanced, legacy, mpeg_audio, opus, tag
from rtmpscope.media.bit_reader import BitReader, Decoder
from rtmpscope.media.enhanced import Side
from rtmpscope.model import Field

_FORMATS: Final[dict[int, str]] = {
    0: "PCM in the byte order of the sender",
    1: "ADPCM",
    2: "MP3",
    3: "PCM, little-endian",
    4: "Nellymoser at 16 kHz, mono",
    5: "Nellymoser at 8 kHz, mono",
    6: "Nellymoser",
    7: "G.711 A-law",
    8: "G.711 mu-law",
    9: "extended header",
    10: "AAC",
    11: "Speex at 16 kHz, mono",
    14: "MP3 at 8 kHz",
    15: "device-specific",
}
_RATES: Final = (5_512, 11_025, 22_050, 44_100)
# Formats that have a rate of their own, whatever the header's bits say.
_FIXED_RATES: Final[dict[int, int]] = {4: 16_000, 5: 8_000, 7: 8_000, 8: 8_000, 11: 16_000, 14: 8_000}
_MONO: Final = frozenset({4, 5, 11})
_SIZES: Final = (8, 16)
_TYPES: Final[dict[int, str]] = {0: "mono", 1: "stereo"}
_AAC_PACKET_TYPES: Final[dict[int, str]] = {0: "sequence_header", 1: "raw"}
_ADPCM: Final = 1

_PACKET_TYPES: Final[dict[int, str]] = {
    0: "sequence_start",
    1: "coded_frames",
    2: "sequence_end",
    4: "multichannel_config",
    tag.AUDIO_MULTITRACK: "multitrack",
    tag.MOD_EX: "mod_ex",
}
_CHANNEL_ORDERS: Final[dict[int, str]] = {0: "unspecified", 1: "native", 2: "custom"}
# AudioChannel; the bits of AudioChannelMask are in the same order.
_SPEAKERS: Final = (
    "front_left", "front_right", "front_center", "low_frequency_1", "back_left", "back_right",
    "front_left_center", "front_right_center", "back_center", "side_left", "side_right", "top_center",
    "top_front_left", "top_front_center", "top_front_right", "top_back_left", "top_back_center", "top_back_right",
    "low_frequency_2", "top_side_left", "top_side_right", "bottom_front_center", "bottom_front_left",
    "bottom_front_right",
)  # fmt: skip
_CHANNELS: Final[dict[int, str]] = {**dict(enumerate(_SPEAKERS)), 0xFE: "unused", 0xFF: "unknown"}

_FRAMES: Final[dict[str, Decoder]] = {
    "mp3": mpeg_audio.frame,
    "ac3": ac3.ac3_frame,
    "eac3": ac3.eac3_frame,
    "opus": opus.packet,
}


def decode(payload: bytes, length: int) -> Field:
    """The body of an audio message of `length` bytes, of which `payload` was captured."""
    if length == 0:
        return Field("audio", None, 0, 0, "empty: silence begins, or the sender has nothing to say")
    reader = BitReader(payload)
    reader.missing = max(length - len(payload), 0)
    return reader.decode("audio", _audio)


def _audio(reader: BitReader) -> None:
    first = reader.at
    number = reader.number(4)
    if number == tag.EX_AUDIO:
        reader.add("sound_format", number, first, _FORMATS[number], "display")
        enhanced.message(reader, _SIDE, enhanced.packet_type(reader, _SIDE))
        return
    codec = tag.AUDIO_CODECS.get(number, f"unknown_{number}")
    reader.add("codec", codec, first, f"{number}: {_FORMATS.get(number, 'reserved')}")
    rate_at = reader.at
    rate = _RATES[reader.number(2)]
    fixed = tag.AAC == number or number in _FIXED_RATES
    reader.add("sound_rate", rate, rate_at, _rate_text(number) if fixed else "")
    size_at = reader.at
    reader.add("sound_size", _SIZES[reader.number(1)], size_at)
    channels = 1 + reader.number(1)
    reader.add("sound_type", _TYPES[channels - 1], reader.at - 1)
    if number == tag.AAC:
        _aac(reader)
    elif number == _ADPCM:
        reader.record("frame", partial(legacy.adpcm, channels))
    else:
        _frame(reader, codec)


def header_parameters(payload: bytes) -> configs.Parameters:
    """What the first byte says of the sound, for formats in which that means something."""
    number = payload[0] >> 4 if payload else tag.EX_AUDIO
    if number == tag.AAC or number not in tag.AUDIO_CODECS:
        return configs.Parameters()
    rate = _FIXED_RATES.get(number, _RATES[payload[0] >> 2 & 3])
    return configs.Parameters(sample_rate=rate, channels=1 if number in _MONO else 1 + (payload[0] & 1))


def _rate_text(number: int) -> str:
    if number == tag.AAC:
        return "says nothing: the rate is that of the sequence header"
    return f"says nothing: this format has {_FIXED_RATES[number]:,} Hz"


def _aac(reader: BitReader) -> None:
    """AACAUDIODATA (E.4.2.2)."""
    if reader.word("packet_type", 8, _AAC_PACKET_TYPES) == "sequence_header":
        configs.read(reader, "aac")
    else:
        reader.rest()


def _frame(reader: BitReader, codec: str) -> None:
    decoder = _FRAMES.get(codec)
    if decoder is None:
        reader.rest()
    else:
        reader.record("frame", decoder)


def _body(reader: BitReader, packet_type: str, codec: str) -> None:
    """ExAudioTagBody of one track."""
    _BODIES.get(packet_type, _other)(reader, codec)


def _multichannel_config(reader: BitReader, codec: str) -> None:
    with reader.group("multichannel_config"):
        _multichannel(reader)


def _multichannel(reader: BitReader) -> None:
    order = reader.word("channel_order", 8, _CHANNEL_ORDERS)
    count = reader.u("channel_count", 8)
    if order == "custom":
        with reader.group("channels", "list"):
            for _ in range(count):
                reader.word("channel", 8, _CHANNELS)
    elif order == "native":
        with reader.group("channels", "list") as channels:
            first = reader.at
            mask = reader.number(32)
            for bit, speaker in enumerate(_SPEAKERS):
                if mask >> bit & 1:
                    reader.add("channel", speaker, first)
            channels.text = f"mask {mask:#010x}"


def _other(reader: BitReader, codec: str) -> None:
    reader.rest()


_BODIES: Final = {
    "sequence_start": configs.read,
    "coded_frames": _frame,
    "multichannel_config": _multichannel_config,
}
_SIDE: Final = Side(_PACKET_TYPES, tag.AUDIO_MULTITRACK, tag.AUDIO_FOURCC, _body)
