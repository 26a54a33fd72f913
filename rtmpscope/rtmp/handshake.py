"""The handshake: what its blocks say, whether their digests are valid, and how each side answered the other.

`grade` is given each part as it arrives, with the parts before it, and writes down what can be known then:
version, digest and echo.  Nothing on the wire is an error here: a block that is neither a digest nor an echo
is graded "none", and most peers do not care.  `describe` turns a graded part into fields.

RTMP 5.2 knows only the simple form.  The digest form is Flash Player's (9 and later); it hides 32 bytes of
HMAC-SHA256 in C1 and S1 at one of two places, which we name by their pointer bytes, 8 and 772, because every
implementation numbers them differently.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rtmpscope.bits import u32
from rtmpscope.model import C2S, S2C, UNKNOWN, Field, Handshake, Severity

BLOCK_SIZE: Final = 1536
DIGEST_SIZE: Final = 32
DH_KEY_SIZE: Final = 128
DIGEST_BLOCKS: Final = (772, 8)

# The keys, by the direction of the side that signs with them.
_TEXTS: Final = (b"Genuine Adobe Flash Player 001", b"Genuine Adobe Flash Media Server 001")
_SUFFIX: Final = bytes.fromhex("f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae")

# C0 and S0 (RTMP 5.2.2; those of RTMPE are librtmp's and FFmpeg's).
PLAIN_VERSION: Final = 3
ENCRYPTED_VERSIONS: Final = (6, 8, 9)
_VERSIONS: Final = {
    3: "plain RTMP",
    6: "RTMPE",
    8: "RTMPE with XTEA",
    9: "RTMPE with Blowfish",
}


def grade(before: Iterable[Handshake], part: Handshake) -> None:
    """Fill in what the part's bytes and the parts before it tell; a part cut by a gap stays ungraded."""
    size, peers_part, grade_part = _GRADED[part.part[1]]
    wanted = ("S", "C")[part.direction] + peers_part
    peer = next((earlier for earlier in before if earlier.part == wanted and len(earlier.data) == size), None)
    if len(part.data) == size:
        grade_part(part, peer)


def _grade_version(part: Handshake, peer: Handshake | None) -> None:
    version = part.data[0]
    part.version = str(version)
    if version in ENCRYPTED_VERSIONS:
        text = "this is RTMPE: the handshake is in clear, everything after it is encrypted and cannot be read"
        part.note("rtmpe-encrypted", Severity.NOTE, text)
    elif version != PLAIN_VERSION:
        text = f"version {version} is not in use (RTMP is 3): an odd peer, or not RTMP at all"
        part.note("handshake-version", Severity.WARNING, text)
    if part.direction == S2C and peer is not None and peer.version != part.version:
        text = f"the server answers version {peer.version} with {part.version}: the client may go on or hang up"
        part.note("handshake-version-differs", Severity.NOTE, text)


def _grade_first(part: Handshake, peer: Handshake | None) -> None:
    """C1 or S1: a version and perhaps a digest."""
    block = part.data
    named = block[4:8] != bytes(4)
    part.version = ".".join(map(str, block[4:8])) if named else ""
    part.digest_block = digest_block(block, part.direction)
    part.style = "simple" if part.digest_block == UNKNOWN else "digest"
    if part.direction == S2C and peer is not None and block == peer.data:
        text = "S1 is a copy of C1: how nginx, node-media-server and others answer the simple handshake"
        part.note("handshake-mirrored", Severity.COMMENT, text)
    elif named and part.style == "simple":
        text = f"{part.part} names version {part.version} but holds no digest: peers fall back to the simple handshake"
        part.note("handshake-digest-missing", Severity.NOTE, text)


def _grade_second(part: Handshake, peer: Handshake | None) -> None:
    """C2 or S2: an answer to the other side's first block."""
    if peer is None:
        return
    part.echo = _echo(part.data, peer, part.direction)
    if part.echo == "digest":
        part.style = "digest"
    elif part.echo == "none":
        text = f"{part.part} neither copies {peer.part} nor signs it: not as specified, but nearly all peers accept it"
        part.note("handshake-echo", Severity.CHAT, text)


# By the part's number: its size, the part of the other side that it is held against, how it is graded.
_GRADED: Final = {
    "0": (1, "0", _grade_version),
    "1": (BLOCK_SIZE, "1", _grade_first),
    "2": (BLOCK_SIZE, "1", _grade_second),
}


