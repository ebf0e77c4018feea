export type { GatewayConfig, ListenerConfig } from './config.ts';
export { Gateway, type GatewayParts } from './gateway.ts';
export { type GatewayEnvironment, makeGateway } from './makeGateway.ts';
export type { GatewayCommand, GatewayOutput, UserAnswer, UserAsk } from './output.ts';
