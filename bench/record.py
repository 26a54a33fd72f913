"""Record a workload from real software: ffmpeg sends 20 Mbit/s through nginx to four players.

    python bench/record.py       # as root on Debian; make bench then includes it

It works in the laboratory of captures/record, whose record.py installs what it needs, and takes a minute.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "captures" / "record"))

import clients  # noqa: E402
import servers  # noqa: E402
from lab import Lab  # noqa: E402

SECONDS = 20
ENCODER = (
    "-c:v libx264 -preset ultrafast -x264-params nal-hrd=cbr:force-cfr=1 -b:v 20M -minrate 20M -maxrate 20M "
    "-bufsize 20M -g 60 -pix_fmt yuv420p -c:a aac -b:a 160k"
)
PICTURE = "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t"  # noise fills the bit rate


def record(path: Path) -> None:
    source = clients.media(SECONDS, ENCODER, "20-mbit.flv", picture=PICTURE)
    with Lab("bench") as lab:
        servers.nginx(lab, server="chunk_size 4096;")
        with lab.capture() as capture:
            publisher = clients.ffmpeg_publish(lab, seconds=SECONDS, source=source, start=True)
            time.sleep(0.5)
            play = ("-t", SECONDS, "-c", "copy", "-f", "flv", "-y", "/dev/null")
            players = [lab.start("client", "ffmpeg", "-nostdin", "-i", clients.URL, *play) for _ in range(2)]
            dump = ("rtmpdump", "-q", "-r", clients.URL, "-o", "/dev/null", "-v", "-B", SECONDS)
            players += [lab.start("client", *dump) for _ in range(2)]
            for process in [publisher, *players]:
                process.wait(SECONDS + 10)
        shutil.move(capture, path)


if __name__ == "__main__":
    target = ROOT / "build" / "bench" / "recorded.pcap"
    target.parent.mkdir(parents=True, exist_ok=True)
    record(target)
    print(f"{target}: {target.stat().st_size / 1e6:,.0f} MB")
