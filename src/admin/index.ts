export { type Controlled, type ControlServer, type GatewayStatus, startControlServer } from './controlApi.ts';
export { callControl, NotRunning } from './controlClient.ts';
