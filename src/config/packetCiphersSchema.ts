/** Whose code encrypts packets: a choice for those who must answer for it. */

import { z } from 'zod';

export const packetCiphers = z
  .enum(['fastest', 'openssl', 'node'])
  .default('fastest')
  .describe(
    'What encrypts packets: `fastest` takes our own AES-GCM where the processor has VAES, else OpenSSL; `openssl` takes OpenSSL alone; `node` takes node:crypto, some twenty times slower.',
  );
