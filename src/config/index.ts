export { ClientSchema, type ClientSettings, loadClientProfile } from './clientSchema.ts';
export { parseDuration } from './duration.ts';
export { configJsonSchema, type JsonSchema } from './jsonSchema.ts';
export { ConfigError, type ConfigProblem, loadConfig, parseConfig } from './load.ts';
export { parseRate } from './rateSchema.ts';
export { GatewaySchema, type GatewaySettings, type IkeSettings } from './schema.ts';
