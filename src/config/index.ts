export { ClientSchema, type ClientSettings, loadClientProfile } from './clientSchema.ts';
export { type ConfigReader, readerOf } from './configReader.ts';
export { parseDuration } from './duration.ts';
export { configJsonSchema, type JsonSchema, profileJsonSchema } from './jsonSchema.ts';
export { ConfigError, type ConfigProblem, loadConfig, parseConfig } from './load.ts';
export { parseRate } from './rateSchema.ts';
export { GatewaySchema, type GatewaySettings, type IkeSettings } from './schema.ts';
