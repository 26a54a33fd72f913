"""Real and worked media messages for the tests, by what they are.

RECORDS were written by FFmpeg 9 with libx264, libx265, libaom, SVT-AV1, libvpx, libvvenc, libopus and its own
encoders; MESSAGES and MANY are put together by the specification's tables.
"""

from __future__ import annotations

from collections.abc import Iterator

# Configuration records: codec and bytes.
RECORDS: dict[str, tuple[str, bytes]] = {
    name: (codec, bytes.fromhex(record))
    for name, codec, record in (
        ("h264_main", "h264", "014d4015ffe1001b674d4015eca0d8ff2780b7010101400000fa40003a9803c58b658001000568ebe3cb20"),
        ("h264_baseline", "h264", "0142c00cffe100196742c00cd901419ea6c384000003000400000300c83c50a92001000568cb83cb20"),
        ("h264_1080", "h264", "0142c02affe100186742c02ada01e0089f970110000003001000000780f1832a01000468ce0fc8"),
        (
            "h264_422_10",
            "h264",
            "017a000cffe1001b677a000cb6cd941419ea2f011000000300100000030320f142996001000668ebe3cb22c0fefafa00",
        ),
        (
            "h264_444",  # with scaling lists
            "h264",
            "01f4000cffe1001a67f4000c919b282833dc5e0220000003002000000641e28532c001000868ebe3c44c000440fff8f800",
        ),
        (
            "h264_gray",
            "h264",
            "0164000cffe1001a6764000cf36505067b8bc05b20000003002000000641e28532c001000668ebe3cb22c0fcf8f800",
        ),
        (
            "h264_interlaced",
            "h264",
            "01640015ffe1001c67640015acd9414337fe03ba038e20000003004000000643e28532c001000668fba3cb22c0fdf8f800",
        ),
        (
            "h264_hrd",
            "h264",
            "0164001effe100246764001eacd940a02ff9701100000303e90000ea60626000f424001e84e4c30078b16cb001000568ebecb22c"
            "fdf8f800",
        ),
        (
            "hevc_main",
            "hevc",
            "0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003c959809"
            "210001002b42010101600000030090000003000003003ca00a080b9d565959a4932bc05a02000003000200000300321022000100"
            "074401c172b46240",
        ),
        (
            "hevc_hdr",  # with scaling lists, HRD and SEI
            "hevc",
            "0102200000009000000000005af000fcfdfafa00000f04200001001840010c01ffff02200000030090000003000003005a959809"
            "210001003942010102200000030090000003000003005aa005020169365959a49395e02d42440241000003000100000300326014"
            "986e000f424001e8488022000100074401c172b4624027000100064e0181010f80",
        ),
        (
            "hevc_444",  # with temporal layers
            "hevc",
            "0104080000009e08000000003cf000fcfff8f800001b03200001001d40010c04ffff0408000003009e0800000300003c00009594"
            "aca5650240210001002e4201040408000003009e0800000300003c00009001410173bbcb2b29594acb24995e02d01000003e9000"
            "0753008022000100084401c172860c4624",
        ),
        ("av1_main", "av1", "81000c000a0b000000043cf6d4daf90040"),
        ("av1_hdr", "av1", "81044c000a0f020000252627fb3805f0a122012080"),
        ("av1_444", "av1", "812000000a0d200000043cfeccdaf920404012"),
        ("vp9_main", "vp9", "01000000000b820202010000"),
        ("vp9_422_10", "vp9", "01000000030ba40202020000"),
        (
            "vvc_main10",
            "vvc",
            "ff00655f010220800000014000b80000020f00010095007900ab02208000008028202e7546a00737ffac21365630408270032831"
            "610860c442064883521e8f56a4bc926a4b2445a88bc449a88914911264889351964842d4217842f56a4bc97a865062c403162020"
            "4204040a8408081a4204040b1020204410102c820204840419020442040b2102048810682049041c20c81168412421c43425c8e5"
            "433046714000000300400000064620100001000b0081000014101722241f41",
        ),
        ("aac_stereo", "aac", "121056e500"),
        ("aac_51", "aac", "11b056e500"),
        ("aac_71", "aac", "106056e500"),
        ("aac_7350", "aac", "160856e500"),
        ("opus_stereo", "opus", "4f707573486561640102380180bb0000000000"),
        ("opus_51", "opus", "4f707573486561640106380180bb00000000010402000401020305"),
        ("flac_24", "flac", "040004000002b8000605177003700000960087aeaef6c0eb5ec77bd43d5aa73f2ce6"),
    )
}

