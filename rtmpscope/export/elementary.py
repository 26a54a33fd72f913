"""Elementary streams: each track of a media stream in the file format that is usual for its codec.

H.264, HEVC and VVC become Annex B, with the parameter sets of the record before every key frame; AAC gets ADTS
headers; AV1, VP8 and VP9 are put into IVF, Opus into Ogg, FLAC behind its signature; MP3, AC-3 and E-AC-3 stand for
themselves.  The other codecs have no such file, and the FLV is the place for them.

Sources: ITU-T H.264 annex B; ISO/IEC 14496-3 1.A.2; RFC 3533, RFC 7845; RFC 9639; the IVF header of libvpx.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from rtmpscope.export.extract import Extractor, Spool
from rtmpscope.export.files import named_output
from rtmpscope.media import aac, configs, opus, video
from rtmpscope.media.nal import START_CODE
from rtmpscope.media.tag import MediaTag, body_start
from rtmpscope.model import AUDIO, Field, Message

_FRAME: Final = 0
_HEADER: Final = 1

Pieces = Iterator[tuple[int, bool, int, bytes]]  # kind, key frame, time in ms, data
Format = Callable[[str, Pieces], Iterator[bytes]]


class ElementaryExtractor(Extractor):
    """Every track of every media stream of a capture as a file of its own in a folder."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory, ElementaryWriter)


class ElementaryWriter:
    """One stream: a file for each track and codec."""

    suffix = ""

    def __init__(self, scratch: Path) -> None:
        self._scratch: Final = scratch
        self._tracks: Final[dict[tuple[int, int, str], Spool]] = {}

    def media(self, type_id: int, payload: bytes, facts: MediaTag, time: int, known: bool) -> None:
        if facts.kind not in ("frame", "sequence_header"):
            return
        key = (type_id, facts.track, facts.codec)
        spool = self._tracks.get(key)
        if spool is None:
            scratch = self._scratch.with_name(f"{self._scratch.name}-{len(self._tracks)}")
            spool = self._tracks[key] = Spool(scratch)
        kind = _FRAME if facts.kind == "frame" else _HEADER
        spool.add(kind, facts.key, time, payload[body_start(type_id, payload) :])

    def data(self, message: Message, time: int) -> None:
        """Data messages belong to no track."""

    def close(self, path: Path) -> list[str]:
        remarks: list[str] = []
        for (type_id, track, codec), spool in self._tracks.items():
            kind = "audio" if type_id == AUDIO else "video"
            name = f"{path.name}-{kind}-{track}" if track else f"{path.name}-{kind}"
            suffix, write = _FORMATS.get(codec, ("", None))
            if write is None:
                remarks.append(f"no file for {codec}, which has no usual format of its own: take the FLV")
                continue
            chunks = write(codec, spool.pieces())
            first = next(chunks, None)
            if first is None:
                remarks.append(
                    f"no file for {codec}: {name}{suffix} needs a sequence header that says what it must say"
                )
                continue
            with named_output(path.with_name(name + suffix)) as raw:
                out = io.BufferedWriter(raw)
                written = out.write(first)
                for data in chunks:
                    written += out.write(data)
                out.flush()
                out.detach()
            remarks.append(f"{name}{suffix}: {written:,} bytes of {codec}")
        return remarks


def _plain(codec: str, pieces: Pieces) -> Iterator[bytes]:
    """Frames that carry their own headers."""
    return (data for kind, _, _, data in pieces if kind == _FRAME)


# Annex B


def _annex_b(codec: str, pieces: Pieces) -> Iterator[bytes]:
    sets, length_size = b"", 4
    for kind, key, _, data in pieces:
        if kind == _HEADER:
            config = configs.decode(codec, data)
            size = config.get("length_size")
            length_size = size if isinstance(size, int) else length_size
            sets = b"".join(b"\0" + START_CODE + unit for unit in _parameter_sets(config, data))
        else:
            yield (sets if key else b"") + _with_start_codes(data, length_size)


def _parameter_sets(field: Field, record: bytes) -> Iterator[bytes]:
    """Every unit below the field: what follows a size."""
    for child in field.children:
        size = child.child("size")
        if size is not None:
            yield record[size.end : child.end]
        else:
            yield from _parameter_sets(child, record)


def _with_start_codes(data: bytes, length_size: int) -> bytes:
    """A frame with start codes for lengths; one that has them already stays as it is."""
    units: list[bytes] = []
    at = 0
    while at + length_size <= len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        at += length_size
        units.append(data[at : at + size])
        at += size
    if at != len(data) and START_CODE in data[:4]:
        return data
    return b"".join(b"\0" + START_CODE + unit for unit in units)


# ADTS

_ADTS_HEADER_BYTES: Final = 7
_LONGEST_ADTS: Final = (1 << 13) - 1  # of a frame with its header


def _adts(codec: str, pieces: Pieces) -> Iterator[bytes]:
    header = 0
    for kind, _, _, data in pieces:
        if kind == _HEADER:
            header = _adts_header(configs.decode(codec, data))
        elif header and len(data) + _ADTS_HEADER_BYTES <= _LONGEST_ADTS:
            size = len(data) + _ADTS_HEADER_BYTES
            yield (header | size << 13).to_bytes(_ADTS_HEADER_BYTES, "big") + data


