export { ClientProcess, type ClientProcessOptions } from './clientProcess.ts';
export { type CardFacts, connectionCard } from './connectionCard.ts';
export { GatewayProcess, type GatewayProcessOptions } from './gatewayProcess.ts';
export { type Log, type LogFormat, type LogLevel, makeLog } from './logger.ts';
export { defaultStateDirectory, StateDirectory } from './stateDirectory.ts';
export { VERSION } from './version.ts';
