"""pyrtmp's own SimpleRTMPServer, with a witness: every message its parser completes is written down."""

import asyncio
import hashlib
import json
import sys

from pyrtmp.rtmp import SimpleRTMPServer
from pyrtmp.session_manager import SessionManager

witness = open(sys.argv[1], "w", buffering=1)
read_chunks = SessionManager.read_chunks_from_stream


async def noted(self):
    async for chunk in read_chunks(self):
        body = bytes(chunk.payload)
        # Its timestamps are no witness: it forgets the delta that a type-3 header inherits.
        row = [
            chunk.msg_type_id,
            None,
            len(body),
            chunk.chunk_id,
            chunk.msg_stream_id,
            hashlib.sha1(body).hexdigest()[:12],
        ]
        print(json.dumps({"port": int(self.peername.rpartition(":")[2]), "row": row}), file=witness)
        yield chunk


SessionManager.read_chunks_from_stream = noted


async def main():
    server = SimpleRTMPServer()
    await server.create(host="0.0.0.0", port=1935)
    await server.start()
    await server.wait_closed()


asyncio.run(main())
