"""AAC: AudioSpecificConfig, with the three ways it says that there is SBR or PS.

Sources: ISO/IEC 14496-3 1.6.2.1, 1.6.5, 4.4.1, 4.5.1.1.
"""

from __future__ import annotations

from typing import Final

from rtmpscope.media.bit_reader import BitReader

OBJECT_TYPES: Final[dict[int, str]] = {
    1: "Main",
    2: "LC",
    3: "SSR",
    4: "LTP",
    5: "SBR",
    6: "Scalable",
    17: "ER LC",
    19: "ER LTP",
    20: "ER Scalable",
    22: "ER BSAC",
    23: "LD",
    29: "PS",
    34: "MP3",
    39: "ELD",
    42: "xHE-AAC",
}
SAMPLE_RATES: Final = (
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
)  # fmt: skip
_CHANNELS: Final[dict[int, int]] = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 13: 24, 14: 8}
_ESCAPE: Final = 31
_EXPLICIT_RATE: Final = 15
_SBR: Final = 5
_PS: Final = 29
_BSAC: Final = 22
# Object types whose specific config is a GASpecificConfig, those of them with layers, and those with error resilience.
_GENERAL_AUDIO: Final = frozenset({1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23})
_LAYERED: Final = frozenset({6, 20})
_RESILIENT: Final = frozenset({17, 19, 20, 23})
_SBR_SYNC: Final = 0x2B7
_PS_SYNC: Final = 0x548


def config(reader: BitReader) -> None:
    """AudioSpecificConfig (1.6.2.1)."""
    start = reader.place()
    kind = _object_type(reader, "audio_object_type")
    rate = _sample_rate(reader, "sampling_frequency")
    layout = reader.u("channel_configuration", 4)
    channels = _CHANNELS.get(layout, 0)
    sbr, ps = kind in (_SBR, _PS), kind == _PS
    core = kind
    if sbr:  # hierarchical signalling: the type that was read is an extension of the one that follows
        extension_rate = _sample_rate(reader, "extension_sampling_frequency")
        core = _object_type(reader, "core_audio_object_type")
        if core == _BSAC:
            reader.u("extension_channel_configuration", 4)
    short_frames = False
    if core in _GENERAL_AUDIO:
        with reader.group("ga_specific_config"):
            short_frames = reader.flag("frame_length_flag")
            channels = _general_audio(reader, core, layout) or channels
    # Backward compatible signalling: behind what an old decoder reads.  Zero bits of padding mean nothing.
    if not sbr and reader.end - reader.at >= 16 and _peek(reader, 11) == _SBR_SYNC:
        reader.u("sync_extension_type", 11, kind="display")
        if _object_type(reader, "extension_audio_object_type") == _SBR:
            sbr = reader.flag("sbr_present_flag")
            if sbr:
                extension_rate = _sample_rate(reader, "extension_sampling_frequency")
                if reader.end - reader.at >= 12 and _peek(reader, 11) == _PS_SYNC:
                    reader.u("ps_sync_extension_type", 11, kind="display")
                    ps = reader.flag("ps_present_flag")
    samples = 960 if short_frames else 1024
    reader.fact("profile", "HE-AACv2" if ps else "HE-AAC" if sbr else OBJECT_TYPES.get(core, f"type {core}"), start)
    reader.fact("sample_rate", extension_rate if sbr else rate, start)
    reader.fact("channels", 2 if ps and channels == 1 else channels, start)
    if core in _GENERAL_AUDIO:
        reader.fact("samples_per_frame", 2 * samples if sbr else samples, start)
    reader.rest()


def _peek(reader: BitReader, width: int) -> int:
    at = reader.at
    value = reader.number(width)
    reader.at = at
    return value


def _object_type(reader: BitReader, name: str) -> int:
    """GetAudioObjectType (1.6.2.1)."""
    first = reader.at
    kind = reader.number(5)
    if kind == _ESCAPE:
        kind = 32 + reader.number(6)
    reader.add(name, kind, first, OBJECT_TYPES.get(kind, "reserved"))
    return kind


def _sample_rate(reader: BitReader, name: str) -> int:
    """An index, or 24 bits of hertz behind the index that announces them; 0 for a reserved index."""
    first = reader.at
    index = reader.number(4)
    if index == _EXPLICIT_RATE:
        rate = reader.number(24)
    else:
        rate = SAMPLE_RATES[index] if index < len(SAMPLE_RATES) else 0
    reader.add(name, rate, first, f"index {index}" if rate else f"reserved index {index}")
    return rate


def _general_audio(reader: BitReader, kind: int, layout: int) -> int:
    """The rest of GASpecificConfig (4.4.1); the number of channels where it is stated here, else 0."""
    if reader.flag("depends_on_core_coder"):
        reader.u("core_coder_delay", 14)
    extension = reader.flag("extension_flag")
    channels = 0
    if layout == 0:
        with reader.group("program_config_element"):
            channels = _program_config(reader)
    if kind in _LAYERED:
        reader.u("layer_nr", 3)
    if extension:
        if kind == _BSAC:
            reader.u("num_of_sub_frame", 5)
            reader.u("layer_length", 11)
        if kind in _RESILIENT:
            reader.flag("aac_section_data_resilience_flag")
            reader.flag("aac_scalefactor_data_resilience_flag")
            reader.flag("aac_spectral_data_resilience_flag")
        reader.flag("extension_flag_3")
    return channels


def _program_config(reader: BitReader) -> int:
    """program_config_element (4.4.1.1); how many channels its elements make."""
    reader.u("element_instance_tag", 4)
    reader.u("object_type", 2)
    reader.u("sampling_frequency_index", 4)
    counts = [(place, reader.u(f"num_{place}_channel_elements", 4)) for place in ("front", "side", "back")]
    low = reader.u("num_lfe_channel_elements", 2)
    associated = reader.u("num_assoc_data_elements", 3)
    coupling = reader.u("num_valid_cc_elements", 4)
    if reader.flag("mono_mixdown_present"):
        reader.u("mono_mixdown_element_number", 4)
    if reader.flag("stereo_mixdown_present"):
        reader.u("stereo_mixdown_element_number", 4)
    if reader.flag("matrix_mixdown_idx_present"):
        reader.u("matrix_mixdown_idx", 2)
        reader.flag("pseudo_surround_enable")
    channels = low
    for place, count in counts:
        with reader.group(f"{place}_elements", "list"):
            for _ in range(count):
                with reader.group("element"):
                    channels += 2 if reader.flag("is_cpe") else 1
                    reader.u("tag_select", 4)
    for name, count, width in (("lfe", low, 4), ("assoc_data", associated, 4), ("valid_cc", coupling, 5)):
        with reader.group(f"{name}_elements", "list"):
            for _ in range(count):
                reader.u("tag_select", width)
    reader.align()
    reader.octets("comment_field", reader.u("comment_field_bytes", 8))
    return channels