H264 = RECORDS["h264_main"][1]
HEVC = RECORDS["hevc_main"][1]
AVC_UNITS = bytes.fromhex("00000002 0910 00000005 06 05 01 aa 80 00000004 65b80401")  # AUD, SEI, IDR
HEVC_UNITS = bytes.fromhex("00000002 2601")  # IDR_W_RADL
OBUS = bytes.fromhex("1200 0a0b000000043cf6d4daf90040 3203 102030")  # temporal delimiter, sequence header, frame
COLOR_INFO = (
    bytes.fromhex("020009") + b"colorInfo" + bytes.fromhex("03000b") + b"colorConfig" + bytes.fromhex("030008")
    + b"bitDepth" + bytes.fromhex("004024000000000000 000009 000009")
)  # fmt: skip

# Type ids are those of RTMP: 8 audio, 9 video.
MESSAGES: dict[str, tuple[int, bytes]] = {
    name: (type_id, bytes.fromhex(head) + body)
    for name, type_id, head, body in (
        ("aac_header", 8, "af00", RECORDS["aac_stereo"][1]),
        ("aac_frame", 8, "af01", b"\x21\x10\x04"),
        ("aac_reserved", 8, "af05", b""),
        ("speex", 8, "b2", b"\x36\x9d\x1b"),
        ("speex_of_ffmpeg", 8, "b6", b"\x36\x9d\x1b"),
        ("mp3", 8, "2e", bytes.fromhex("fffb52c400000a2c432e5594")),
        ("mp3_8k", 8, "e2", bytes.fromhex("ffe318c40000")),
        ("adpcm", 8, "16", bytes.fromhex("8000000000aa55")),
        ("adpcm_stereo", 8, "1f", bytes.fromhex("bde75df79d7510cd10")),
        ("pcm", 8, "0f", bytes(8)),
        ("pcm_le", 8, "3f", bytes(8)),
        ("nellymoser_16k", 8, "42", bytes(64)),
        ("nellymoser_8k", 8, "52", bytes(64)),
        ("nellymoser", 8, "6e", bytes(64)),
        ("alaw", 8, "72", b"\xd5\xd5"),
        ("mulaw", 8, "82", b"\xff\xff"),
        ("reserved_sound", 8, "c0", b"\1"),
        ("device_specific", 8, "f0", b"\1"),
        ("opus_start", 8, "90", b"Opus" + RECORDS["opus_stereo"][1]),
        ("opus_tags", 8, "90", b"OpusOpusTags\0\0\0\0"),
        ("opus_frame", 8, "91", b"Opus\xfc\xff\xfe"),
        ("aac_start", 8, "90", b"mp4a" + RECORDS["aac_stereo"][1]),
        ("flac_start", 8, "90", b"fLaC" + RECORDS["flac_24"][1]),
        ("ac3_start", 8, "90", b"ac-3"),
        ("ac3_frame", 8, "91", b"ac-3" + bytes.fromhex("0b773a7e1e40ebf8403eff99")),
        ("eac3_frame", 8, "91", b"ec-3" + bytes.fromhex("0b7700cf7285800000")),
        ("mp3_enhanced", 8, "91", b".mp3" + bytes.fromhex("fffb52c400000a2c")),
        ("audio_end", 8, "92", b"Opus"),
        ("multichannel_native", 8, "94", b"Opus\1\6\0\0\0\x3f"),
        ("multichannel_custom", 8, "94", b"Opus\2\3\0\1\xfe"),
        ("multichannel_unspecified", 8, "94", b"Opus\0\2"),
        ("audio_track", 8, "9501", b"Opus\3\xfc\xff"),
        ("unknown_sound", 8, "91", b"abcd\1"),
        ("avc_header", 9, "17 00 000000", H264),
        ("avc_key", 9, "17 01 000000", AVC_UNITS),
        ("avc_inter", 9, "27 01 000028", bytes.fromhex("00000002 419a")),
        ("avc_earlier", 9, "27 01 ffffd8", bytes.fromhex("00000002 419a")),
        ("avc_end", 9, "17 02 000000", b""),
        ("avc_annex_b", 9, "17 01 000000", bytes.fromhex("00000001 0910 000001 6588 00000001 0910 00")),
        ("avc_short_lengths", 9, "17 01 000000", bytes.fromhex("0002 0910 0003 658804")),
        ("codec_12_header", 9, "1c 00 000000", HEVC),
        ("codec_12_key", 9, "1c 01 000050", HEVC_UNITS),
        ("seek_command", 9, "57 00", b""),
        ("flv1_key", 9, "12", bytes.fromhex("00008400809f005b119e72aa")),
        ("flv1_disposable", 9, "32", bytes.fromhex("00008404809f005b519e3e55")),
        ("screen", 9, "13", bytes.fromhex("313e30b6 0003 789c01 0000")),
        ("screen2", 9, "16", bytes.fromhex("313e30b6 01 0002 aabb 0001 10")),
        ("vp6", 9, "24", bytes.fromhex("00 b8 0000")),
        ("vp6_key", 9, "14", bytes.fromhex("2a 78 46 0c140c14 0000")),
        ("vp6a", 9, "15", bytes.fromhex("00 000123 79 40 0010 0c140c14")),
        ("jpeg", 9, "11", b"\xff\xd8\xff\xd9"),
        ("reserved_codec", 9, "18", b"\1"),
        ("hvc1_start", 9, "90", b"hvc1" + HEVC),
        ("hvc1_frames", 9, "91", b"hvc1" + bytes.fromhex("000050") + HEVC_UNITS),
        ("hvc1_frames_x", 9, "a3", b"hvc1" + bytes.fromhex("00000002 0201")),
        ("avc1_frames", 9, "91", b"avc1" + bytes.fromhex("000050") + AVC_UNITS),
        ("vvc1_start", 9, "90", b"vvc1" + RECORDS["vvc_main10"][1]),
        ("vvc1_frames", 9, "91", b"vvc1" + bytes.fromhex("000000 00000003 003901")),
        ("av01_start", 9, "90", b"av01" + RECORDS["av1_main"][1]),
        ("av01_frames", 9, "91", b"av01" + OBUS),
        ("av01_ts_start", 9, "95", b"av01" + bytes.fromhex("8004 81000c00")),
        ("vp09_start", 9, "90", b"vp09" + RECORDS["vp9_main"][1]),
        ("vp09_key", 9, "91", b"vp09" + bytes.fromhex("82498342 20 13d00b50 00")),
        ("vp08_key", 9, "91", b"vp08" + bytes.fromhex("5001009d012a3e01b600 0000")),
        ("video_end", 9, "92", b"hvc1"),
        ("color_info", 9, "84", b"hvc1" + COLOR_INFO),
        ("color_reset", 9, "d4", b"hvc1" + bytes.fromhex("020009") + b"colorInfo" + b"\x06"),
        ("enhanced_command", 9, "d1 01", b""),
        ("one_track", 9, "96 01", b"avc1\1" + bytes.fromhex("000000") + AVC_UNITS),
        (
            "many_tracks",
            9,
            "96 11",
            b"avc1"
            + bytes.fromhex("00 00000a 000000 00000003 65b804")
            + bytes.fromhex("02 000009 000028 00000002 6588"),
        ),
        (
            "many_codecs",
            9,
            "96 21",
            b"avc1" + bytes.fromhex("00 00000a 000000 00000003 65b804") + b"av01" + bytes.fromhex("01 000002 1200"),
        ),
        ("mod_ex", 9, "a7 02 07a120 01", b"hvc1" + bytes.fromhex("000000") + HEVC_UNITS),
        ("mod_ex_twice", 9, "a7 02 000001 07 00 aa 11", b"hvc1" + bytes.fromhex("000000") + HEVC_UNITS),
        ("mod_ex_long", 9, "a7 ff 0100" + "55" * 257 + "13", b"hvc1" + HEVC_UNITS),
        ("unknown_picture", 9, "91", b"abcd\1"),
        ("reserved_packet_type", 9, "9e", b"hvc1\1"),
    )
}


def cuts(data: bytes) -> Iterator[bytes]:
    """The bytes cut at every place."""
    return (data[:size] for size in range(len(data)))
