"""How much input may make us keep or do, in one place.

Where a bound is reached, what is given up is said: by a note "limit-...", by the report on the capture, or in the
field that ends there.  Only what was merely remembered, to link one thing with another, is forgotten without a word.
"""

from typing import Final

# --- captures

PACKET_BYTES: Final = 262_144  # a longer record is corruption, as in libpcap and Wireshark
PCAPNG_BLOCK_BYTES: Final = 16 << 20  # as in libpcap
INTERFACES: Final = 16_384  # in one section of a pcapng file
EXPANSION_RATIO: Final = 1000  # a compressed capture may grow this much
SPOOL_BYTES: Final = 64_000_000_000  # the private copy of what cannot be read twice
SPOOL_RESERVE: Final = 16 << 20  # disk space that a live capture leaves free: with less it stops

# --- packets and streams

FRAGMENTS: Final = 1024  # pieces of IP datagrams that wait for others; the oldest datagram is given up
FRAGMENT_NS: Final = 30_000_000_000  # and how long they wait (RFC 791, 3.2)
OUT_OF_ORDER_BYTES: Final = 4 << 20  # waiting behind a hole in one direction; then the hole is a gap
OUT_OF_ORDER_SEGMENTS: Final = 16_384  # the same wait, for very small segments
CONFLICTS: Final = 1_000  # retransmissions of one side that differ and wait for an event to be noted on
FORGOTTEN: Final = 262_144  # connections of which nothing more is read; the oldest would be new ones again
CONNECTIONS: Final = 50_000  # shown of one run
TRIALS: Final = 16_384  # on other ports, that have not shown yet what they carry; the oldest is given up
TRIAL_BYTES: Final = 262_144  # of one side of them, within which a proof must come
HELD_BYTES: Final = 256 << 20  # waiting for more in all connections together; the one that holds most is given up

# --- messages and their bodies

PARTIAL_BYTES: Final = 64 << 20  # unfinished messages of one direction; the payload of the oldest is dropped
MESSAGE_PARTS: Final = 10_000  # parts of an aggregate
AMF_DEPTH: Final = 64
AMF_ITEMS: Final = 100_000  # values in one message
AMF_REPEATED: Final = 4 << 20  # characters that references to strings and class traits repeat in one message
MEDIA_FIELDS: Final = 20_000  # in the tree of one audio or video message

# --- rows

PAYLOADS_BYTES: Final = 8 << 20  # kept of commands and their like, to say at once what they say
SAID_BYTES: Final = 4096  # of one of these; a longer one is read again when somebody looks at it

# --- analysis

CALLS_REMEMBERED: Final = 10_000  # of one direction, to find the request of an answer
ANSWERS_REMEMBERED: Final = 16  # whose request may still come to light, behind a hole
REQUESTS_UNDECIDED: Final = 16  # of one side, that an onStatus may still decide
PINGS_REMEMBERED: Final = 64
TRACKS: Final = 64  # of one stream, and streams of one connection
NOTES_OF_A_KIND: Final = 20  # on one track; the rest is counted only
SERIES_BUCKETS: Final = 512  # of a graph; when they are full, two become one
PLUGIN_CALL_SECONDS: Final = 0.25  # a plugin that takes longer for one call is named
PLUGIN_SILENT_SECONDS: Final = 5.0  # and one that has not come back by then, while it is still at work

# --- filters

FILTER_DEPTH: Final = 100  # nesting of a display filter
FILTER_CHARACTERS: Final = 10_000
PATTERN_CHARACTERS: Final = 1_000  # of a regular expression in a display filter
PATTERN_WAYS: Final = 10_000  # in which a repeated group of it may match

# --- what is written

JSON_BYTES: Final = 4096  # of undecoded bytes and byte arrays that a JSON trace spells out; the payload has all
HELD_RECORDS: Final = 4096  # JSON records waiting behind a request that has no answer yet
HELD_NS: Final = 2_000_000_000  # and how long they wait, in the time of the capture
HELD_CHARACTERS: Final = 16 << 20  # and how much text they may be
SECRET_CHARACTERS: Final = 1 << 20  # of secrets remembered, to find them again elsewhere; the older half is forgotten
SECRET_LENGTH: Final = 8192  # of one that is remembered
SECRETS_ALIKE: Final = 64  # remembered of those that share their first 64 characters; the oldest is forgotten
EDITS_BYTES: Final = 256 << 20  # what sanitize keeps of what is to be replaced; the streams with most are given up
DRAFTS_BYTES: Final = 16 << 20  # of packets wait in sanitize behind an IP fragment whose datagram is not whole
RECENT_BYTES: Final = 64 << 20  # what sanitize keeps of streams, to know retransmissions by
