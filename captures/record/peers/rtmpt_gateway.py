"""An RTMPT gateway: HTTP tunnel requests on port 80 become a TCP connection to a real RTMP server on port 1935.

/open/1 gives a session id; /send and /idle carry bytes and return, after one polling byte, what the server has sent;
/close ends it. Paced like the servers of the field: the polling byte grows while nothing comes back.
"""

import itertools
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STEPS = bytes([0x01, 0x03, 0x05, 0x09, 0x11, 0x21])
sessions, ids = {}, itertools.count(1)


class Session:
    def __init__(self):
        self.socket = socket.create_connection(("127.0.0.1", 1935))
        self.pending, self.lock, self.empty = bytearray(), threading.Lock(), 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        while data := self.socket.recv(65536):
            with self.lock:
                self.pending += data

    def take(self):
        with self.lock:
            data, self.pending = bytes(self.pending), bytearray()
        self.empty = 0 if data else self.empty + 1
        return STEPS[min(self.empty // 10, 5) : min(self.empty // 10, 5) + 1] + data


class Tunnel(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        verb, *rest = self.path.strip("/").split("/")
        session = sessions.get(rest[0]) if rest else None
        if verb == "open":
            name = f"rtmpt{next(ids):04}"
            sessions[name] = Session()
            return self.answer(200, name.encode() + b"\n")
        if verb == "send" and session:
            session.socket.sendall(body)
            return self.answer(200, session.take())
        if verb == "idle" and session:
            return self.answer(200, session.take())
        if verb == "close" and session:
            session.socket.close()
            return self.answer(200, b"\0")
        return self.answer(404, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/x-fcs")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("0.0.0.0", 80), Tunnel).serve_forever()
