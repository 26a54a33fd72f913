"""AV1: the configuration record, the MPEG-2 TS descriptor, and OBUs with the sequence header read whole.

Sources: AV1 Bitstream 5.3.2, 5.5, 5.8.1, 5.9.2; AV1 in ISOBMFF 2.3.3; AV1 in MPEG-2 TS 2.3.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media import color
from rtmpscope.media.bit_reader import BitReader, Damaged, Decoder

OBU_TYPES: Final[dict[int, str]] = {
    1: "sequence_header",
    2: "temporal_delimiter",
    3: "frame_header",
    4: "tile_group",
    5: "metadata",
    6: "frame",
    7: "redundant_frame_header",
    8: "tile_list",
    15: "padding",
}
_METADATA_TYPES: Final[dict[int, str]] = {
    1: "hdr_cll",
    2: "hdr_mdcv",
    3: "scalability",
    4: "itut_t35",
    5: "timecode",
}
_FRAME_TYPES: Final[dict[int, str]] = {0: "key", 1: "inter", 2: "intra_only", 3: "switch"}
PROFILES: Final[dict[int, str]] = {0: "Main", 1: "High", 2: "Professional"}
_TIERS: Final[dict[int, str]] = {0: "Main", 1: "High"}
_SAMPLE_POSITIONS: Final[dict[int, str]] = {0: "unknown", 1: "vertical", 2: "colocated"}
_CHROMA: Final[dict[tuple[bool, bool], str]] = {(True, True): "4:2:0", (True, False): "4:2:2", (False, False): "4:4:4"}
_DESCRIPTOR_TAG: Final = 0x80
_UNLIMITED: Final = 31


def level_name(index: int) -> str:
    """seq_level_idx counts quarters from level 2.0; 31 is no limit."""
    return "maximum" if index == _UNLIMITED else f"{2 + index // 4}.{index % 4}"


def record(reader: BitReader) -> None:
    """AV1CodecConfigurationRecord."""
    reader.u("marker", 1, kind="display")
    reader.u("version", 7)
    _profile_and_format(reader)
    reader.reserved(3)
    if reader.flag("initial_presentation_delay_present"):
        reader.plus("initial_presentation_delay", 4, 1)
    else:
        reader.reserved(4)
    if reader.left:
        with reader.group("obus", "list"):
            obus(reader, collects=False)


def descriptor(reader: BitReader) -> None:
    """AV1_video_descriptor, for a sequence that is carried as in MPEG-2 TS."""
    reader.u("descriptor_tag", 8, {_DESCRIPTOR_TAG: "AV1 video"})
    reader.u("descriptor_length", 8)
    reader.u("marker", 1, kind="display")
    reader.u("version", 7)
    _profile_and_format(reader)
    reader.u("hdr_wcg_idc", 2)
    reader.reserved(1)
    if reader.flag("initial_presentation_delay_present"):
        reader.plus("initial_presentation_delay", 4, 1)
    else:
        reader.reserved(4)


def _profile_and_format(reader: BitReader) -> None:
    start = reader.place()
    profile = reader.u("seq_profile", 3, PROFILES)
    level = reader.u("seq_level_idx_0", 5)
    tier = reader.u("seq_tier_0", 1, _TIERS)
    high = reader.flag("high_bitdepth")
    twelve = reader.flag("twelve_bit")
    mono = reader.flag("monochrome")
    subsampling = reader.flag("chroma_subsampling_x"), reader.flag("chroma_subsampling_y")
    reader.u("chroma_sample_position", 2, _SAMPLE_POSITIONS)
    _facts(reader, start, profile, level, tier)
    reader.fact("bit_depth", 12 if twelve else 10 if high else 8, start)
    reader.fact("chroma", "4:0:0" if mono else _CHROMA.get(subsampling, "unknown"), start)


def _facts(reader: BitReader, start: int, profile: int, level: int, tier: int) -> None:
    reader.fact("profile", PROFILES.get(profile, f"profile {profile}"), start)
    reader.fact("level", level_name(level), start)
    reader.fact("tier", _TIERS[tier], start)


# OBUs


def obus(reader: BitReader, collects: bool = True) -> None:
    """OBUs up to the end: a temporal unit, or those of a configuration record, which collects facts itself."""
    while reader.left:
        first = reader.at
        has_extension, has_size = bool(reader.number(8) & 4), bool(reader.data[first >> 3] & 2)
        if has_extension:
            reader.number(8)
        size = _leb128(reader) if has_size else reader.left
        size += (reader.at - first) >> 3
        reader.at = first
        (reader.record if collects else reader.part)("obu", _obu, size)


def _obu(reader: BitReader) -> None:
    """open_bitstream_unit (5.3.1)."""
    reader.reserved(1, "forbidden_bit")
    kind = reader.word("type", 4, OBU_TYPES)
    extension = reader.flag("extension_flag", "display")
    has_size = reader.flag("has_size_field", "display")
    reader.reserved(1)
    if extension:
        reader.u("temporal_id", 3)
        reader.u("spatial_id", 2)
        reader.reserved(3)
    first = reader.at
    size = _leb128(reader) if has_size else reader.left
    reader.add("size", size, first)
    _OBUS.get(kind, BitReader.rest)(reader)


def _leb128(reader: BitReader) -> int:
    """leb128() (4.10.5): 7 bits a byte, the lowest first, at most 8 bytes."""
    value = 0
    for index in range(8):
        byte = reader.number(8)
        value |= (byte & 0x7F) << 7 * index
        if not byte & 0x80:
            return value
    raise Damaged("a size is too long")


def _sequence_header(reader: BitReader) -> None:
    """sequence_header_obu (5.5.1)."""
    start = reader.place()
    profile = reader.u("seq_profile", 3, PROFILES)
    reader.flag("still_picture")
    reduced = reader.flag("reduced_still_picture_header")
    if reduced:
        level, tier = reader.u("seq_level_idx", 5), 0
    else:
        level, tier = _operating_points(reader)
    _facts(reader, start, profile, level, tier)
    width_bits = reader.plus("frame_width_bits", 4, 1)
    height_bits = reader.plus("frame_height_bits", 4, 1)
    reader.fact("width", reader.plus("max_frame_width", width_bits, 1), start)
    reader.fact("height", reader.plus("max_frame_height", height_bits, 1), start)
    if not reduced and reader.flag("frame_id_numbers_present_flag"):
        reader.u("delta_frame_id_length_minus_2", 4)
        reader.u("additional_frame_id_length_minus_1", 3)
    for name in ("use_128x128_superblock", "enable_filter_intra", "enable_intra_edge_filter"):
        reader.flag(name)
    if not reduced:
        _inter_tools(reader)
    for name in ("enable_superres", "enable_cdef", "enable_restoration"):
        reader.flag(name)
    with reader.group("color_config"):
        _color_config(reader, profile, start)
    reader.flag("film_grain_params_present")
    reader.rest()


def _operating_points(reader: BitReader) -> tuple[int, int]:
    """Timing and operating points; level and tier of the first."""
    delay_bits = 0
    if reader.flag("timing_info_present_flag"):
        _timing_info(reader)
        if reader.flag("decoder_model_info_present_flag"):
            delay_bits = reader.plus("buffer_delay_length", 5, 1)
            reader.u("num_units_in_decoding_tick", 32)
            reader.plus("buffer_removal_time_length", 5, 1)
            reader.plus("frame_presentation_time_length", 5, 1)
    display_delays = reader.flag("initial_display_delay_present_flag")
    found: list[tuple[int, int]] = []
    count = 1 + reader.u("operating_points_cnt_minus_1", 5)
    with reader.group("operating_points", "list"):
        for _ in range(count):
            with reader.group("operating_point"):
                reader.u("operating_point_idc", 12)
                level = reader.u("seq_level_idx", 5)
                found.append((level, reader.u("seq_tier", 1, _TIERS) if level > 7 else 0))
                if delay_bits and reader.flag("decoder_model_present_for_this_op"):
                    reader.u("decoder_buffer_delay", delay_bits)
                    reader.u("encoder_buffer_delay", delay_bits)
                    reader.flag("low_delay_mode_flag")
                if display_delays and reader.flag("initial_display_delay_present_for_this_op"):
                    reader.plus("initial_display_delay", 4, 1)
    return found[0]


def _timing_info(reader: BitReader) -> None:
    start = reader.place()
    units = reader.u("num_units_in_display_tick", 32)
    scale = reader.u("time_scale", 32)
    if reader.flag("equal_picture_interval"):
        ticks = 1 + reader.ue("num_ticks_per_picture_minus_1")  # uvlc() of 4.10.3 is ue(v)
        if units:
            reader.fact("frame_rate", scale / units / ticks, start)


def _inter_tools(reader: BitReader) -> None:
    for name in ("interintra_compound", "masked_compound", "warped_motion", "dual_filter"):
        reader.flag(f"enable_{name}")
    order_hint = reader.flag("enable_order_hint")
    if order_hint:
        reader.flag("enable_jnt_comp")
        reader.flag("enable_ref_frame_mvs")
    # Choosing per frame leaves both tools possible.
    if reader.flag("seq_choose_screen_content_tools") or reader.flag("seq_force_screen_content_tools"):
        if not reader.flag("seq_choose_integer_mv"):
            reader.flag("seq_force_integer_mv")
    if order_hint:
        reader.plus("order_hint_bits", 3, 1)


def _color_config(reader: BitReader, profile: int, start: int) -> None:
    """color_config (5.5.2)."""
    high = reader.flag("high_bitdepth")
    depth = 12 if profile == 2 and high and reader.flag("twelve_bit") else 10 if high else 8
    reader.fact("bit_depth", depth, start)
    mono = profile != 1 and reader.flag("mono_chrome")
    codes: tuple[int, ...] = ()
    if reader.flag("color_description_present_flag"):
        codes = color.description(reader, "color_primaries", "transfer_characteristics", "matrix_coefficients")
    if codes == _SRGB and not mono:
        reader.fact("full_range", True, start)
        reader.fact("chroma", "4:4:4", start)
    else:
        reader.fact("full_range", reader.flag("color_range"), start)
        if mono:
            reader.fact("chroma", "4:0:0", start)
            return
        x, y = profile != 1, profile == 0
        if profile == 2 and depth == 12:
            x = reader.flag("subsampling_x")
            y = x and reader.flag("subsampling_y")
        reader.fact("chroma", _CHROMA[x, y], start)
        if x and y:
            reader.u("chroma_sample_position", 2, _SAMPLE_POSITIONS)
    reader.flag("separate_uv_delta_q")


_SRGB: Final = (1, 13, 0)  # the code points that mean 4:4:4 in full range


def _frame(reader: BitReader) -> None:
    """The first fields of uncompressed_header (5.9.2)."""
    header = reader.ahead(1)
    if not header.flag("show_existing_frame"):
        header.word("frame_type", 2, _FRAME_TYPES)
        header.flag("show_frame")
    reader.rest()


def _metadata(reader: BitReader) -> None:
    first = reader.at
    kind = _leb128(reader)
    reader.add("metadata_type", _METADATA_TYPES.get(kind, f"unknown_{kind}"), first, str(kind))
    reader.rest()


_OBUS: Final[dict[str, Decoder]] = {
    "sequence_header": _sequence_header,
    "frame_header": _frame,
    "frame": _frame,
    "metadata": _metadata,
}
