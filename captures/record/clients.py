"""Real RTMP clients and the media they send."""
import subprocess
from pathlib import Path

from lab import HOME, IP, PYTHON

KEY = "s3cr3t-key-42"  # a stream key as it must never be shown: the redaction is tested with it
URL = f"rtmp://{IP}/live/{KEY}"
PICTURE = "testsrc=size=320x180:rate=15"
TONE = "sine=frequency=440:sample_rate=44100"
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline", "-b:v", "150k", "-maxrate", "200k",
        "-bufsize", "200k", "-g", "30", "-pix_fmt", "yuv420p")
AAC = ("-c:a", "aac", "-b:a", "48k", "-ac", "1")


def new_ffmpeg():
    """The current ffmpeg: the binary inside PyPI's imageio-ffmpeg."""
    line = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
    return subprocess.run([PYTHON, "-c", line], check=True, capture_output=True, text=True).stdout.strip()


def media(seconds=12, options=H264 + AAC, name="media.flv", ffmpeg="ffmpeg", picture=PICTURE, tone=TONE):
    """Encode once, outside the recording, so that the clock of the recording is not the encoder's."""
    path = HOME / "media" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        inputs = [part for source in (picture, tone) if source for part in ("-f", "lavfi", "-i", source)]
        subprocess.run([ffmpeg, "-nostdin", "-loglevel", "error", "-y", *inputs, "-t", str(seconds), *options,
                        "-fflags", "+bitexact", str(path)], check=True)
    return path


def ffmpeg_publish(lab, url=URL, seconds=6, source=None, ffmpeg="ffmpeg", before=(), after=("-c", "copy"), level="verbose",
                   start=False, side="client", **options):
    """Publish a prepared file at its own pace."""
    lab.media.append(source or media())
    argv = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", level, "-re", *before, "-i", source or media(), "-t", seconds, *after, "-f", "flv", url]
    if start:
        return lab.start(side, *argv, **options)
    return lab.run(side, *argv, seconds=float(seconds) + 12, **options)


def ffmpeg_play(lab, url=URL, seconds=4, ffmpeg="ffmpeg", before=(), level="trace", start=False,
                side="client", wait=12, **options):
    """Play and keep what came in an FLV file; the trace log names every tag."""
    argv = [ffmpeg, "-nostdin", "-hide_banner", "-loglevel", level, *before, "-i", url, "-t", seconds, "-c", "copy", "-f", "flv", "-y",
            lab.work / "played.flv"]
    if start:
        return lab.start(side, *argv, **options)
    return lab.run(side, *argv, seconds=float(seconds) + wait, **options)


def rtmpdump(lab, *more, url=URL, seconds=4, start=False, output="dumped.flv"):
    """Play with rtmpdump; the file it writes holds every media and data message it has received."""
    argv = ["rtmpdump", "-V", "-r", url, "-o", lab.work / output, *more]
    if "-B" not in more:
        argv += ["-B", seconds]
    if start:
        return lab.start("client", *argv)
    return lab.run("client", *argv, seconds=float(seconds) + 8)


def librtmp_play(lab, url=URL, seconds=4, start=False):
    """Play through the library librtmp, noting every message it hands out: the ground truth of what a server sends."""
    argv = [PYTHON, Path(__file__).with_name("peers") / "librtmp_play.py", f"{url} live=1", seconds, lab.work / "received.jsonl"]
    if start:
        return lab.start("client", *argv)
    return lab.run("client", *argv, seconds=float(seconds) + 8)


def gstreamer(lab, sink, seconds=5, start=False):
    """Publish with one of gstreamer's two RTMP sinks: rtmp2sink is its own, rtmpsink is librtmp."""
    argv = ["gst-launch-1.0", "-e", "-v", "flvmux", "name=mux", "streamable=true", "!", *sink,
            "videotestsrc", "is-live=true", f"num-buffers={seconds * 15}", "!", "video/x-raw,width=320,height=180,framerate=15/1", "!",
            "x264enc", "tune=zerolatency", "bitrate=150", "key-int-max=30", "speed-preset=veryfast", "!", "h264parse", "!", "queue", "!", "mux.",
            "audiotestsrc", "is-live=true", "samplesperbuffer=1024", f"num-buffers={seconds * 43}", "!",
            "audio/x-raw,rate=44100,channels=1", "!", "avenc_aac", "bitrate=48000", "!", "aacparse", "!", "queue", "!", "mux."]
    if start:
        return lab.start("client", *argv)
    return lab.run("client", *argv, seconds=seconds + 8)
