"""What was really sent, from anyone but rtmpscope.

Every reader here turns one witness into rows `[type, timestamp, length, csid, msid, sha1]` (sha1: the first 12 hex
digits over the message body; null for what the witness does not say), in the order in which the messages ended:

- the debug log of nginx's RTMP module: one line for each message it has received;
- the JSON lines of the wrapped peers in `peers/`: each message as the peer's own parser completed it;
- FLV files written by a peer (nginx `record`, rtmpdump): media and data messages, byte for byte;
- ffmpeg's trace log: audio and video tags it received;
- tshark, with the preferences that cure its faults, and with a seventh column: the packet in which the message ended.
"""

import hashlib
import json
import re
import subprocess
import xml.etree.ElementTree as ET
from collections import Counter

COLUMNS = ["type", "timestamp", "length", "csid", "msid", "sha1", "packet"]
TSHARK = ["tshark", "-o", "rtmpt.max_packet_size:16777216", "-o", "tcp.reassemble_out_of_order:TRUE"]
# tshark prints no type for headers that inherit it, but names the message.
NAMES = {
    "Set Chunk Size": 1,
    "Abort": 2,
    "Acknowledgement": 3,
    "User Control": 4,
    "Window Ack": 5,
    "Set Peer": 6,
    "Audio Data": 8,
    "Video Data": 9,
    "AMF3 Data": 15,
    "AMF3 Command": 17,
    "AMF0 Data": 18,
    "AMF0 Shared": 19,
    "AMF0 Command": 20,
    "Aggregate": 22,
}


def digest(body):
    return hashlib.sha1(body).hexdigest()[:12]


def nginx_log(path):
    """Client-to-server rows of each connection, in the order in which nginx accepted them."""
    received = re.compile(r"\*(\d+) RTMP recv \S+ \((\d+)\) csid=(\d+) timestamp=(-?\d+) mlen=(\d+) msid=(-?\d+)")
    rows = {}
    with open(path, errors="replace") as log:
        for line in log:
            if met := re.search(r"\*(\d+) client connected", line):
                rows[met[1]] = []
            elif met := received.search(line):
                connection, *numbers = met.groups()
                kind, csid, timestamp, length, msid = map(int, numbers)
                rows[connection].append([kind, timestamp & 0xFFFFFFFF, length, csid, msid, None])
    return list(rows.values())


def witness(path):
    """Rows by the client's port, from a wrapped peer."""
    rows = {}
    for line in path.read_text().splitlines():
        entry = json.loads(line)
        rows.setdefault(entry["port"], []).append(entry["row"])
    return rows


def flv(path):
    data, at, rows = path.read_bytes(), 13, []
    while at + 11 <= len(data):
        kind, size = data[at] & 31, int.from_bytes(data[at + 1 : at + 4], "big")
        timestamp = int.from_bytes(data[at + 4 : at + 7], "big") | data[at + 7] << 24
        body = data[at + 11 : at + 11 + size]
        if len(body) == size:
            rows.append([kind, timestamp, size, None, None, digest(body)])
        at += 11 + size + 4
    return rows


def ffmpeg_trace(path):
    """Audio and video tags, from `-loglevel trace`; a line may carry several when the log is busy."""
    tag = re.compile(r"type:(8|9), size:(\d+), last:-?\d+, dts:(-?\d+)")
    return [
        [int(k), int(t) & 0xFFFFFFFF, int(n), None, None, None]
        for k, n, t in tag.findall(path.read_text(errors="replace"))
    ]


def connections(pcap, port):
    """(client address, client port, server address, server port, tcp.stream) of every SYN, in order."""
    fields = "ip.src ipv6.src tcp.srcport ip.dst ipv6.dst tcp.dstport tcp.stream".split()
    lines = subprocess.run(
        [
            *TSHARK,
            "-r",
            pcap,
            "-Y",
            f"tcp.flags.syn==1 && tcp.flags.ack==0 && tcp.dstport=={port}",
            "-T",
            "fields",
            *[part for f in fields for part in ("-e", f)],
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    found = {}
    for line in lines.splitlines():
        v4, v6, sport, d4, d6, dport, stream = line.split("\t")
        found.setdefault(int(stream), (v4 or v6, int(sport), d4 or d6, int(dport), int(stream)))
    return list(found.values())


def tshark(pcap, port=1935):
    """Rows and announced chunk sizes, each by (tcp.stream, source port); None when tshark fails on this capture."""
    argv = [*TSHARK, "-r", pcap, "-Y", "rtmpt", "-T", "pdml"]
    if port != 1935:
        argv += ["-d", f"tcp.port=={port},rtmpt"]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    rows, sizes = {}, {}
    try:
        for _, packet in ET.iterparse(process.stdout):
            if packet.tag == "packet":
                tshark_packet(packet, rows, sizes)
                packet.clear()
    except ET.ParseError:  # it asserted in the middle
        return None
    finally:
        process.stdout.close()
    return None if process.wait() else (rows, sizes)


def tshark_packet(packet, rows, sizes):
    def value(proto, name):
        field = packet.find(f"./proto[@name='{proto}']//field[@name='{name}']")
        return None if field is None else int(field.get("show"), 0)

    direction = value("tcp", "tcp.stream"), value("tcp", "tcp.srcport")
    for proto in packet.iterfind("proto[@name='rtmpt']"):
        header = {
            f.get("name")[13:]: f.get("show")
            for f in proto.iter("field")
            if f.get("name", "").startswith("rtmpt.header.")
        }
        if "csid" not in header:
            continue  # a part of the handshake
        if (announced := proto.find(".//field[@name='rtmpt.scm.chunksize']")) is not None:
            sizes[direction] = int(announced.get("show"))
        body = next((f.get("value", "") for f in proto.iterfind("field") if f.get("show") == "RTMP Body"), "")
        body = bytes.fromhex(body or "")
        words = proto.get("showname").partition("(")[2]
        kind = (
            int(header["typeid"], 0)
            if "typeid" in header
            else next((n for name, n in NAMES.items() if words.startswith(name)), None)
        )
        length = int(header["bodysize"]) if "bodysize" in header else len(body)
        timestamp = int(header["ets"] if "ets" in header else header["timestamp"]) & 0xFFFFFFFF
        if "ets" in header and header["format"] != "0":
            timestamp = None  # it takes an extended delta for an absolute time
        row = [
            kind,
            timestamp,
            length,
            int(header["csid"]),
            int(header["streamid"]) if "streamid" in header else None,
            digest(body) if len(body) == length else None,
            value("frame", "frame.number")
            or int(packet.find("./proto[@name='geninfo']/field[@name='num']").get("show")),
        ]
        rows.setdefault(direction, []).append(row)


def counts(rows):
    """Messages by type, `untyped` for those whose witness knows no type."""
    tally = Counter(-1 if r[0] is None else r[0] for r in rows)
    return {"untyped" if kind < 0 else str(kind): tally[kind] for kind in sorted(tally)}


def disagreements(one, other):
    """Compare two witnesses of one direction over the columns both know; the shorter may lack the end."""
    found = []
    for number, (a, b) in enumerate(zip(one, other, strict=False)):
        for column, x, y in zip(COLUMNS, a, b, strict=False):
            if x is not None and y is not None and x != y:
                found.append(f"message {number}: {column} {x} and {y}")
    if len(one) != len(other):
        found.append(f"{len(one)} messages and {len(other)}")
    return found
