/** A thread of the key pool. */

import { parentPort } from 'node:worker_threads';
import { nodeKeyExchange } from '../crypto/node/index.ts';
import { answerWith, type FromKeyWorker, type ToKeyWorker } from './keyPool.ts';

parentPort?.on('message', ({ id, work }: ToKeyWorker) => {
  const message: FromKeyWorker = { id, answer: answerWith(nodeKeyExchange, work) };
  parentPort?.postMessage(message);
});
