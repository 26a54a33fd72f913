#!/usr/bin/env python3
"""Record the captures of this folder again: `python captures/record/record.py [NAME...]`, as root on Debian 12.

For each scenario: lay a wire, run real servers and clients over it, capture, then ask every witness what was sent.
Three files come out: NAME.pcap (or another capture format), NAME.toml (provenance and expected outcome) and
truth/NAME.json (the messages of each direction). `--list` names the scenarios, `--missing` records only what is not
there, `--table` only writes README.md's table anew. Addresses, ports, times and random bytes differ from one recording
to the next; nothing else should.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import truth
from clients import new_ffmpeg
from lab import HOME, Lab
from scenarios import SCENARIOS, failures, media, sessions, transports  # noqa: F401 (each registers its scenarios)

INNER = "inner"  # the capture behind TLS or HTTP: not kept, only looked at
CAPTURES = Path(__file__).resolve().parent.parent
PACKAGES = (
    "tcpdump tshark wireshark-common ffmpeg nginx-light libnginx-mod-rtmp rtmpdump librtmp1 stunnel4 openssl ethtool "
    "iproute2 zstd curl gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good "
    "gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly gstreamer1.0-libav nodejs npm python3-venv"
).split()
NPM = {"nms2": "node-media-server@2.7.4", "nms4": "node-media-server@4.4.3", "rtmp-client": "rtmp-client@1.6.3"}
PYPI = ["imageio-ffmpeg==0.8.1", "pyrtmp==0.3.1"]
EXTRA = {"vlc": ["vlc-bin", "vlc-plugin-base"], "obs": ["obs-studio", "xvfb"]}


def requirements(scenarios):
    """Install what is missing, and only that."""
    wanted = PACKAGES + [p for s in scenarios for p in EXTRA.get(s.extra, [])]
    # A tool may come from elsewhere than its package: node often does.
    missing = [p for p in wanted if not debian_version(p) and not shutil.which({"nodejs": "node"}.get(p, p))]
    if missing:
        subprocess.run(["apt-get", "update"], check=True)
        subprocess.run(
            ["apt-get", "install", "-y", "--no-install-recommends", *missing],
            check=True,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        )
    HOME.mkdir(parents=True, exist_ok=True)
    if not all((HOME / "node_modules" / name).exists() for name in NPM):
        specs = [spec if spec.startswith(name) else f"{name}@npm:{spec}" for name, spec in NPM.items()]
        subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--prefix", HOME, *specs], check=True)
    if not (HOME / "venv").exists():
        subprocess.run([sys.executable, "-m", "venv", HOME / "venv"], check=True)
        subprocess.run([HOME / "venv" / "bin" / "pip", "install", "-q", *PYPI], check=True)


def debian_version(package):
    query = subprocess.run(
        ["dpkg-query", "-W", "-f", "${db:Status-Abbrev}${Version}", package], capture_output=True, text=True
    )
    return query.stdout[3:].strip() if query.stdout.startswith("ii") else None


def version(software):
    """The version of a piece of software, from wherever it was installed."""
    if software == "imageio-ffmpeg":
        line = subprocess.run([new_ffmpeg(), "-version"], capture_output=True, text=True).stdout.split()
        return f"ffmpeg {line[2].partition('-')[0].lstrip('n')} (in {PYPI[0].replace('==', ' ')})"
    for spec in [*NPM.values(), *PYPI]:
        name = spec.rpartition("@")[0] or spec.partition("==")[0]
        if software.startswith(name):
            return (
                software
                if any(c.isdigit() for c in software[len(name) :])
                else f"{name} {spec.rpartition('@')[2].rpartition('==')[2]}"
            )
    package = {
        "nginx": "nginx",
        "nginx-rtmp-module": "libnginx-mod-rtmp",
        "gstreamer": "gstreamer1.0-plugins-bad",
        "librtmp": "librtmp1",
        "vlc": "vlc-bin",
        "obs": "obs-studio",
        "stunnel": "stunnel4",
    }.get(software, software)
    return f"{software} {debian_version(package)}" if debian_version(package) else software


def record(scenario):
    with Lab(scenario.name, **scenario.lab) as lab:
        scenario.run(lab)
        recorded = datetime.fromtimestamp(lab.started, UTC).date()
        for label, pcap in lab.pcaps.items():
            if label == INNER:
                continue
            name = scenario.name if label == "main" else f"{scenario.name}-{label}"
            plain = scenario.alter(pcap) if scenario.alter else pcap
            found, notes = witnesses(scenario, lab, plain)
            stored, how = store(plain, name, scenario.format, lab.work / "keys.log")
            keep_truth(name, stored, found)
            (CAPTURES / f"{name}.toml").write_text(
                provenance(scenario, lab, stored, how, recorded, found, notes, plain)
            )
            for side_file in scenario.keep:
                shutil.copy(lab.work / side_file, CAPTURES / f"{name}.{side_file}")
            print(f"{stored.name}: {stored.stat().st_size:,} bytes, {len(found)} connections")
            for note in notes:
                print("   ", note)


def store(plain, name, kind, keys):
    """Write the capture in the scenario's file format: variety is part of what it is for."""
    for old in CAPTURES.glob(f"{name}.pcap*"):
        old.unlink()
    if kind == "secrets":
        path = CAPTURES / f"{name}.pcapng"
        subprocess.run(["editcap", "--inject-secrets", f"tls,{keys}", plain, path], check=True)
        return path, "pcapng with decryption secrets"
    if kind in {"nsecpcap", "modlibpcap", "pcapng"}:
        path = CAPTURES / f"{name}.{'pcapng' if kind == 'pcapng' else 'pcap'}"
        subprocess.run(["editcap", "-F", kind, plain, path], check=True)
        return path, {"nsecpcap": "pcap, nanoseconds", "modlibpcap": "pcap, modified (Kuznetzov)", "pcapng": "pcapng"}[
            kind
        ]
    if kind == "gz":
        path = CAPTURES / f"{name}.pcap.gz"
        path.write_bytes(gzip.compress(plain.read_bytes(), 9, mtime=0))
        return path, "pcap, microseconds, gzip"
    if kind == "zst":
        path = CAPTURES / f"{name}.pcap.zst"
        subprocess.run(["zstd", "-q", "-19", plain, "-o", path], check=True)
        return path, "pcap, microseconds, zstd"
    path = CAPTURES / f"{name}{plain.suffix}"
    shutil.copyfile(plain, path)
    return path, "pcapng" if plain.suffix == ".pcapng" else "pcap, microseconds"


