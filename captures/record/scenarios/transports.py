"""What carries RTMP, what hides it, and what is not RTMP at all."""

import struct
import subprocess
import time
from shlex import split

import clients
import servers
from clients import AAC, KEY
from lab import IP, IP6, PEERS

from . import NGINX, PLAYED, PUBLISHED, connection, published, scenario

RTMPS = published("published over TLS, then ended by the client", transport="rtmps")
RTMPT = published("published inside HTTP requests, then ended by the client", transport="rtmpt")


@scenario(NGINX, "ffmpeg", [PUBLISHED, PLAYED])
def ipv6(lab):
    """Publish and play over IPv6; addresses in brackets in tcUrl."""
    servers.nginx(lab)
    url = f"rtmp://[{IP6}]/live/{KEY}"
    with lab.capture():
        publisher = clients.ffmpeg_publish(lab, url=url, seconds=4, start=True)
        time.sleep(1)
        clients.ffmpeg_play(lab, url=url, seconds=2, level="info")
        publisher.wait(12)


@scenario(NGINX, "ffmpeg", [PUBLISHED])
def cooked_v2(lab):
    """A publish recorded by tcpdump on the pseudo-interface "any": Linux cooked capture, version 2."""
    servers.nginx(lab)
    with lab.capture(interface="any"):
        clients.ffmpeg_publish(lab, seconds=3)


@scenario(NGINX, "ffmpeg", [PUBLISHED], oddities=["every packet is captured twice, some microseconds apart"])
def bridged(lab):
    """A publish to a server behind a bridge, recorded on "any": each packet is seen on the bridge and on its port."""
    for line in (
        "link add br0 type bridge",
        "link set br0 up",
        "address del 10.35.0.2/24 dev veth0",
        "link set veth0 master br0",
        "address add 10.35.0.2/24 dev br0",
    ):
        lab.run("server", "ip", *line.split())
    servers.nginx(lab)
    with lab.capture(interface="any"):
        clients.ffmpeg_publish(lab, seconds=0.6)


@scenario(NGINX, "ffmpeg", [PUBLISHED])
def cooked_v1(lab):
    """A publish recorded by dumpcap on the pseudo-interface "any": Linux cooked capture, version 1, in pcapng."""
    servers.nginx(lab)
    with lab.capture(interface="any", tool="dumpcap"):
        clients.ffmpeg_publish(lab, seconds=3)


@scenario(
    NGINX,
    "ffmpeg",
    [PUBLISHED, PLAYED],
    format="zst",
    oddities=["frames on loopback are up to 64 KiB, far over its MTU", "messages longer than 65,536 bytes: two chunks"],
)
def loopback(lab):
    """Publish and play on the loopback interface, with large pictures and chunk size 65,536."""
    servers.nginx(lab, server="chunk_size 65536;")
    options = f"-c:v libx264 -preset veryfast -qp 12 -g 8 -pix_fmt yuv420p {AAC}"
    source = clients.media(4, options, "large.flv", picture="testsrc2=size=640x360:rate=4,noise=alls=70")
    url = f"rtmp://127.0.0.1/live/{KEY}"
    with lab.capture(interface="lo"):
        publisher = clients.ffmpeg_publish(lab, url=url, seconds=3, source=source, start=True, side="server")
        time.sleep(1)
        clients.ffmpeg_play(lab, url=url, seconds=1.5, level="info", side="server")
        publisher.wait(10)


def tag_vlan(path):
    """Give each frame an 802.1ad service tag and an 802.1Q customer tag: this kernel has no VLAN driver."""
    data, out, at = path.read_bytes(), bytearray(), 24
    out += data[:24]
    while at < len(data):
        seconds, micros, captured, length = struct.unpack_from("<IIII", data, at)
        frame = data[at + 16 : at + 16 + captured]
        frame = frame[:12] + bytes.fromhex("88a80064 81000007".replace(" ", "")) + frame[12:]
        out += struct.pack("<IIII", seconds, micros, captured + 8, length + 8) + frame
        at += 16 + captured
    tagged = path.with_name("tagged.pcap")
    tagged.write_bytes(out)
    return tagged


@scenario(
    NGINX,
    "ffmpeg",
    [PUBLISHED],
    alter=tag_vlan,
    oddities=["rewritten after recording: service tag 100 (0x88a8) around VLAN 7 (0x8100)"],
)
def vlan(lab):
    """A publish whose frames carry two VLAN tags."""
    servers.nginx(lab)
    with lab.capture():
        clients.ffmpeg_publish(lab, seconds=3)


STUNNEL = """foreground = yes
pid =
cert = {work}/cert.pem
key = {work}/key.pem
{versions}
[rtmps]
accept = 443
connect = 127.0.0.1:1935
"""


