"""Real RTMP servers, each started with one call and ready when the call returns."""

import subprocess

from lab import HOME, PEERS, PYTHON

NGINX = """
load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; user root;
pid {work}/nginx.pid; error_log {work}/nginx.log debug;
events {{ worker_connections 64; }}
rtmp {{
    access_log off;
    server {{
        listen 1935; listen [::]:1935 ipv6only=on;
        {server}
        application live {{ live on; {live} }}
        {more}
    }}
}}
http {{
    access_log off;
    client_body_temp_path {work}/b; proxy_temp_path {work}/p; fastcgi_temp_path {work}/f;
    uwsgi_temp_path {work}/u; scgi_temp_path {work}/s;
    server {{
        listen 127.0.0.1:8080;
        location /refuse {{ return 403; }}
        location /control {{ rtmp_control all; }}
    }}
}}
"""


def nginx(lab, server="", live="", more="", side="server"):
    """nginx with its RTMP module. The debug log names every message it receives: the ground truth."""
    conf = lab.work / "nginx.conf"
    conf.write_text(NGINX.format(work=lab.work, server=server, live=live, more=more))
    directives = " ".join(f"rtmp {{ server {{ {server} application live {{ live on; {live} }} {more} }} }}".split())
    lab.commands.append(f"# nginx.conf: {directives}")
    process = lab.start(side, "nginx", "-e", lab.work / "nginx.err", "-c", conf)
    process.until_listening()
    return process


def node_media_server(lab, version, chunk_size=60000, side="server"):
    """node-media-server, version 2 or 4; the wrapper notes every message the server has parsed."""
    process = lab.start(
        side,
        "node",
        PEERS / "nms.js",
        version,
        chunk_size,
        lab.work / "witness.jsonl",
        env={"NODE_PATH": str(HOME / "node_modules")},
    )
    process.until_listening()
    return process


def pyrtmp(lab, side="server"):
    """The server of PyPI's pyrtmp; the wrapper notes every message it has parsed."""
    process = lab.start(side, PYTHON, PEERS / "pyrtmp_server.py", lab.work / "witness.jsonl")
    process.until_listening()
    return process


def shared_objects(lab, *options, side="server"):
    """A small shared-object and remoting server made of the classes of npm's rtmp-client."""
    process = lab.start(
        side,
        "node",
        PEERS / "so_server.js",
        lab.work / "witness.jsonl",
        *options,
        env={"NODE_PATH": str(HOME / "node_modules")},
    )
    process.until_listening()
    return process


def rtmpsrv(lab, side="server"):
    """rtmpdump's test server: answers connect, createStream and play, speaks RTMPE, has no media."""
    # It reads commands from its standard input and spins when that is closed.
    process = lab.start(side, "rtmpsrv", "-z", stdin=subprocess.PIPE)
    process.until_listening()
    return process