def witnesses(scenario, lab, pcap):
    """Ask everyone who was there; returns the connections with the rows of each witness, and what they disagree on."""
    found, notes = [], []
    # Where the wire is encrypted or tunnelled, tshark looks at the plain connection behind it.
    inner = lab.pcaps.get(INNER)
    looked_at, port = (inner, 1935) if inner else (pcap, scenario.port)
    seen, sizes = (truth.tshark(looked_at, port) if scenario.tshark else None) or ({}, {})
    streams = truth.connections(looked_at, port)
    log = lab.work / "nginx.log"
    accepted = truth.nginx_log(log) if log.exists() and scenario.nginx_log else []
    wrapped, received = (
        truth.witness(lab.work / name) if (lab.work / name).exists() else {}
        for name in ("witness.jsonl", "received.jsonl")
    )
    for number, (client, cport, server, sport, _) in enumerate(truth.connections(pcap, scenario.port)):
        expected = scenario.connections[min(number, len(scenario.connections) - 1)]
        chunks = [128, 128]
        up = {"nginx debug log": accepted[number]} if number < len(accepted) else {}
        if cport in wrapped:
            up[f"{scenario.server} (wrapped)"] = wrapped[cport]
        down = {"librtmp (wrapped)": received[cport]} if cport in received else {}
        for direction, source, read, file in expected.truth:
            if (lab.work / file).exists():
                (up if direction == "up" else down)[source] = read(lab.work / file)
        if number < len(streams):
            stream = streams[number]
            for side, rows, source_port in ((0, up, stream[1]), (1, down, stream[3])):
                key = stream[4], source_port
                chunks[side] = sizes.get(key, chunks[side])
                if (number, ("up", "down")[side]) in scenario.tshark_errs:
                    continue
                if inner and key in seen:
                    rows["tshark, behind the carrier"] = [row[:6] for row in seen[key]]
                elif key in seen:
                    rows["tshark"] = seen[key]
        notes += [f"connection {number}: {note}" for rows in (up, down) for note in disagreements(rows)]
        found.append(
            {
                "client": address(client, cport),
                "server": address(server, sport),
                "expected": expected,
                "chunks": chunks,
                "client_to_server": up,
                "server_to_client": down,
            }
        )
    return found, notes


