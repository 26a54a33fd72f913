"""HEVC: the configuration record and the parameter sets.

Sources: ITU-T H.265 7.3.1.2, 7.3.2.1, 7.3.2.2, 7.3.3, 7.3.4, 7.3.7, annexes A and E; ISO/IEC 14496-15 8.3.3.1.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media import color, h264, nal, sei
from rtmpscope.media.bit_reader import BitReader, Decoder

NAL_TYPES: Final[dict[int, str]] = {
    0: "TRAIL_N",
    1: "TRAIL_R",
    2: "TSA_N",
    3: "TSA_R",
    4: "STSA_N",
    5: "STSA_R",
    6: "RADL_N",
    7: "RADL_R",
    8: "RASL_N",
    9: "RASL_R",
    16: "BLA_W_LP",
    17: "BLA_W_RADL",
    18: "BLA_N_LP",
    19: "IDR_W_RADL",
    20: "IDR_N_LP",
    21: "CRA",
    32: "VPS",
    33: "SPS",
    34: "PPS",
    35: "AUD",
    36: "end of sequence",
    37: "end of bitstream",
    38: "filler",
    39: "SEI",
    40: "suffix SEI",
}
PROFILES: Final[dict[int, str]] = {
    1: "Main",
    2: "Main 10",
    3: "Main Still Picture",
    4: "Rext",
    5: "High Throughput",
    6: "Multiview Main",
    7: "Scalable Main",
    8: "3D Main",
    9: "Screen Content",
    10: "Scalable Rext",
    11: "High Throughput Screen Content",
}
_TIERS: Final[dict[int, str]] = {0: "Main", 1: "High"}
_FRAME_RATES: Final[dict[int, str]] = {0: "unknown", 1: "constant", 2: "constant in each temporal layer"}


def level_name(level: int) -> str:
    """general_level_idc is 30 times the level."""
    return f"{level // 30}.{level % 30 // 3}"


def record(reader: BitReader) -> None:
    """HEVCDecoderConfigurationRecord (ISO/IEC 14496-15 8.3.3.1)."""
    start = reader.place()
    reader.u("configuration_version", 8)
    _general_profile(reader, start)
    reader.reserved(4)
    reader.u("min_spatial_segmentation_idc", 12)
    reader.reserved(6)
    reader.u("parallelism_type", 2)
    reader.reserved(6)
    reader.u("chroma_format_idc", 2, color.CHROMA)
    reader.reserved(5)
    reader.plus("bit_depth_luma", 3, 8)
    reader.reserved(5)
    reader.plus("bit_depth_chroma", 3, 8)
    rate_at = reader.place()
    rate = reader.u("avg_frame_rate", 16)  # per 256 seconds
    if rate:
        reader.fact("frame_rate", rate / 256, rate_at)
    reader.u("constant_frame_rate", 2, _FRAME_RATES)
    reader.u("num_temporal_layers", 3)
    reader.flag("temporal_id_nested")
    reader.plus("length_size", 2, 1)
    nal.arrays(reader, NAL_TYPES, 6, unit)


def _general_profile(reader: BitReader, start: int) -> None:
    """The 12 bytes that the record, the VPS and the SPS share, with the facts in them."""
    reader.u("general_profile_space", 2)
    tier = reader.u("general_tier_flag", 1, _TIERS)
    profile = reader.u("general_profile_idc", 5, PROFILES)
    reader.u("general_profile_compatibility_flags", 32)
    for name in ("progressive_source", "interlaced_source", "non_packed_constraint", "frame_only_constraint"):
        reader.flag(f"general_{name}_flag")
    reader.u("general_constraint_flags", 44)
    level = reader.u("general_level_idc", 8)
    reader.fact("profile", PROFILES.get(profile, f"profile {profile}"), start)
    reader.fact("level", level_name(level), start)
    reader.fact("tier", _TIERS[tier], start)


# NAL units


def unit(reader: BitReader) -> None:
    """Any NAL unit (7.3.1)."""
    reader.reserved(1, "forbidden_zero_bit")
    kind = reader.word("type", 6, NAL_TYPES)
    reader.reserved(6, "nuh_layer_id")
    reader.reserved(3, "nuh_temporal_id_plus1")
    _UNITS.get(kind, BitReader.rest)(reader)


def _profile_tier_level(reader: BitReader, start: int, sub_layers: int) -> None:
    """profile_tier_level(1, sub_layers) (7.3.3)."""
    _general_profile(reader, start)
    if not sub_layers:
        return
    present = reader.u("sub_layer_present_flags", 16)  # two bits for each of eight: profile, level
    with reader.group("sub_layers", "list"):
        for index in range(sub_layers):
            with reader.group("sub_layer"):
                if present << 2 * index & 0x8000:
                    reader.octets("profile", 11)
                if present << 2 * index & 0x4000:
                    reader.u("level_idc", 8)


def _ordering(reader: BitReader, sub_layers: int) -> None:
    """What the VPS and the SPS say about each temporal sub-layer, or about the highest alone."""
    every = reader.flag("sub_layer_ordering_info_present_flag")
    with reader.group("ordering", "list"):
        for _ in range(sub_layers + 1 if every else 1):
            with reader.group("sub_layer"):
                reader.ue("max_dec_pic_buffering_minus1", 15)
                reader.ue("max_num_reorder_pics", 15)
                reader.ue("max_latency_increase_plus1")


def _vps(reader: BitReader) -> None:
    """video_parameter_set_rbsp (7.3.2.1)."""
    reader.unescape()
    start = reader.place()
    reader.u("vps_video_parameter_set_id", 4)
    reader.flag("vps_base_layer_internal_flag")
    reader.flag("vps_base_layer_available_flag")
    reader.u("vps_max_layers_minus1", 6)
    sub_layers = reader.u("vps_max_sub_layers_minus1", 3)
    reader.flag("vps_temporal_id_nesting_flag")
    reader.reserved(16)
    with reader.group("profile_tier_level"):
        _profile_tier_level(reader, start, sub_layers)
    _ordering(reader, sub_layers)
    layers = reader.u("vps_max_layer_id", 6) + 1
    sets = reader.ue("vps_num_layer_sets_minus1", 1023)
    with reader.group("layer_sets", "list"):
        for _ in range(sets):
            reader.u("layer_id_included_flags", layers)
    if reader.flag("vps_timing_info_present_flag"):
        _timing(reader)
    reader.rest()


def _timing(reader: BitReader) -> None:
    start = reader.place()
    units = reader.u("num_units_in_tick", 32)
    scale = reader.u("time_scale", 32)
    if units:
        reader.fact("frame_rate", scale / units, start)
    if reader.flag("poc_proportional_to_timing_flag"):
        reader.ue("num_ticks_poc_diff_one_minus1")


def _sps(reader: BitReader) -> None:
    """seq_parameter_set_rbsp (7.3.2.2)."""
    reader.unescape()
    start = reader.place()
    reader.u("sps_video_parameter_set_id", 4)
    sub_layers = reader.u("sps_max_sub_layers_minus1", 3)
    reader.flag("sps_temporal_id_nesting_flag")
    with reader.group("profile_tier_level"):
        _profile_tier_level(reader, start, sub_layers)
    reader.ue("sps_seq_parameter_set_id", 15)
    chroma = reader.ue("chroma_format_idc", 3, color.CHROMA)
    separate = chroma == 3 and reader.flag("separate_colour_plane_flag")
    width = reader.ue("pic_width_in_luma_samples", 65_535)
    height = reader.ue("pic_height_in_luma_samples", 65_535)
    if reader.flag("conformance_window_flag"):
        step_x, step_y = (1, 1) if separate else color.SUBSAMPLING[chroma]
        width -= step_x * (reader.ue("conf_win_left_offset") + reader.ue("conf_win_right_offset"))
        height -= step_y * (reader.ue("conf_win_top_offset") + reader.ue("conf_win_bottom_offset"))
    reader.fact("width", max(0, width), start)
    reader.fact("height", max(0, height), start)
    reader.fact("chroma", color.CHROMA[chroma], start)
    reader.fact("bit_depth", 8 + reader.ue("bit_depth_luma_minus8", 8), start)
    reader.ue("bit_depth_chroma_minus8", 8)
    order_bits = 4 + reader.ue("log2_max_pic_order_cnt_lsb_minus4", 12)
    _ordering(reader, sub_layers)
    _blocks(reader)
    count = reader.ue("num_short_term_ref_pic_sets", 64)
    with reader.group("st_ref_pic_sets", "list"):
        size = 0
        for index in range(count):
            with reader.group("st_ref_pic_set"):
                size = _short_term_set(reader, index, size)
    if reader.flag("long_term_ref_pics_present_flag"):
        count = reader.ue("num_long_term_ref_pics_sps", 32)
        with reader.group("long_term_ref_pics", "list"):
            for _ in range(count):
                with reader.group("long_term_ref_pic"):
                    reader.u("lt_ref_pic_poc_lsb_sps", order_bits)
                    reader.flag("used_by_curr_pic_lt_sps_flag")
    reader.flag("sps_temporal_mvp_enabled_flag")
    reader.flag("strong_intra_smoothing_enabled_flag")
    if reader.flag("vui_parameters_present_flag"):
        with reader.group("vui"):
            _vui(reader, sub_layers)
    reader.rest()


def _blocks(reader: BitReader) -> None:
    """Sizes of blocks and how they are coded, out of the middle of the SPS."""
    reader.ue("log2_min_luma_coding_block_size_minus3", 3)
    reader.ue("log2_diff_max_min_luma_coding_block_size", 3)
    reader.ue("log2_min_luma_transform_block_size_minus2", 3)
    reader.ue("log2_diff_max_min_luma_transform_block_size", 3)
    reader.ue("max_transform_hierarchy_depth_inter", 4)
    reader.ue("max_transform_hierarchy_depth_intra", 4)
    if reader.flag("scaling_list_enabled_flag") and reader.flag("sps_scaling_list_data_present_flag"):
        with reader.group("scaling_list_data", "list"):
            _scaling_list_data(reader)
    reader.flag("amp_enabled_flag")
    reader.flag("sample_adaptive_offset_enabled_flag")
    if reader.flag("pcm_enabled_flag"):
        reader.u("pcm_sample_bit_depth_luma_minus1", 4)
        reader.u("pcm_sample_bit_depth_chroma_minus1", 4)
        reader.ue("log2_min_pcm_luma_coding_block_size_minus3", 2)
        reader.ue("log2_diff_max_min_pcm_luma_coding_block_size", 2)
        reader.flag("pcm_loop_filter_disabled_flag")


def _scaling_list_data(reader: BitReader) -> None:
    """scaling_list_data (7.3.4)."""
    for size in range(4):
        for _ in range(2 if size == 3 else 6):
            with reader.group("scaling_list"):
                if reader.flag("scaling_list_pred_mode_flag"):
                    if size > 1:
                        reader.se("scaling_list_dc_coef_minus8")
                    with reader.group("delta_coefs", "list"):
                        for _ in range(min(64, 16 << 2 * size)):
                            reader.se("scaling_list_delta_coef")
                else:
                    reader.ue("scaling_list_pred_matrix_id_delta", 5)


def _short_term_set(reader: BitReader, index: int, previous: int) -> int:
    """st_ref_pic_set (7.3.7) within an SPS, where a set can only lean on the one before; how many pictures it has."""
    if index and reader.flag("inter_ref_pic_set_prediction_flag"):
        reader.flag("delta_rps_sign")
        reader.ue("abs_delta_rps_minus1", 32_767)
        size = 0
        with reader.group("pictures", "list"):
            for _ in range(previous + 1):
                with reader.group("picture"):
                    if reader.flag("used_by_curr_pic_flag") or reader.flag("use_delta_flag"):
                        size += 1
        return size
    negative = reader.ue("num_negative_pics", 16)
    positive = reader.ue("num_positive_pics", 16)
    with reader.group("pictures", "list"):
        for _ in range(negative + positive):
            with reader.group("picture"):
                reader.ue("delta_poc_minus1", 32_767)
                reader.flag("used_by_curr_pic_flag")
    return negative + positive


def _vui(reader: BitReader, sub_layers: int) -> None:
    """vui_parameters (E.2.1)."""
    if reader.flag("aspect_ratio_info_present_flag"):
        h264.aspect_ratio(reader)
    if reader.flag("overscan_info_present_flag"):
        reader.flag("overscan_appropriate_flag")
    if reader.flag("video_signal_type_present_flag"):
        h264.video_signal(reader)
    if reader.flag("chroma_loc_info_present_flag"):
        reader.ue("chroma_sample_loc_type_top_field", 5)
        reader.ue("chroma_sample_loc_type_bottom_field", 5)
    reader.flag("neutral_chroma_indication_flag")
    start = reader.place()
    reader.fact("interlaced", reader.flag("field_seq_flag"), start)
    reader.flag("frame_field_info_present_flag")
    if reader.flag("default_display_window_flag"):
        for side in ("left", "right", "top", "bottom"):
            reader.ue(f"def_disp_win_{side}_offset")
    if reader.flag("vui_timing_info_present_flag"):
        _timing(reader)
        if reader.flag("vui_hrd_parameters_present_flag"):
            with reader.group("hrd"):
                _hrd(reader, sub_layers)
    if reader.flag("bitstream_restriction_flag"):
        reader.flag("tiles_fixed_structure_flag")
        reader.flag("motion_vectors_over_pic_boundaries_flag")
        reader.flag("restricted_ref_pic_lists_flag")
        reader.ue("min_spatial_segmentation_idc", 4095)
        reader.ue("max_bytes_per_pic_denom", 16)
        reader.ue("max_bits_per_min_cu_denom", 16)
        reader.ue("log2_max_mv_length_horizontal", 16)
        reader.ue("log2_max_mv_length_vertical", 15)


def _hrd(reader: BitReader, sub_layers: int) -> None:
    """hrd_parameters(1, sub_layers) (E.2.2)."""
    nal = reader.flag("nal_hrd_parameters_present_flag")
    vcl = reader.flag("vcl_hrd_parameters_present_flag")
    sub_pictures = False
    if nal or vcl:
        sub_pictures = reader.flag("sub_pic_hrd_params_present_flag")
        if sub_pictures:
            reader.u("tick_divisor_minus2", 8)
            reader.u("du_cpb_removal_delay_increment_length_minus1", 5)
            reader.flag("sub_pic_cpb_params_in_pic_timing_sei_flag")
            reader.u("dpb_output_delay_du_length_minus1", 5)
        reader.u("bit_rate_scale", 4)
        reader.u("cpb_size_scale", 4)
        if sub_pictures:
            reader.u("cpb_size_du_scale", 4)
        reader.u("initial_cpb_removal_delay_length_minus1", 5)
        reader.u("au_cpb_removal_delay_length_minus1", 5)
        reader.u("dpb_output_delay_length_minus1", 5)
    with reader.group("sub_layers", "list"):
        for _ in range(sub_layers + 1):
            with reader.group("sub_layer"):
                _sub_layer_hrd(reader, nal + vcl, sub_pictures)


def _sub_layer_hrd(reader: BitReader, kinds: int, sub_pictures: bool) -> None:
    """The inner loop of hrd_parameters and sub_layer_hrd_parameters (E.2.3), for NAL, VCL or both."""
    fixed = reader.flag("fixed_pic_rate_general_flag") or reader.flag("fixed_pic_rate_within_cvs_flag")
    low_delay = False
    if fixed:
        reader.ue("elemental_duration_in_tc_minus1", 2047)
    else:
        low_delay = reader.flag("low_delay_hrd_flag")
    count = 1 if low_delay else 1 + reader.ue("cpb_cnt_minus1", 31)
    with reader.group("schedules", "list"):
        for _ in range(kinds * count):
            with reader.group("schedule"):
                reader.ue("bit_rate_value_minus1")
                reader.ue("cpb_size_value_minus1")
                if sub_pictures:
                    reader.ue("cpb_size_du_value_minus1")
                    reader.ue("bit_rate_du_value_minus1")
                reader.flag("cbr_flag")


_UNITS: Final[dict[str, Decoder]] = {
    "VPS": _vps,
    "SPS": _sps,
    "SEI": sei.messages,
    "suffix SEI": sei.messages,
}
