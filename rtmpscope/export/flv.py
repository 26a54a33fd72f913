"""FLV files: one for each media stream, that players open whatever part of the stream was captured.

A stream's tags are first collected in a scratch file.  When it is over, everything about it is known: the earliest
frame, whose time becomes 0, the sequence headers that came later than frames that need them, which then stand at
the beginning as well, and the known times between which guessed ones have to lie.  Metadata loses the
"@setDataFrame" that is an instruction to servers.

Sources: FLV 10.1 annex E; Enhanced RTMP v2.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from rtmpscope.export.extract import Extractor, Spool
from rtmpscope.export.files import named_output
from rtmpscope.media.tag import MediaTag
from rtmpscope.model import AUDIO, DATA_AMF0, DATA_AMF3, VIDEO, Message

# The bits of TypeFlags in the file's header.
_FLAGS: Final = {AUDIO: 4, VIDEO: 1}
_HEADER_BYTES: Final = 9
_TAG_HEADER_BYTES: Final = 11
_BUFFER: Final = 1 << 16
_NO_LIMIT: Final = 1 << 63

_NEED_HEADER: Final = frozenset({"h264", "hevc", "vvc", "aac", "opus", "flac"})
_FORMAT_SELECTOR: Final = b"\0"
_STRING: Final = b"\2"  # AMF0 marker


def _amf0_string(text: str) -> bytes:
    return _STRING + len(text).to_bytes(2, "big") + text.encode()


_SET_DATA_FRAME: Final = _amf0_string("@setDataFrame")
# Data messages about the connection, not about the media.
_NOT_MEDIA: Final = tuple(map(_amf0_string, ("|RtmpSampleAccess", "onStatus", "onPlayStatus", "@clearDataFrame")))


class FlvExtractor(Extractor):
    """Every media stream of a capture as an FLV file in a folder."""

    def __init__(self, directory: str) -> None:
        super().__init__(directory, FlvWriter)


class FlvWriter:
    """One stream, one file."""

    suffix = ".flv"

    def __init__(self, scratch: Path) -> None:
        self._tags: Final = Spool(scratch)
        self._flags = 0
        self._start: int | None = None
        self._configured: Final[set[tuple[int, int]]] = set()  # type and track
        self._waiting: Final[dict[tuple[int, int], str]] = {}  # those with frames before a sequence header, and codec
        self._late: Final[list[tuple[int, bytes, str]]] = []
        self._guessing: Final[set[int]] = set()  # types whose last message had no known time
        self._limits: Final[dict[int, list[int]]] = {AUDIO: [], VIDEO: []}  # the known times at which that ended

    def media(self, type_id: int, payload: bytes, facts: MediaTag, time: int, known: bool) -> None:
        self._flags |= _FLAGS[type_id]
        if not known:
            self._guessing.add(type_id)
        elif type_id in self._guessing:
            self._guessing.remove(type_id)
            self._limits[type_id].append(time)
        track = (type_id, facts.track)
        if facts.kind == "sequence_header":
            self._configured.add(track)
            if self._waiting.pop(track, ""):
                self._late.append((type_id, payload, facts.codec))
        elif facts.kind == "frame":
            if track not in self._configured and facts.codec in _NEED_HEADER:
                self._waiting[track] = facts.codec
            if self._start is None or time < self._start:
                self._start = time
        self._tags.add(type_id, known, time, payload)

    def data(self, message: Message, time: int) -> None:
        payload = message.payload
        if message.type_id == DATA_AMF3:
            payload = payload.removeprefix(_FORMAT_SELECTOR)
        payload = payload.removeprefix(_SET_DATA_FRAME)
        if payload.startswith(_STRING) and not payload.startswith(_NOT_MEDIA):
            self._tags.add(DATA_AMF0, True, time, payload)

    def close(self, path: Path) -> list[str]:
        start = self._start or 0
        with named_output(path.with_name(path.name + self.suffix)) as raw:
            out = io.BufferedWriter(raw, _BUFFER)
            out.write(b"FLV\1" + bytes([self._flags]) + _HEADER_BYTES.to_bytes(4, "big") + bytes(4))
            for type_id, payload, _ in self._late:
                out.write(_tag(type_id, payload, 0))
            for type_id, time, payload in self._in_time():
                out.write(_tag(type_id, payload, max(time - start, 0)))
            out.flush()
            out.detach()
        remarks = [f"the {codec} sequence header was captured late and put first" for _, _, codec in self._late]
        remarks += [
            f"no {codec} sequence header was captured: players cannot decode it" for codec in self._waiting.values()
        ]
        return remarks

    def _in_time(self) -> Iterator[tuple[int, int, bytes]]:
        """Type, time and payload of the tags; guessed times lie between the known ones around them where these grow."""
        limits = {type_id: iter(times) for type_id, times in self._limits.items()}
        limit: dict[int, int] = {}
        before: dict[int, int] = {}
        for type_id, known, time, payload in self._tags.pieces():
            if known:
                limit.pop(type_id, None)
            else:
                if type_id not in limit:
                    limit[type_id] = next(limits[type_id], _NO_LIMIT)
                if limit[type_id] >= before.get(type_id, 0):
                    time = min(time, limit[type_id])
            before[type_id] = time
            yield type_id, time, payload


def _tag(type_id: int, payload: bytes, time: int) -> bytes:
    """FLVTAG, with the size that stands behind it; the top byte of the time comes after the others."""
    size = len(payload).to_bytes(3, "big")
    stamp = (time & 0xFFFFFF).to_bytes(3, "big") + bytes([time >> 24 & 0xFF])
    total = (_TAG_HEADER_BYTES + len(payload)).to_bytes(4, "big")
    return bytes([type_id]) + size + stamp + bytes(3) + payload + total
