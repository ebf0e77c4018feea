export type { StackEnvironment as ClientEnvironment } from '../session/environment.ts';
export { Client, type ClientParts } from './client.ts';
export { type ClientConfig, makeClient } from './makeClient.ts';
export type { ClientCommand, ClientOutput } from './output.ts';
export {
  DEFAULT_RETRY,
  Persistence,
  type PersistenceInput,
  type PersistenceOutput,
  type RetrySettings,
} from './persistence.ts';
