export {
  type Controlled,
  type ControlServer,
  type GatewayStatus,
  type RedirectAnswer,
  type RedirectWish,
  startControlServer,
} from './controlApi.ts';
export { callControl, NotRunning } from './controlClient.ts';