def disagreements(rows):
    """Where the complete witnesses of one direction say something else than the first of them."""
    complete = [(source, said) for source, said in rows.items() if "file" not in source and "trace" not in source]
    for source, said in complete[1:]:
        differ = truth.disagreements(complete[0][1], said)
        if differ:
            more = f" (and {len(differ) - 3} more)" if len(differ) > 3 else ""
            yield f"{complete[0][0]} and {source}: {'; '.join(differ[:3])}{more}"


def address(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def keep_truth(name, stored, found):
    """One row per line: compact, and a diff shows the message that changed."""
    lines = [
        "{",
        f'"capture": {json.dumps(stored.name)},',
        f'"columns": {json.dumps(truth.COLUMNS)},',
        '"connections": [',
    ]
    for n, connection in enumerate(found):
        lines.append(f'{{"client": "{connection["client"]}", "server": "{connection["server"]}",')
        for direction, comma in (("client_to_server", ","), ("server_to_client", "")):
            sources = []
            for source, rows in connection[direction].items():
                body = ",\n".join(json.dumps(r, separators=(",", ":")) for r in rows)
                sources.append(f"{json.dumps(source)}: [\n{body}\n]" if rows else f"{json.dumps(source)}: []")
            lines.append(f'"{direction}": {{{", ".join(sources)}}}{comma}')
        lines.append("}," if n + 1 < len(found) else "}")
    lines.append("]}")
    (CAPTURES / "truth").mkdir(exist_ok=True)
    text = "\n".join(lines) + "\n"
    json.loads(text)
    (CAPTURES / "truth" / f"{name}.json").write_text(text)


def provenance(scenario, lab, stored, how, recorded, found, notes, plain):
    info = subprocess.run(
        ["capinfos", "-E", "-c", "-M", "-T", "-r", plain], capture_output=True, text=True
    ).stdout.split("\t")
    lines = [
        f"capture = {quote(stored.name)}",
        f"what = {quote(' '.join(scenario.what.split()))}",
        f"recorded = {recorded}",
        f"server = {quote(version_list(scenario.server))}",
        f"client = {quote(version_list(scenario.client))}",
        f"link_type = {quote(info[1] if len(info) > 1 else '?')}",
        f"format = {quote(how)}",
        f"packets = {info[2].strip() if len(info) > 2 else 0}",
        f"bytes = {stored.stat().st_size}",
        f"sha256 = {quote(hashlib.sha256(stored.read_bytes()).hexdigest())}",
        f"truth = {quote(f'truth/{stored.name.partition(chr(46))[0]}.json')}",
    ]
    lines += array("commands", lab.commands)
    if lab.media:
        lines += array("published_media", [f"{file.name}: {ffprobe(file)}" for file in dict.fromkeys(lab.media)])
    if scenario.oddities:
        lines += array("oddities", scenario.oddities)
    if notes:
        lines.append("# Where two witnesses differ; for two complete lists the first is the better one.")
        lines += array("witnesses_differ", notes)
    for connection in found:
        expected = connection["expected"]
        lines += [
            "",
            "[[connection]]",
            f"client = {quote(connection['client'])}",
            f"server = {quote(connection['server'])}",
        ]
        lines += [f"{key} = {quote(value)}" for key, value in expected.facts.items() if value]
        if connection["client_to_server"] or connection["server_to_client"]:
            lines += [
                f"client_chunk_size = {connection['chunks'][0]}",
                f"server_chunk_size = {connection['chunks'][1]}",
            ]
        for direction in ("client_to_server", "server_to_client"):
            for source, rows in connection[direction].items():
                table = ", ".join(f"{k} = {n}" for k, n in truth.counts(rows).items())
                lines.append(f"{direction}.{quote(source)} = {{ {table} }}")
    return "\n".join(lines) + "\n"


def ffprobe(file):
    """The parameters of a published file, as ffprobe (the newer ffmpeg where the older cannot read it) names them."""
    fields = "codec_name,profile,level,width,height,pix_fmt,r_frame_rate,has_b_frames,sample_rate,channels"
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", f"stream={fields}", "-of", "json", file],
        capture_output=True,
        text=True,
    ).stdout
    streams = json.loads(out or "{}").get("streams", [])
    return "; ".join(" ".join(f"{k}={v}" for k, v in stream.items()) for stream in streams)


