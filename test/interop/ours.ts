/** Our own ends in namespaces, run through the command line. */
import type { Namespace } from './topology.ts';
export class OurGateway {
  readonly name = 'our-gateway';
  constructor(_n: Namespace, _f: string, _a: string) {}
  logs(): string {
    return '';
  }
  async kill(): Promise<void> {}
}
export class OurClient extends OurGateway {
  constructor(n: Namespace, f: string) {
    super(n, f, '');
  }
}
