/** A thread of the key pool. */

import { parentPort } from 'node:worker_threads';
import { answerWith, type FromKeyWorker, type ToKeyWorker } from './keyPool.ts';
import { systemKeyExchange } from './systemKeyExchange.ts';

parentPort?.on('message', ({ id, work }: ToKeyWorker) => {
  const message: FromKeyWorker = { id, answer: answerWith(systemKeyExchange, work) };
  parentPort?.postMessage(message);
});
