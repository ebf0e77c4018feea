/** IKEv2: payloads and messages. */

export * from './payloads/index.ts';
export * from './wire/index.ts';