def _echo(block: bytes, peer: Handshake, direction: int) -> str:
    """How a second block answers the peer's first: digest, exact (time and random bytes), random or none."""
    if peer.digest_block != UNKNOWN:
        key = _hmac(_TEXTS[direction] + _SUFFIX, _digest(peer.data, peer.digest_block))
        if _hmac(key, block[:-DIGEST_SIZE]) == block[-DIGEST_SIZE:]:
            return "digest"
    if block[8:] != peer.data[8:]:
        return "none"
    return "exact" if block[:4] == peer.data[:4] else "random"


def sender(block: bytes) -> int:
    """The direction whose key signed a C1 or S1; UNKNOWN for a simple block."""
    for direction in (C2S, S2C):
        if digest_block(block, direction) != UNKNOWN:
            return direction
    return UNKNOWN


def digest_block(block: bytes, direction: int) -> int:
    """Where the pointer to a valid digest stands in a C1 or S1: 8, 772 or UNKNOWN.

    Both cannot hold but by chance, one in 2^256: each digest signs the bytes of the other.
    """
    for pointer in DIGEST_BLOCKS:
        place = _digest_place(block, pointer)
        signed = block[:place] + block[place + DIGEST_SIZE :]
        if _hmac(_TEXTS[direction], signed) == block[place : place + DIGEST_SIZE]:
            return pointer
    return UNKNOWN


def _digest_place(block: bytes, pointer: int) -> int:
    return sum(block[pointer : pointer + 4]) % 728 + pointer + 4


def _digest(block: bytes, pointer: int) -> bytes:
    place = _digest_place(block, pointer)
    return block[place : place + DIGEST_SIZE]


def _hmac(key: bytes, data: bytes) -> bytes:
    import hmac  # brings OpenSSL, 4 ms, which simple handshakes do without

    return hmac.digest(key, data, "sha256")


# Fields


def describe(part: Handshake) -> Field:
    """The fields of a graded part; byte ranges are within part.data."""
    data = part.data
    body = Field("handshake", None, 0, len(data))
    if len(data) < _GRADED[part.part[1]][0]:
        body.children = [Field("undecoded", data, 0, len(data), "cut by a gap")]
    elif part.part[1] == "0":
        body.children = [Field("version", data[0], 0, 1, _VERSIONS.get(data[0], "not in use"))]
    else:
        describe_block = _first_fields if part.part[1] == "1" else _second_fields
        body.children = [Field("time", u32(data, 0), 0, 4, "ms, any epoch"), *describe_block(part)]
    return body


def _first_fields(part: Handshake) -> list[Field]:
    version = Field("version", part.version or "0.0.0.0", 4, 8, "" if part.version else "none named")
    if part.digest_block == UNKNOWN:
        return [version, _bytes(part, "random", 8, BLOCK_SIZE)]
    return [version, *sorted(_digest_fields(part), key=lambda field: field.start)]


def _digest_fields(part: Handshake) -> list[Field]:
    """The pointers and what they point at; the other 764 bytes hold the key, filler unless it is RTMPE."""
    data = part.data
    pointer = part.digest_block
    place = _digest_place(data, pointer)
    key_pointer, key_base = (1532, 772) if pointer == 8 else (768, 8)
    key_place = sum(data[key_pointer : key_pointer + 4]) % 632 + key_base
    return [
        Field("digest_pointer", place, pointer, pointer + 4, "where the digest begins"),
        Field("digest", data[place : place + DIGEST_SIZE], place, place + DIGEST_SIZE, "valid HMAC-SHA256"),
        Field("dh_key_pointer", key_place, key_pointer, key_pointer + 4, "where the Diffie-Hellman key begins"),
        _bytes(part, "dh_key", key_place, key_place + DH_KEY_SIZE),
    ]


def _second_fields(part: Handshake) -> list[Field]:
    time2 = Field("time2", u32(part.data, 4), 4, 8, "when the other side's block was read; often not kept")
    if part.echo != "digest":
        return [time2, _bytes(part, "random_echo", 8, BLOCK_SIZE)]
    place = BLOCK_SIZE - DIGEST_SIZE
    return [
        time2,
        _bytes(part, "random", 8, place),
        Field("digest", part.data[place:], place, BLOCK_SIZE, "valid HMAC-SHA256"),
    ]


def _bytes(part: Handshake, name: str, start: int, end: int) -> Field:
    return Field(name, part.data[start:end], start, end)
