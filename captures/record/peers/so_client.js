// Two users of npm's rtmp-client share an object: change, change each other's values, remove, clear, a refused change,
// a sent message, remote calls that succeed and fail, pings. Arguments: URL.
const { NetConnection, SharedObject, Client, Symbols, SharedObjectTypes: SO } = require('rtmp-client');
const { toAMF } = require('amf-codec');

NetConnection[Symbols.PING_FREQUENCY] = 1000;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const log = (...words) => console.log(...words.map((w) => (typeof w === 'string' ? w : JSON.stringify(w))));

function connect(who) {
  const connection = new NetConnection();
  return new Promise((resolve) => {
    connection.onStatus = (info) => { log(who, info); resolve(connection); };
    connection.connect(process.argv[2], who, { token: 's3cr3t-key-42' });
  });
}

async function main() {
  const anna = await connect('anna');
  const room = SharedObject.get('room', false, anna);
  room.onSync = (list) => log('anna sees', list);
  await pause(300);
  for (const [key, value] of [['count', 7], ['title', 'Grüße, 世界'], ['open', true], ['when', new Date(0)], ['seats', [1, 2, 'three']], ['host', { name: 'anna', age: 30 }]]) {
    room.setProperty(key, value);
    await pause(100);
  }
  // SharedObject.get keeps one object per name, so the second user drives the Client below it.
  const bert = new Client(new URL(process.argv[2]).hostname, 1935);
  bert.on('sharedObject', (name, version, events) => log('bert sees', name, version, events));
  await bert.connect();
  await bert.invoke('connect', null, { app: 'room', tcUrl: process.argv[2], flashVer: 'WIN 32,0,0,465', objectEncoding: 0 }, 'bert');
  bert.useSharedObject('room');
  await pause(300);
  bert.setSharedObjectProperty('room', 'count', 8);
  bert.setSharedObjectProperty('room', 'readonly-rules', 'none');
  bert.commandStream.sendSharedObject('room', 0, 0, SO.SEND_MESSAGE, Buffer.concat([toAMF('greet'), toAMF('hello'), toAMF(42)]));
  room.setProperty('title', 'x'.repeat(700)); // longer than several chunks of 128
  await pause(300);
  room.setProperty('open', null);
  await anna.call('echo', { onResult: (r) => log('echo', r), onStatus: log }, { a: 1, b: [true, null, 'é'] });
  await anna.call('nosuch', { onResult: log, onStatus: (s) => log('nosuch', s) });
  await pause(1200); // a ping
  room.clear();
  await pause(300);
  room.close();
  bert.releaseSharedObject('room');
  await pause(300);
  bert.close();
  anna.close();
  await pause(200);
  process.exit();
}

main();