def _adts_header(config: Field) -> int:
    """adts_fixed_header and adts_variable_header without the length; 0 for what they cannot say."""
    kind = config.get("core_audio_object_type") or config.get("audio_object_type")
    rate, channels = config.get("sampling_frequency"), config.get("channel_configuration")
    if kind not in (1, 2, 3, 4) or rate not in aac.SAMPLE_RATES or not isinstance(channels, int) or channels > 7:
        return 0
    fixed = 0xFFF1 << 12 | (kind - 1) << 10 | aac.SAMPLE_RATES.index(rate) << 6 | channels << 2
    return fixed << 28 | 0x7FF << 2  # variable bit rate, one block


# Ogg


def _crc_of_byte(byte: int) -> int:
    """RFC 3533, 6: the polynomial 0x04c11db7, the highest bit first."""
    crc = byte << 24
    for _ in range(8):
        crc = (crc << 1 ^ 0x04C11DB7 if crc & 0x80000000 else crc << 1) & 0xFFFFFFFF
    return crc


_OGG_CRC: Final = [_crc_of_byte(byte) for byte in range(256)]
_OGG_FIRST: Final = 2
_OGG_LAST: Final = 4
_OGG_SERIAL: Final = 1
_LONGEST_PACKET: Final = 255 * 255 - 1


def _ogg_opus(codec: str, pieces: Pieces) -> Iterator[bytes]:
    """One packet a page, and a page without any that says it is the last."""
    page = samples = 0
    for kind, _, _, data in pieces:
        if kind == _HEADER:
            if page == 0 and data.startswith(opus.MAGIC) and len(data) <= _LONGEST_PACKET:
                yield _ogg_page(data, 0, 0, _OGG_FIRST)
                yield _ogg_page(b"OpusTags" + struct.pack("<I", 9) + b"rtmpscope" + bytes(4), 0, 1, 0)
                page = 2
        elif page and len(data) <= _LONGEST_PACKET:
            samples += opus.samples(data)
            yield _ogg_page(data, samples, page, 0)
            page += 1
    if page:
        yield _ogg_page(b"", samples, page, _OGG_LAST)


def _ogg_page(packet: bytes, samples: int, number: int, flags: int) -> bytes:
    sizes = bytes([255] * (len(packet) // 255) + [len(packet) % 255]) if packet else b""
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, samples, _OGG_SERIAL, number, 0, len(sizes))
    page = head + sizes + packet
    crc = 0
    for byte in page:
        crc = (crc << 8 & 0xFFFFFFFF) ^ _OGG_CRC[crc >> 24 ^ byte]
    return page[:22] + struct.pack("<I", crc) + page[26:]


# FLAC


def _flac(codec: str, pieces: Pieces) -> Iterator[bytes]:
    begun = False
    for kind, _, _, data in pieces:
        if kind == _FRAME:
            yield data
        elif not begun:
            info = configs.decode(codec, data)
            block = next(_named(info, "streaminfo"), None)
            if block is not None:
                begun = True
                yield b"fLaC\x80\0\0\x22" + data[block.start : block.end]


def _named(field: Field, name: str) -> Iterator[Field]:
    for child in field.children:
        if child.name == name:
            yield child
        yield from _named(child, name)


# IVF

_IVF_CODES: Final = {"av1": b"AV01", "vp8": b"VP80", "vp9": b"VP90"}
_TEMPORAL_DELIMITER: Final = b"\x12\0"
_WIDEST: Final = 0xFFFF  # pixels, one less than the codecs can say


def _ivf(codec: str, pieces: Pieces) -> Iterator[bytes]:
    """Times in ms from the first frame; the size is that of the first frame that says one."""
    start: int | None = None
    config = configs.Parameters()
    for kind, _, time, data in pieces:
        if kind == _HEADER:
            config = configs.parameters(codec, data)
            continue
        if start is None:
            start = time
            size = config if config.width else video.frame_parameters(codec, data)
            width, height = min(size.width, _WIDEST), min(size.height, _WIDEST)
            yield struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, _IVF_CODES[codec], width, height, 1000, 1, 0, 0)
        if codec == "av1" and not data.startswith(_TEMPORAL_DELIMITER):
            data = _TEMPORAL_DELIMITER + data
        yield struct.pack("<IQ", len(data), max(time - start, 0)) + data


_FORMATS: Final[dict[str, tuple[str, Format]]] = {
    "h264": (".h264", _annex_b),
    "hevc": (".hevc", _annex_b),
    "vvc": (".vvc", _annex_b),
    "av1": (".ivf", _ivf),
    "vp8": (".ivf", _ivf),
    "vp9": (".ivf", _ivf),
    "aac": (".aac", _adts),
    "mp3": (".mp3", _plain),
    "ac3": (".ac3", _plain),
    "eac3": (".eac3", _plain),
    "opus": (".opus", _ogg_opus),
    "flac": (".flac", _flac),
}
