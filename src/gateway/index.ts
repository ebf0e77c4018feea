export type { StackEnvironment as GatewayEnvironment } from '../session/environment.ts';
export type { GatewayConfig, ListenerConfig } from './config.ts';
export { Gateway, type GatewayParts } from './gateway.ts';
export { makeGateway } from './makeGateway.ts';
export type { GatewayCommand, GatewayOutput, UserAnswer, UserAsk } from './output.ts';
export { type GatewayPopulation, leftOf } from './population.ts';
export type { Redirectable, RedirectSettings } from './redirects.ts';
