// A publisher made of rtmp-client's classes that is granted the stream and then sends nothing. Arguments: URL, stream
// name, seconds.
const { Client } = require('rtmp-client');
const [url, stream, seconds] = process.argv.slice(2);

async function main() {
  const { hostname, pathname } = new URL(url);
  const client = new Client(hostname, 1935);
  await client.connect();
  await client.invoke('connect', null, { app: pathname.slice(1), tcUrl: url, flashVer: 'FMLE/3.0 (compatible; idle)', type: 'nonprivate' });
  const [, id] = await client.invoke('createStream');
  const media = client.createStream(id);
  media.command('publish', 5, null, stream, 'live');
  setTimeout(() => { client.close(); process.exit(); }, 1000 * seconds);
}

main();
