"""H.264: the configuration record, parameter sets, slice headers as far as they say what kind of slice it is.

Sources: ITU-T H.264 7.3.2.1.1, 7.3.2.2, 7.3.3, annex A and E; ISO/IEC 14496-15 5.3.3.1.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media import color, sei
from rtmpscope.media.bit_reader import BitReader, Decoder

NAL_TYPES: Final[dict[int, str]] = {
    1: "slice",
    2: "partition A",
    3: "partition B",
    4: "partition C",
    5: "IDR",
    6: "SEI",
    7: "SPS",
    8: "PPS",
    9: "AUD",
    10: "end of sequence",
    11: "end of stream",
    12: "filler",
    13: "SPS extension",
    14: "prefix",
    15: "subset SPS",
    19: "auxiliary slice",
    20: "slice extension",
}
_SLICE_TYPES: Final = ("P", "B", "I", "SP", "SI")
_SLICE_HEADER_BYTES: Final = 32  # more than its first two fields can take

PROFILES: Final[dict[int, str]] = {
    44: "CAVLC 4:4:4 Intra",
    66: "Baseline",
    77: "Main",
    83: "Scalable Baseline",
    86: "Scalable High",
    88: "Extended",
    100: "High",
    110: "High 10",
    118: "Multiview High",
    122: "High 4:2:2",
    128: "Stereo High",
    144: "High 4:4:4",
    244: "High 4:4:4 Predictive",
}
# Profiles whose SPS carries the chroma format and bit depths.
_WITH_CHROMA: Final = frozenset({44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 144, 244})
# Profiles whose record ends before them; the standard names the profiles that do not, FFmpeg these three.
_SHORT_RECORD: Final = frozenset({66, 77, 88})
# Profiles that constraint_set3_flag turns into their intra-only form.
_INTRA: Final = frozenset({100, 110, 122, 244})
_ASPECT_RATIOS: Final[dict[int, str]] = {
    1: "1:1", 2: "12:11", 3: "10:11", 4: "16:11", 5: "40:33", 6: "24:11", 7: "20:11", 8: "32:11",
    9: "80:33", 10: "18:11", 11: "15:11", 12: "64:33", 13: "160:99", 14: "4:3", 15: "3:2", 16: "2:1",
}  # fmt: skip
_EXTENDED_ASPECT_RATIO: Final = 255
_VIDEO_FORMATS: Final[dict[int, str]] = {0: "component", 1: "PAL", 2: "NTSC", 3: "SECAM", 4: "MAC", 5: "unspecified"}


def profile_name(profile: int, constraints: int) -> str:
    """The profile with what its constraint flags (bit 7 is set 0) narrow it to."""
    name = PROFILES.get(profile, f"profile {profile}")
    if profile == 66 and constraints & 0x40:
        return f"Constrained {name}"
    if profile == 100 and constraints & 0x0C == 0x0C:
        return f"Constrained {name}"
    return f"{name} Intra" if profile in _INTRA and constraints & 0x10 else name


def level_name(profile: int, level: int, constraints: int) -> str:
    """Tenths; level 1b is 9, or 11 with constraint set 3 in the old profiles."""
    if level == 9 or (level == 11 and constraints & 0x10 and profile in _SHORT_RECORD):
        return "1b"
    return f"{level // 10}.{level % 10}"


def record(reader: BitReader) -> None:
    """AVCDecoderConfigurationRecord (ISO/IEC 14496-15 5.3.3.1)."""
    start = reader.place()
    reader.u("configuration_version", 8)
    profile = reader.u("profile_indication", 8, PROFILES)
    constraints = reader.u("profile_compatibility", 8)
    level = reader.u("level_indication", 8)
    reader.fact("profile", profile_name(profile, constraints), start)
    reader.fact("level", level_name(profile, level, constraints), start)
    reader.reserved(6)
    reader.plus("length_size", 2, 1)
    reader.reserved(3)
    _units(reader, "sps", reader.u("sps_count", 5, kind="display"))
    _units(reader, "pps", reader.u("pps_count", 8, kind="display"))
    if profile in _SHORT_RECORD or not reader.left:  # many writers leave the extension out
        return
    reader.reserved(6)
    reader.u("chroma_format", 2, color.CHROMA)
    reader.reserved(5)
    reader.plus("bit_depth_luma", 3, 8)
    reader.reserved(5)
    reader.plus("bit_depth_chroma", 3, 8)
    _units(reader, "sps_ext", reader.u("sps_ext_count", 8, kind="display"))


def _units(reader: BitReader, name: str, count: int) -> None:
    with reader.group(name, "list"):
        for _ in range(count):
            reader.sized(name, 16, unit)


# NAL units


def unit(reader: BitReader) -> None:
    """Any NAL unit (7.3.1)."""
    reader.reserved(1, "forbidden_zero_bit")
    reader.reserved(2, "nal_ref_idc")
    _UNITS.get(reader.word("type", 5, NAL_TYPES), BitReader.rest)(reader)


def _sps(reader: BitReader) -> None:
    """seq_parameter_set_rbsp (7.3.2.1.1)."""
    reader.unescape()
    start = reader.place()
    profile = reader.u("profile_idc", 8, PROFILES)
    constraints = reader.u("constraint_set_flags", 8)
    level = reader.u("level_idc", 8)
    reader.fact("profile", profile_name(profile, constraints), start)
    reader.fact("level", level_name(profile, level, constraints), start)
    reader.ue("seq_parameter_set_id", 31)
    chroma, separate, depth = 1, False, 8
    if profile in _WITH_CHROMA:
        chroma = reader.ue("chroma_format_idc", 3, color.CHROMA)
        if chroma == 3:
            separate = reader.flag("separate_colour_plane_flag")
        depth = 8 + reader.ue("bit_depth_luma_minus8", 6)
        reader.ue("bit_depth_chroma_minus8", 6)
        reader.flag("qpprime_y_zero_transform_bypass_flag")
        if reader.flag("seq_scaling_matrix_present_flag"):
            _scaling_matrix(reader, 12 if chroma == 3 else 8)
    reader.fact("chroma", color.CHROMA[chroma], start)
    reader.fact("bit_depth", depth, start)
    reader.ue("log2_max_frame_num_minus4", 12)
    _picture_order_count(reader)
    reader.ue("max_num_ref_frames", 16)
    reader.flag("gaps_in_frame_num_value_allowed_flag")
    width = 16 * (reader.ue("pic_width_in_mbs_minus1", 65_535) + 1)
    map_units = reader.ue("pic_height_in_map_units_minus1", 65_535) + 1
    frames_only = reader.flag("frame_mbs_only_flag")
    if not frames_only:
        reader.flag("mb_adaptive_frame_field_flag")
    reader.flag("direct_8x8_inference_flag")
    lines = 1 if frames_only else 2
    height = 16 * map_units * lines
    if reader.flag("frame_cropping_flag"):
        step_x, step_y = (1, 1) if separate else color.SUBSAMPLING[chroma]
        width -= step_x * (reader.ue("frame_crop_left_offset") + reader.ue("frame_crop_right_offset"))
        height -= step_y * lines * (reader.ue("frame_crop_top_offset") + reader.ue("frame_crop_bottom_offset"))
    reader.fact("width", max(0, width), start)
    reader.fact("height", max(0, height), start)
    reader.fact("interlaced", not frames_only, start)
    if reader.flag("vui_parameters_present_flag"):
        with reader.group("vui"):
            _vui(reader)
    reader.rest("rbsp_trailing_bits")


def _scaling_matrix(reader: BitReader, lists: int) -> None:
    with reader.group("scaling_matrix", "list"):
        for index in range(lists):
            with reader.group("scaling_list", "list"):
                if reader.flag("present", kind="display"):
                    last = following = 8
                    for _ in range(16 if index < 6 else 64):
                        if following:
                            following = (last + reader.se("delta_scale")) % 256
                        last = following or last


def _picture_order_count(reader: BitReader) -> None:
    kind = reader.ue("pic_order_cnt_type", 2)
    if kind == 0:
        reader.ue("log2_max_pic_order_cnt_lsb_minus4", 12)
    elif kind == 1:
        reader.flag("delta_pic_order_always_zero_flag")
        reader.se("offset_for_non_ref_pic")
        reader.se("offset_for_top_to_bottom_field")
        count = reader.ue("num_ref_frames_in_pic_order_cnt_cycle", 255)
        with reader.group("offset_for_ref_frame", "list"):
            for _ in range(count):
                reader.se("offset")


def aspect_ratio(reader: BitReader) -> None:
    """aspect_ratio_idc and what it announces, the same in H.264 and HEVC."""
    start = reader.place()
    index = reader.u("aspect_ratio_idc", 8, {0: "unspecified", **_ASPECT_RATIOS, _EXTENDED_ASPECT_RATIO: "as follows"})
    ratio = _ASPECT_RATIOS.get(index)
    if index == _EXTENDED_ASPECT_RATIO:
        ratio = f"{reader.u('sar_width', 16)}:{reader.u('sar_height', 16)}"
    if ratio is not None:
        reader.fact("sample_aspect_ratio", ratio, start)


def video_signal(reader: BitReader) -> None:
    """video_format and what follows it, the same in H.264 and HEVC."""
    start = reader.place()
    reader.u("video_format", 3, _VIDEO_FORMATS)
    full_range = reader.flag("video_full_range_flag")
    reader.fact("full_range", full_range, start)
    if reader.flag("colour_description_present_flag"):
        color.description(reader, "colour_primaries", "transfer_characteristics", "matrix_coefficients")


def _vui(reader: BitReader) -> None:
    """vui_parameters (E.1.1)."""
    if reader.flag("aspect_ratio_info_present_flag"):
        aspect_ratio(reader)
    if reader.flag("overscan_info_present_flag"):
        reader.flag("overscan_appropriate_flag")
    if reader.flag("video_signal_type_present_flag"):
        video_signal(reader)
    if reader.flag("chroma_loc_info_present_flag"):
        reader.ue("chroma_sample_loc_type_top_field", 5)
        reader.ue("chroma_sample_loc_type_bottom_field", 5)
    if reader.flag("timing_info_present_flag"):
        start = reader.place()
        units = reader.u("num_units_in_tick", 32)
        scale = reader.u("time_scale", 32)
        reader.flag("fixed_frame_rate_flag")
        if units:
            reader.fact("frame_rate", scale / units / 2, start, "two ticks make a frame")
    nal_hrd = reader.flag("nal_hrd_parameters_present_flag")
    if nal_hrd:
        with reader.group("nal_hrd"):
            _hrd(reader)
    vcl_hrd = reader.flag("vcl_hrd_parameters_present_flag")
    if vcl_hrd:
        with reader.group("vcl_hrd"):
            _hrd(reader)
    if nal_hrd or vcl_hrd:
        reader.flag("low_delay_hrd_flag")
    reader.flag("pic_struct_present_flag")
    if reader.flag("bitstream_restriction_flag"):
        reader.flag("motion_vectors_over_pic_boundaries_flag")
        reader.ue("max_bytes_per_pic_denom", 16)
        reader.ue("max_bits_per_mb_denom", 16)
        reader.ue("log2_max_mv_length_horizontal", 32)
        reader.ue("log2_max_mv_length_vertical", 32)
        reader.ue("max_num_reorder_frames", 16)
        reader.ue("max_dec_frame_buffering", 16)


def _hrd(reader: BitReader) -> None:
    """hrd_parameters (E.1.2)."""
    count = reader.ue("cpb_cnt_minus1", 31) + 1
    reader.u("bit_rate_scale", 4)
    reader.u("cpb_size_scale", 4)
    with reader.group("schedules", "list"):
        for _ in range(count):
            with reader.group("schedule"):
                reader.ue("bit_rate_value_minus1")
                reader.ue("cpb_size_value_minus1")
                reader.flag("cbr_flag")
    reader.u("initial_cpb_removal_delay_length_minus1", 5)
    reader.u("cpb_removal_delay_length_minus1", 5)
    reader.u("dpb_output_delay_length_minus1", 5)
    reader.u("time_offset_length", 5)


def _pps(reader: BitReader) -> None:
    """pic_parameter_set_rbsp (7.3.2.2), as far as its meaning does not hang on the SPS."""
    reader.unescape()
    reader.ue("pic_parameter_set_id", 255)
    reader.ue("seq_parameter_set_id", 31)
    reader.u("entropy_coding_mode_flag", 1, {0: "CAVLC", 1: "CABAC"})
    reader.flag("bottom_field_pic_order_in_frame_present_flag")
    if reader.ue("num_slice_groups_minus1", 7) == 0:
        reader.ue("num_ref_idx_l0_default_active_minus1", 31)
        reader.ue("num_ref_idx_l1_default_active_minus1", 31)
        reader.flag("weighted_pred_flag")
        reader.u("weighted_bipred_idc", 2)
        reader.se("pic_init_qp_minus26")
    reader.rest()


def _slice(reader: BitReader) -> None:
    """The first fields of slice_header (7.3.3)."""
    header = reader.ahead(_SLICE_HEADER_BYTES)
    header.ue("first_mb_in_slice")
    first = header.at
    header.add("slice_type", _SLICE_TYPES[header.golomb() % len(_SLICE_TYPES)], first)
    reader.rest()


_UNITS: Final[dict[str, Decoder]] = {"slice": _slice, "IDR": _slice, "SEI": sei.messages, "SPS": _sps, "PPS": _pps}