def stunnel(lab, versions):
    """stunnel in front of nginx, with a certificate of its own making."""
    request = split(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=rtmp.example -keyout key.pem -out cert.pem"
    )
    subprocess.run(request, cwd=lab.work, check=True, capture_output=True)
    (lab.work / "stunnel.conf").write_text(STUNNEL.format(work=lab.work, versions=versions))
    lab.commands.append(f"# stunnel.conf: {versions.replace(chr(10), '; ')}; accept 443, connect 127.0.0.1:1935")
    lab.start("server", "stunnel4", lab.work / "stunnel.conf").until_listening(443)


def rtmps(lab, versions):
    servers.nginx(lab, server="chunk_size 4096;")
    stunnel(lab, versions)
    with lab.capture(), lab.capture(interface="lo", filter="tcp port 1935", name="inner"):
        secrets = {"SSLKEYLOGFILE": str(lab.work / "keys.log")}
        clients.ffmpeg_publish(lab, url=f"rtmps://{IP}/live/{KEY}", seconds=3, env=secrets)


@scenario(
    NGINX + ", stunnel",
    "ffmpeg",
    [RTMPS],
    port=443,
    keep=["keys.log"],
    oddities=["the TLS secrets are beside it in rtmps-tls13.keys.log"],
)
def rtmps_tls13(lab):
    """ffmpeg publishes RTMPS with TLS 1.3; stunnel unwraps it for nginx."""
    rtmps(lab, "sslVersionMin = TLSv1.3")


@scenario(
    NGINX + ", stunnel",
    "ffmpeg",
    [RTMPS],
    port=443,
    format="secrets",
    oddities=["the TLS secrets are in the pcapng itself (Decryption Secrets Block)"],
)
def rtmps_tls12(lab):
    """ffmpeg publishes RTMPS with TLS 1.2; stunnel unwraps it for nginx."""
    rtmps(lab, "sslVersionMax = TLSv1.2\nciphers = ECDHE-RSA-AES128-GCM-SHA256")


RTMPE = connection("play", "encrypted after the handshake; ended by the client", transport="rtmpe")


@scenario("rtmpdump", "rtmpdump", [RTMPE], tshark=False, oddities=["C0 is 6; only the handshake can be read"])
def rtmpe(lab):
    """rtmpdump connects to rtmpsrv with RTMPE: the handshake, then cipher text."""
    servers.rtmpsrv(lab)
    with lab.capture():
        clients.rtmpdump(lab, url=f"rtmpe://{IP}/live/{KEY}", seconds=2)


@scenario(
    NGINX,
    "ffmpeg",
    [RTMPT],
    port=80,
    oddities=["between HTTP and nginx stands record/peers/rtmpt_gateway.py; the RTMP is ffmpeg's and nginx's"],
)
def rtmpt(lab):
    """ffmpeg publishes through the HTTP tunnel on port 80; a small gateway hands the bytes to nginx."""
    servers.nginx(lab, server="chunk_size 4096;")
    lab.start("server", "python3", PEERS / "rtmpt_gateway.py").until_listening(80)
    with lab.capture(), lab.capture(interface="lo", filter="tcp port 1935", name="inner"):
        clients.ffmpeg_publish(lab, url=f"rtmpt://{IP}/live/{KEY}", seconds=3)


def client_socket(lab, *steps):
    """A few lines of Python at the client's side: connect, then each step (bytes to send, or seconds to wait)."""
    program = f"import socket, time\ns = socket.create_connection(({IP!r}, 1935))\n"
    program += "".join(f"time.sleep({s})\n" if isinstance(s, (int, float)) else f"s.sendall({s})\n" for s in steps)
    lab.run("client", "python3", "-c", program + "s.close()", seconds=15)


@scenario(
    NGINX,
    "python, curl, openssl, ffmpeg",
    [
        connection("bare TCP", "closed by the client without a byte", transport="tcp"),
        connection("HTTP", "an HTTP request on the RTMP port: unanswered, closed by the client", transport="http"),
        connection("TLS", "a TLS ClientHello on the RTMP port: unanswered, closed by the client", transport="tls"),
        connection(
            "policy", "a Flash policy request on the RTMP port: unanswered, closed by the client", transport="policy"
        ),
        connection("TLS", "an RTMPS client on the plain port: unanswered, closed by the client", transport="tls"),
    ],
    tshark=False,
)
def not_rtmp(lab):
    """Five connections to nginx's port 1935 that are not RTMP: a bare connect, curl, openssl s_client, a Flash policy
    request, ffmpeg with rtmps."""
    servers.nginx(lab)
    with lab.capture():
        client_socket(lab, 1)
        lab.run("client", "curl", "-s", "-m", 3, f"http://{IP}:1935/live", seconds=5)
        lab.run("client", "openssl", "s_client", "-connect", f"{IP}:1935", "-brief", seconds=4)
        client_socket(lab, b"<policy-file-request/>\0", 2)
        clients.ffmpeg_publish(lab, url=f"rtmps://{IP}:1935/live/{KEY}", seconds=1)
