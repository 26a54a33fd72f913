// node-media-server as it is, with a witness: every message its own parser completes is written down before it is
// handled. Arguments: major version (2 or 4), chunk size (version 2 only), witness file.
const fs = require('fs');
const crypto = require('crypto');
const [version, chunkSize, witness] = process.argv.slice(2);
const out = fs.openSync(witness, 'w');

function note(port, packet) {
  const { type, length, cid, stream_id } = packet.header;
  const sha1 = crypto.createHash('sha1').update(packet.payload.subarray(0, length)).digest('hex').slice(0, 12);
  fs.writeSync(out, JSON.stringify({ port, row: [type, packet.clock, length, cid, stream_id, sha1] }) + '\n');
}

if (version === '2') {
  const Session = require('nms2/src/node_rtmp_session');
  const handle = Session.prototype.rtmpHandler;
  Session.prototype.rtmpHandler = function () {
    note(this.socket.remotePort, this.parserPacket);
    return handle.call(this);
  };
  const Server = require('nms2');
  new Server({ logType: 3, rtmp: { port: 1935, chunk_size: Number(chunkSize), gop_cache: true, ping: 30, ping_timeout: 60 } }).run();
} else {
  const net = require('net');
  const Rtmp = require('nms4/src/protocol/rtmp.js');
  // The parser does not know its socket: it is the one whose data it is parsing.
  let port = 0;
  const emit = net.Socket.prototype.emit;
  net.Socket.prototype.emit = function (event, ...rest) {
    if (event === 'data') port = this.remotePort;
    return emit.call(this, event, ...rest);
  };
  const handle = Rtmp.prototype.packetHandler;
  Rtmp.prototype.packetHandler = function () {
    note(port, this.parserPacket);
    return handle.call(this);
  };
  const Server = require('nms4');
  new Server({ bind: '0.0.0.0', notify: {}, store: { path: process.cwd() + '/nms-data' }, auth: { play: false, publish: false, secret: '' }, rtmp: { port: 1935 }, record: { auto: false, path: process.cwd() } }).run();
}