def version_list(text):
    return ", ".join(version(part.strip()) for part in text.split(",") if part.strip()) or "none"


def quote(text):
    return json.dumps(text, ensure_ascii=False)


def array(name, items):
    return [f"{name} = [", *[f"    {quote(item)}," for item in items], "]"]


def table():
    """Write the table of README.md from the TOML files."""
    rows = []
    for path in sorted(CAPTURES.glob("*.toml")):
        about = tomllib.loads(path.read_text())
        sources = []
        for connection in about.get("connection", []):
            for direction in ("client_to_server", "server_to_client"):
                sources += [s for s in connection.get(direction, {}) if s not in sources]
        size = f"{about['bytes'] / 1000:,.0f}"
        cells = [f"`{about['capture']}`", about["what"], short(about["server"]), short(about["client"])]
        cells += [about["link_type"], size, ", ".join(sources) or "none: see the outcome"]
        rows.append(f"| {' | '.join(cells)} |")
    readme = CAPTURES / "README.md"
    before, _, rest = readme.read_text().partition("<!-- table -->")
    _, _, after = rest.partition("<!-- end of table -->")
    head = "| capture | what happens | server | client | link | kB | truth |\n|---|---|---|---|---|---|---|"
    readme.write_text("\n".join([f"{before}<!-- table -->", head, *rows, f"<!-- end of table -->{after}"]))


def short(software):
    """Versions without Debian's epoch and revision."""
    return re.sub(r" (?:\d+:)?(\d[\d.]*)[-+~][^,]*", r" \1", software)


def main(arguments):
    if "--table" in arguments:
        return table()
    if "--list" in arguments:
        for s in SCENARIOS.values():
            print(f"{s.name:32} {' '.join(s.what.split())}")
        return
    names = [a for a in arguments if not a.startswith("--")]
    chosen = [SCENARIOS[n] for n in names] if names else list(SCENARIOS.values())
    if "--missing" in arguments:
        chosen = [s for s in chosen if not (CAPTURES / f"{s.name}.toml").exists()]
    requirements(chosen)
    failed = []
    for scenario in chosen:
        try:
            record(scenario)
        except Exception as error:  # one scenario that fails must not cost the others
            failed.append(scenario.name)
            print(f"{scenario.name}: {error!r}", file=sys.stderr)
    table()
    if failed:
        sys.exit(f"not recorded: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
