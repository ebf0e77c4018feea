/**
 * `npm run demo`: a client behind a NAT router connects to a gateway, fetches 20 MB through the tunnel and leaves again,
 * with every message and its time on the screen. All in network namespaces that go with this process.
 */

import { demoObstacle, runDemo } from './demo/run.ts';

const obstacle = demoObstacle();
if (obstacle === undefined) process.exitCode = await runDemo();
else {
  console.error(obstacle);
  process.exitCode = 1;
}
