"""VVC: the configuration record, and the SPS as far as the picture size and bit depth.

Sources: ITU-T H.266 7.3.1.2, 7.3.2.4, 7.3.3, annex A; ISO/IEC 14496-15 11.2.4.2.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media import color, nal, sei
from rtmpscope.media.bit_reader import BitReader, Decoder

NAL_TYPES: Final[dict[int, str]] = {
    0: "TRAIL",
    1: "STSA",
    2: "RADL",
    3: "RASL",
    7: "IDR_W_RADL",
    8: "IDR_N_LP",
    9: "CRA",
    10: "GDR",
    12: "OPI",
    13: "DCI",
    14: "VPS",
    15: "SPS",
    16: "PPS",
    17: "prefix APS",
    18: "suffix APS",
    19: "picture header",
    20: "AUD",
    21: "end of sequence",
    22: "end of bitstream",
    23: "SEI",
    24: "suffix SEI",
    25: "filler",
}
_ALONE: Final = frozenset({"OPI", "DCI"})  # arrays of one unit, written without a count
PROFILES: Final[dict[int, str]] = {
    1: "Main 10",
    2: "Main 12",
    10: "Main 12 Intra",
    17: "Multilayer Main 10",
    33: "Main 10 4:4:4",
    34: "Main 12 4:4:4",
    35: "Main 16 4:4:4",
    49: "Multilayer Main 10 4:4:4",
    65: "Main 10 Still Picture",
    97: "Main 10 4:4:4 Still Picture",
}
_TIERS: Final[dict[int, str]] = {0: "Main", 1: "High"}
_GENERAL_CONSTRAINTS: Final = 71  # bits


def level_name(level: int) -> str:
    """general_level_idc is 16 times the major and 3 times the minor number."""
    return f"{level // 16}.{level % 16 // 3}"


def _profile(reader: BitReader) -> None:
    """The three values that begin both the record's and the SPS's profile and level."""
    start = reader.place()
    profile = reader.u("general_profile_idc", 7, PROFILES)
    tier = reader.u("general_tier_flag", 1, _TIERS)
    level = reader.u("general_level_idc", 8)
    reader.fact("profile", PROFILES.get(profile, f"profile {profile}"), start)
    reader.fact("level", level_name(level), start)
    reader.fact("tier", _TIERS[tier], start)


def _sub_profiles(reader: BitReader) -> None:
    count = reader.u("ptl_num_sub_profiles", 8, kind="display")
    with reader.group("general_sub_profile_idc", "list"):
        for _ in range(count):
            reader.u("sub_profile_idc", 32)


def record(reader: BitReader) -> None:
    """VvcDecoderConfigurationRecord (ISO/IEC 14496-15 11.2.4.2)."""
    reader.reserved(5)
    reader.plus("length_size", 2, 1)
    if reader.flag("ptl_present_flag"):
        _record_profile(reader)
    nal.arrays(reader, NAL_TYPES, 5, unit, _ALONE)


def _record_profile(reader: BitReader) -> None:
    start = reader.place()
    reader.u("ols_idx", 9)
    sub_layers = reader.u("num_sublayers", 3)
    reader.u("constant_frame_rate", 2)
    chroma = reader.u("chroma_format_idc", 2, color.CHROMA)
    reader.fact("chroma", color.CHROMA[chroma], start)
    reader.fact("bit_depth", 8 + reader.u("bit_depth_minus8", 3), start)
    reader.reserved(5)
    reader.reserved(2)
    constraints = reader.u("num_bytes_constraint_info", 6)
    _profile(reader)
    reader.flag("ptl_frame_only_constraint_flag")
    reader.flag("ptl_multilayer_enabled_flag")
    reader.u("general_constraint_info", max(8 * constraints - 2, 6))
    if sub_layers > 1:
        present = reader.u("ptl_sublayer_level_present_flags", 8)
        with reader.group("sublayer_level_idc", "list"):
            for _ in range(present.bit_count()):
                reader.u("level_idc", 8)
    _sub_profiles(reader)
    size_at = reader.place()
    width = reader.u("max_picture_width", 16)
    height = reader.u("max_picture_height", 16)
    reader.fact("width", width, size_at)
    reader.fact("height", height, size_at)
    rate_at = reader.place()
    rate = reader.u("avg_frame_rate", 16)  # per 256 seconds
    if rate:
        reader.fact("frame_rate", rate / 256, rate_at)


# NAL units


def unit(reader: BitReader) -> None:
    """Any NAL unit (7.3.1)."""
    reader.reserved(1, "forbidden_zero_bit")
    reader.reserved(1, "nuh_reserved_zero_bit")
    reader.reserved(6, "nuh_layer_id")
    kind = reader.word("type", 5, NAL_TYPES)
    reader.reserved(3, "nuh_temporal_id_plus1")
    _UNITS.get(kind, BitReader.rest)(reader)


def _sps(reader: BitReader) -> None:
    """seq_parameter_set_rbsp (7.3.2.4)."""
    reader.unescape()
    start = reader.place()
    reader.u("sps_seq_parameter_set_id", 4)
    reader.u("sps_video_parameter_set_id", 4)
    sub_layers = reader.u("sps_max_sublayers_minus1", 3)
    chroma = reader.u("sps_chroma_format_idc", 2, color.CHROMA)
    reader.u("sps_log2_ctu_size_minus5", 2)
    if reader.flag("sps_ptl_dpb_hrd_params_present_flag"):
        with reader.group("profile_tier_level"):
            _profile_tier_level(reader, sub_layers)
    reader.flag("sps_gdr_enabled_flag")
    if reader.flag("sps_ref_pic_resampling_enabled_flag"):
        reader.flag("sps_res_change_in_clvs_allowed_flag")
    width = reader.ue("sps_pic_width_max_in_luma_samples", 65_535)
    height = reader.ue("sps_pic_height_max_in_luma_samples", 65_535)
    if reader.flag("sps_conformance_window_flag"):
        step_x, step_y = color.SUBSAMPLING[chroma]
        width -= step_x * (reader.ue("sps_conf_win_left_offset") + reader.ue("sps_conf_win_right_offset"))
        height -= step_y * (reader.ue("sps_conf_win_top_offset") + reader.ue("sps_conf_win_bottom_offset"))
    reader.fact("width", max(0, width), start)
    reader.fact("height", max(0, height), start)
    reader.fact("chroma", color.CHROMA[chroma], start)
    if not reader.flag("sps_subpic_info_present_flag"):
        reader.fact("bit_depth", 8 + reader.ue("sps_bitdepth_minus8", 8), start)
    reader.rest()


def _profile_tier_level(reader: BitReader, sub_layers: int) -> None:
    """profile_tier_level(1, sub_layers) (7.3.3.1)."""
    _profile(reader)
    reader.flag("ptl_frame_only_constraint_flag")
    reader.flag("ptl_multilayer_enabled_flag")
    if reader.flag("gci_present_flag"):
        reader.u("general_constraints_info", _GENERAL_CONSTRAINTS)
        reader.u("gci_additional_bits", reader.u("gci_num_additional_bits", 8))
    reader.align()
    present = reader.u("ptl_sublayer_level_present_flags", sub_layers)  # none for a single layer
    reader.align()
    with reader.group("sublayer_level_idc", "list"):
        for _ in range(present.bit_count()):
            reader.u("level_idc", 8)
    _sub_profiles(reader)


_UNITS: Final[dict[str, Decoder]] = {"SPS": _sps, "SEI": sei.messages, "suffix SEI": sei.messages}
