export { Client, type ClientParts } from './client.ts';
export { type ClientConfig, type ClientEnvironment, makeClient } from './makeClient.ts';
export type { ClientCommand, ClientOutput } from './output.ts';
