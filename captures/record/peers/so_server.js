// A small shared-object and remoting server made of the classes of npm's rtmp-client: its handshake, chunk streams,
// message streams and AMF do all the work; what is here is only who gets what. Like many servers it speaks first: its
// S0 and S1 leave before C1 has come. Each message its parser completes is written to the witness file.
// Arguments: witness file, then any of `silent-create-stream` (createStream stays unanswered) and `publish` (createStream
// and publish are granted, media is taken and dropped), `adobe` or `llnw` (connect wants the rounds of that
// authentication; the answer itself is not checked).
const fs = require('fs');
const net = require('net');
const crypto = require('crypto');
const { Client, SharedObjectTypes: SO } = require('rtmp-client');
const { toAMF } = require('amf-codec');
const { encodeStringValue } = require('amf-codec/lib/types/string');

const [witness, ...modes] = process.argv.slice(2);
const out = fs.openSync(witness, 'w');
const objects = new Map(); // name -> { version, values, users }
const EMPTY = Buffer.alloc(0);
const name = (text) => Buffer.concat(encodeStringValue(text));
const change = (key, value) => [SO.CHANGE, Buffer.concat([name(key), toAMF(value)])];

function u32(...values) {
  const buffer = Buffer.alloc(4 * values.length);
  values.forEach((value, index) => buffer.writeUInt32BE(value, 4 * index));
  return buffer;
}

function serve(socket) {
  const peer = new Client();
  peer.socket = socket;
  socket.on('error', () => {});
  // The package's handshake drops what follows C2 in the same read, where most clients put their connect.
  const seen = [];
  const see = (data) => seen.push(data);
  socket.on('data', see);
  peer.onHandshake = (resolve) => {
    socket.off('data', see);
    Client.prototype.onHandshake.call(peer, resolve);
    const rest = Buffer.concat(seen).subarray(1 + 2 * 1536);
    if (rest.length) peer.demuxer.write(rest);
  };
  peer.onConnect(() => {
    peer.demuxer.on('data', ({ messageTypeId, timestamp, messageBody, chunkStreamId, messageStreamId }) => {
      const sha1 = crypto.createHash('sha1').update(messageBody).digest('hex').slice(0, 12);
      // The package does not add up deltas: its timestamps are a witness only where each header is absolute, as its own are.
      const row = [messageTypeId, modes.length ? null : timestamp, messageBody.length, chunkStreamId, messageStreamId, sha1];
      fs.writeSync(out, JSON.stringify({ port: socket.remotePort, row }) + '\n');
    });
  });
  peer.on('command', (command, transaction, properties, ...args) => onCommand(peer, command, transaction, properties, args));
  peer.on('sharedObject', (object, version, events) => onSharedObject(peer, object, events));
  socket.on('close', () => objects.forEach((object) => object.users.delete(peer)));
}

function onCommand(peer, command, transaction, properties, args) {
  const result = (...values) => peer.command('_result', transaction, ...values);
  const refusal = command === 'connect' && authentication(properties.app);
  if (refusal) {
    peer.command('_error', transaction, null, { level: 'error', code: 'NetConnection.Connect.Rejected', description: refusal });
    setTimeout(() => peer.close(), 100);
  } else if (command === 'connect') {
    peer.controlStream.send(5, u32(2500000));
    peer.controlStream.send(6, Buffer.concat([u32(2500000), Buffer.from([2])]));
    result({ fmsVer: 'FMS/3,5,7,7009', capabilities: 31 }, { level: 'status', code: 'NetConnection.Connect.Success', description: 'Connection succeeded.', objectEncoding: 0 });
  } else if (command === 'createStream') {
    if (!modes.includes('silent-create-stream')) result(null, 1);
    // A MessageStream of the package hears one chunk stream; nobody knows which one the client will publish on.
    for (let csid = 4; modes.includes('publish') && csid <= 8; csid += 1) {
      const stream = peer.createStream(1);
      stream.on('command', (name, id, object, ...rest) => onPublish(stream, name));
    }
  } else if (command === 'echo') {
    result(null, ...args);
  } else if (transaction) {
    peer.command('_error', transaction, null, { level: 'error', code: 'NetConnection.Call.Failed', description: `Method not found (${command}).` });
  }
}

function onPublish(stream, command) {
  if (command === 'publish') stream.command('onStatus', 0, null, { level: 'status', code: 'NetStream.Publish.Start', description: 'granted' });
}

// What is still wanted of a client that connects to `app`, in the words of Adobe's and Limelight's servers.
function authentication(app) {
  const method = modes.find((mode) => mode === 'adobe' || mode === 'llnw');
  if (!method || app.includes('response=')) return null;
  if (!app.includes('authmod=')) return `[ AccessManager.Reject ] : [ code=403 need auth; authmod=${method} ] : `;
  const challenge = method === 'adobe' ? 'salt=c2FsdA==&challenge=Y2hhbGxlbmdl&opaque=b3BhcXVl' : 'nonce=bm9uY2U';
  return `[ AccessManager.Reject ] : [ authmod=${method} ] : ?reason=needauth&user=anna&${challenge}`;
}

function onSharedObject(peer, key, events) {
  const object = objects.get(key) || { version: 1, values: new Map(), users: new Set() };
  objects.set(key, object);
  const others = [...object.users].filter((user) => user !== peer);
  const send = (to, ...parts) => to.commandStream.sendSharedObject(key, object.version, 0, ...parts);
  for (const { eventType, eventData: [property, value] } of events) {
    if (eventType === SO.USE) {
      object.users.add(peer);
      send(peer, SO.USE_SUCCESS, EMPTY, SO.CLEAR, EMPTY, ...[...object.values].flatMap(([k, v]) => change(k, v)));
    } else if (eventType === SO.RELEASE) {
      object.users.delete(peer);
    } else if (eventType === SO.REQUEST_CHANGE && property.startsWith('readonly')) {
      send(peer, SO.STATUS, Buffer.concat([name('SharedObject.NoWriteAccess'), name('error')]));
    } else if (eventType === SO.REQUEST_CHANGE) {
      object.version += 1;
      object.values.set(property, value);
      send(peer, SO.SUCCESS, name(property));
      others.forEach((user) => send(user, ...change(property, value)));
    } else if (eventType === SO.REQUEST_REMOVE) {
      object.version += 1;
      object.values.delete(property);
      [peer, ...others].forEach((user) => send(user, SO.REMOVE, name(property)));
    } else if (eventType === SO.REQUEST_CLEAR) {
      object.version += 1;
      object.values.clear();
      [peer, ...others].forEach((user) => send(user, SO.CLEAR, EMPTY));
    } else if (eventType === SO.SEND_MESSAGE) {
      [peer, ...others].forEach((user) => send(user, SO.SEND_MESSAGE, Buffer.concat([toAMF('greet'), toAMF('hello'), toAMF(42)])));
    }
  }
}

net.createServer(serve).listen(1935);
