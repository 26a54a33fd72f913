"""rtmpscope: a traffic analyzer for RTMP."""

__version__ = "0.1.0"
