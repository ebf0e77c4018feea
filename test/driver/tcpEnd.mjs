// One end of a TCP connection, for a network namespace: `listen|dial send|receive ADDRESS PORT BYTES`.
// Says "listening", and at the end length and hash of what it sent or received.
import { createHash } from 'node:crypto';
import { connect, createServer } from 'node:net';

const [role, task, address, port, bytes] = process.argv.slice(2);
const hash = createHash('sha256');
let length = 0;

function use(socket) {
  if (task === 'send') {
    const content = Buffer.alloc(Number(bytes));
    for (let i = 0; i < content.length; i++) content[i] = i * 31 + (i >> 8) * 7 + (i >> 16);
    hash.update(content);
    length = content.length;
    socket.resume().end(content);
  } else {
    socket.on('data', (chunk) => {
      hash.update(chunk);
      length += chunk.length;
    });
    socket.on('end', () => socket.end());
  }
  socket.on('close', () => {
    console.log(`${length} ${hash.digest('hex')}`);
    process.exit(0);
  });
}

if (role === 'dial') use(connect(Number(port), address));
else createServer({ allowHalfOpen: true }, use).listen(Number(port), address, () => console.log('listening'));
