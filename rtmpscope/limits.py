"""Every bound that input could push against, in one place.  Reaching one is a note that names it."""

from typing import Final

AMF_DEPTH: Final = 64
AMF_ITEMS: Final = 100_000  # values in one message
PARTIAL_BYTES: Final = 64 << 20  # unfinished messages of one connection; the oldest is dropped
OUT_OF_ORDER_BYTES: Final = 4 << 20  # waiting behind a hole in one direction; then the hole is a gap
PACKET_BYTES: Final = 262_144  # a longer record is corruption, as in libpcap and Wireshark
PCAPNG_BLOCK_BYTES: Final = 16 << 20  # as in libpcap
EXPANSION_RATIO: Final = 1000  # a compressed capture may grow this much
PLUGIN_CALL_SECONDS: Final = 0.25  # a plugin that takes longer for one call is named
OUT_OF_ORDER_SEGMENTS: Final = 16_384  # the same wait, for very small segments
MESSAGE_PARTS: Final = 10_000  # parts of an aggregate; events or keys of a shared object message
