// What stands between the two ends while the relay is measured, as a process of its own: the relay, or a websocket
// server that does nothing but pass on what comes from one of its two sockets to the other.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRelay } from '@boxyard/streaming/relay';
import { type WebSocket, WebSocketServer } from 'ws';

const [kind, secret = ''] = process.argv.slice(2);
const server = createServer();

if (kind === 'relay') {
  const plenty = Number.MAX_SAFE_INTEGER;
  createRelay({ secret, limits: { burstBytes: plenty, bytesPerSecond: plenty } }).attach(server);
} else {
  const ends: WebSocket[] = [];
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    ends.push(socket);
    socket.on('message', (data, binary) => {
      const other = ends.find((end) => end !== socket);
      other?.send(data, { binary }, () => {
        if (other.bufferedAmount === 0) socket.resume();
      });
      if (other !== undefined && other.bufferedAmount > 1024 * 1024) socket.pause();
    });
  });
}
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
