"""Media for the decoders: each codec once, two seconds or so."""

import clients
import servers
from clients import AAC, H264, KEY
from lab import IP

from . import NGINX, connection, scenario

PICTURE = "testsrc=size=192x108:rate=10"
HEVC = "-c:v libx265 -pix_fmt yuv420p -x265-params log-level=none:keyint=20"
OPUS = "-c:a libopus -b:a 32k"
ENHANCED = connection("publish", "published with Enhanced RTMP, then ended by the client", "NetStream.Publish.Start")


def enhanced(**options):
    return scenario("node-media-server 4.4.3", "imageio-ffmpeg", [ENHANCED], **options)


def publish_enhanced(lab, name, options, **sources):
    """Encode to Matroska with the current ffmpeg, then publish that as it is."""
    ffmpeg = clients.new_ffmpeg()
    source = clients.media(3, options, f"{name}.mkv", ffmpeg=ffmpeg, **{"picture": PICTURE, **sources})
    servers.node_media_server(lab, 4)
    with lab.capture():
        clients.ffmpeg_publish(lab, source=source, seconds=2.5, ffmpeg=ffmpeg)


@enhanced(oddities=["B-frames: CodedFrames with a composition time beside CodedFramesX"])
def enhanced_hevc_opus(lab):
    """Enhanced RTMP: HEVC (hvc1) with B-frames, and Opus."""
    publish_enhanced(lab, "hevc-opus", f"{HEVC}:bframes=2 -b:v 120k {OPUS}")


@enhanced()
def enhanced_av1_flac(lab):
    """Enhanced RTMP: AV1 (av01) and FLAC (fLaC)."""
    publish_enhanced(lab, "av1-flac", "-c:v libsvtav1 -preset 11 -g 20 -b:v 100k -pix_fmt yuv420p -c:a flac -ac 1")


@enhanced()
def enhanced_vp9_ac3(lab):
    """Enhanced RTMP: VP9 (vp09) and AC-3 (ac-3)."""
    publish_enhanced(
        lab, "vp9-ac3", "-c:v libvpx-vp9 -deadline realtime -g 20 -b:v 100k -pix_fmt yuv420p -c:a ac3 -b:a 96k"
    )


@enhanced()
def enhanced_h264_eac3(lab):
    """H.264 with B-frames in the legacy form beside Enhanced RTMP audio: E-AC-3 (ec-3), six channels."""
    tones = "|".join(f"0.1*sin({hertz}*t)" for hertz in (440, 550, 660, 0, 770, 880))
    options = "-c:v libx264 -profile:v high -bf 2 -g 20 -b:v 100k -pix_fmt yuv420p -c:a eac3 -b:a 128k"
    publish_enhanced(lab, "h264-eac3", options, tone=f"aevalsrc={tones}:s=48000:c=5.1")


@enhanced(oddities=["10-bit BT.2020 with PQ transfer: a metadata packet (colorInfo) beside the sequence start"])
def enhanced_hevc_hdr(lab):
    """Enhanced RTMP: 10-bit HEVC with HDR colour metadata and no audio."""
    colours = "-color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc"
    mastering = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1)"
    x265 = "bframes=0:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:hdr10=1:max-cll=1000,400"
    hevc = f"{HEVC.replace('yuv420p', 'yuv420p10le')}:{x265}:master-display={mastering}"
    options = f"{hevc} -profile:v main10 {colours} -b:v 120k"
    publish_enhanced(lab, "hevc-hdr", options, tone=None)


@enhanced(oddities=["tracks 1 and 2 travel as Multitrack packets, track 0 in the ordinary form"])
def enhanced_multitrack(lab):
    """Enhanced RTMP: two video tracks (H.264 and HEVC) and three audio tracks (AAC, Opus, AAC)."""
    ffmpeg = clients.new_ffmpeg()
    main = clients.media(3, f"{H264} {AAC}", "multi-main.mkv", ffmpeg, PICTURE)
    more = clients.media(3, f"{HEVC}:bframes=0 -b:v 60k {OPUS}", "multi-more.mkv", ffmpeg, "testsrc=size=96x54:rate=10")
    lab.media.append(more)
    servers.node_media_server(lab, 4)
    maps = f"-i {more} -map 0:v -map 1:v -map 0:a -map 1:a -map 0:a -c copy"
    with lab.capture():
        clients.ffmpeg_publish(lab, source=main, seconds=2.5, ffmpeg=ffmpeg, after=maps)


# Video and audio that ffmpeg still writes into FLV: each line is one connection of one capture.
SCREEN = "testsrc=size=128x96:rate=5"
LEGACY = {
    "flv1-mp3": ("-c:v flv -b:v 80k -g 10 -c:a libmp3lame -b:a 32k -ar 22050", PICTURE),
    "flashsv-pcm": ("-c:v flashsv -g 5 -c:a pcm_s16le -ar 11025 -ac 1", SCREEN),
    "flashsv2-speex": ("-c:v flashsv2 -g 5 -c:a libspeex -ar 16000 -ac 1", SCREEN),
    "nellymoser": ("-c:a nellymoser -ar 8000 -ac 1", None),
    "adpcm": ("-c:a adpcm_swf -ar 11025 -ac 1", None),
    "alaw": ("-c:a pcm_alaw -ar 8000 -ac 1", None),
    "mulaw": ("-c:a pcm_mulaw -ar 8000 -ac 1", None),
}


@scenario(
    NGINX,
    "ffmpeg",
    [
        connection("publish", "published, then ended by the client", "NetStream.Publish.Start", name=f"{KEY}-{name}")
        for name in LEGACY
    ],
)
def legacy_codecs(lab):
    """Seven publishes, one after another: Sorenson H.263, Screen Video 1 and 2, MP3, PCM, Speex, Nellymoser, ADPCM,
    G.711 A-law and mu-law."""
    files = {
        name: clients.media(2, options, f"{name}.flv", picture=picture) for name, (options, picture) in LEGACY.items()
    }
    servers.nginx(lab, server="chunk_size 4096;")
    with lab.capture():
        for name, file in files.items():
            clients.ffmpeg_publish(lab, url=f"rtmp://{IP}/live/{KEY}-{name}", source=file, seconds=1.5)
