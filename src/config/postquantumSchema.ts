/** The part of both configurations that is about post-quantum pre-shared keys. RFC 8784. */

import { z } from 'zod';

const file = z.string().min(1);
const id = z.string().min(1).max(128);

/** How a key is written; strongSwan reads the same. */
const FORMS = 'as text, in hexadecimal behind `0x`, or in base64 behind `0s`';

const key = z
  .strictObject({
    id: id.describe('What both ends call the key.'),
    secret: z.string().min(1).optional().describe(`The key ${FORMS}; better in a file.`),
    secret_file: file.optional().describe('A file (0600) that holds the key, in the same forms.'),
    identity: z
      .string()
      .min(1)
      .optional()
      .describe('Whose key it is: the IKE identity that the peer states. Unless told: anybody’s who knows it.'),
  })
  .refine(
    (k) => (k.secret === undefined) !== (k.secret_file === undefined),
    'takes exactly one of secret and secret_file',
  );

export const gatewayPpk = z.strictObject({
  required: z
    .boolean()
    .default(false)
    .describe('Refuse IKEv2 peers that do not use one of the keys. Else those without go on without.'),
  keys: z.array(key).default([]).describe('The keys, each under an id.'),
  file: file
    .optional()
    .describe(`A file (0600) with more of them, one a line: the id, blanks, the key ${FORMS}. \`#\` begins a comment.`),
});

export type GatewayPpkSettings = z.output<typeof gatewayPpk>;

/** The client's, flat beside its other keys. */
export const clientPpk = {
  ppk_id: id
    .optional()
    .describe('With IKEv2: the id of a post-quantum pre-shared key (PPK, RFC 8784) that the server has too.'),
  ppk_file: file.optional().describe(`A file (0600) that holds this key ${FORMS}.`),
  ppk_required: z.boolean().default(false).describe('Do not connect where the server does not use that key.'),
};
