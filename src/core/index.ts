export { Agenda } from './agenda.ts';
export { coarse } from './coarse.ts';
export type { Core, Dropped, Endpoint, Environment, Failure, Instant, Layer, Milliseconds, Trace } from './core.ts';
export { earliest, sooner } from './earliest.ts';
export { Few } from './few.ts';
export { Recent } from './recent.ts';
export { ObservedTimers, Timers } from './timers.ts';
