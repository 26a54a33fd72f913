"""What audio and video messages carry: FLV tags, Enhanced RTMP, codec configurations, units of a frame."""
