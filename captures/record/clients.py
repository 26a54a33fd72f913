"""Real RTMP clients and the media they send."""

import json
import signal
import subprocess
import time
from shlex import split

from lab import HOME, IP, PEERS, PYTHON

KEY = "s3cr3t-key-42"  # a stream key as it must never be shown: the redaction is tested with it
URL = f"rtmp://{IP}/live/{KEY}"
PICTURE = "testsrc=size=320x180:rate=15"
TONE = "sine=frequency=440:sample_rate=44100"
H264 = "-c:v libx264 -preset veryfast -profile:v baseline -b:v 150k -maxrate 200k -bufsize 200k -g 30 -pix_fmt yuv420p"
AAC = "-c:a aac -b:a 48k -ac 1"


def new_ffmpeg():
    """The current ffmpeg: the binary inside PyPI's imageio-ffmpeg."""
    line = "import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())"
    return subprocess.run([PYTHON, "-c", line], check=True, capture_output=True, text=True).stdout.strip()


def media(seconds=12, options=f"{H264} {AAC}", name="media.flv", ffmpeg="ffmpeg", picture=PICTURE, tone=TONE):
    """Encode once, outside the recording, so that the clock of the recording is not the encoder's."""
    path = HOME / "media" / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        inputs = [part for source in (picture, tone) if source for part in ("-f", "lavfi", "-i", source)]
        argv = [ffmpeg, *split("-nostdin -loglevel error -y"), *inputs, "-t", str(seconds), *split(options)]
        subprocess.run([*argv, "-fflags", "+bitexact", path], check=True, env={"SVT_LOG": "1"})
    return path


def run_or_start(lab, side, argv, seconds, start, **options):
    return lab.start(side, *argv, **options) if start else lab.run(side, *argv, seconds=seconds, **options)


def ffmpeg_publish(
    lab, url=URL, seconds=6, source=None, ffmpeg="ffmpeg", after="-c copy", start=False, side="client", env=None
):
    """Publish a prepared file at its own pace."""
    source = source or media()
    lab.media.append(source)
    argv = [ffmpeg, *split("-nostdin -hide_banner -loglevel verbose -re -i"), source, "-t", seconds, *split(after)]
    return run_or_start(lab, side, [*argv, "-f", "flv", url], float(seconds) + 12, start, env=env)


def ffmpeg_play(lab, url=URL, seconds=4, ffmpeg="ffmpeg", level="trace", start=False, side="client", patience=12):
    """Play; at level trace the log names every tag."""
    argv = [
        ffmpeg,
        *split(f"-nostdin -hide_banner -loglevel {level} -i"),
        url,
        *split(f"-t {seconds} -c copy -f flv -y"),
    ]
    return run_or_start(lab, side, [*argv, lab.work / "played.flv"], float(seconds) + patience, start)


def rtmpdump(lab, *more, url=URL, seconds=4, start=False):
    """Play with rtmpdump; the file it writes holds every media and data message it has received."""
    stop = () if "-B" in more else ("-B", seconds)
    argv = ["rtmpdump", "-V", "-r", url, "-o", lab.work / "dumped.flv", *more, *stop]
    return run_or_start(lab, "client", argv, float(seconds) + 8, start)


def librtmp_play(lab, url=URL, seconds=4, start=False, options="live=1", plan=()):
    """Play through librtmp, noting every message the library hands out: the truth of what a server sends."""
    argv = [PYTHON, PEERS / "librtmp_play.py", f"{url} {options}", seconds, lab.work / "received.jsonl", *plan]
    return run_or_start(lab, "client", argv, float(seconds) + 8, start)


def gstreamer(lab, sink, seconds=5):
    """Publish with one of gstreamer's two RTMP sinks: rtmp2sink is its own, rtmpsink is librtmp."""
    video = f"videotestsrc is-live=true num-buffers={seconds * 15} ! video/x-raw,width=320,height=180,framerate=15/1"
    h264 = "x264enc tune=zerolatency bitrate=150 key-int-max=30 speed-preset=veryfast ! h264parse ! queue ! mux."
    audio = f"audiotestsrc is-live=true samplesperbuffer=1024 num-buffers={seconds * 43}"
    aac = "avenc_aac bitrate=48000 ! aacparse ! queue ! mux."
    pipeline = split(
        f"flvmux name=mux streamable=true ! {sink} {video} ! {h264} {audio} ! audio/x-raw,rate=44100,channels=1 ! {aac}"
    )
    return lab.run("client", "gst-launch-1.0", "-e", *pipeline, seconds=seconds + 8)


def vlc(lab, url=URL, seconds=4):
    """Play with VLC, which wants no screen here and refuses to run as root."""
    nobody = split("setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/tmp")
    player = split(f"cvlc -I dummy --no-video --aout=none {url} --run-time={seconds} vlc://quit")
    return lab.run("client", *nobody, *player, seconds=seconds + 2)


OBS = {
    "global.ini": """[General]
FirstRun=true
InfoIncrement=9999
LastVersion=486539267
EnableAutoUpdates=false
[Basic]
Profile=Lab
ProfileDir=Lab
SceneCollection=Lab
SceneCollectionFile=Lab
""",
    "basic/profiles/Lab/basic.ini": """[General]
Name=Lab
[Output]
Mode=Simple
[SimpleOutput]
VBitrate=150
ABitrate=64
StreamEncoder=x264
Preset=veryfast
[Video]
BaseCX=320
BaseCY=180
OutputCX=320
OutputCY=180
FPSType=1
FPSInt=15
[Audio]
SampleRate=44100
ChannelSetup=Mono
""",
    "basic/profiles/Lab/service.json": json.dumps(
        {"type": "rtmp_custom", "settings": {"server": f"rtmp://{IP}/live", "key": KEY, "use_auth": False}}
    ),
    "basic/scenes/Lab.json": json.dumps(
        {
            "name": "Lab",
            "current_scene": "Scene",
            "current_program_scene": "Scene",
            "scene_order": [{"name": "Scene"}],
            "sources": [
                {
                    "id": "color_source",
                    "name": "Colour",
                    "settings": {"color": 4290000000, "width": 320, "height": 180},
                },
                {"id": "scene", "name": "Scene", "settings": {"items": [{"name": "Colour", "id": 1}], "id_counter": 1}},
            ],
        }
    ),
}


def obs(lab, seconds=5):
    """Publish with OBS on a virtual screen, from a profile and a scene collection of our own."""
    home = lab.work / "home"
    for name, text in OBS.items():
        path = home / ".config" / "obs-studio" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    screen = lab.start("client", *split("Xvfb :77 -screen 0 1024x768x24 -nolisten tcp"))
    time.sleep(1)
    studio = lab.start(
        "client",
        *split("obs --multi --startstreaming --profile Lab --collection Lab --minimize-to-tray"),
        env={
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "DISPLAY": ":77",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        },
    )
    studio.until("Connection to rtmp", 25)
    time.sleep(seconds)
    studio.stop(signal.SIGKILL)  # without a window manager nothing ends it gently
    screen.stop()
