/** What a data plane holds, followed by the commands that it was given: whatever is left at the end was leaked. */

import type { DataPlaneCommand } from '../../src/dataplane/messages.ts';

export class Installed {
  readonly channels = new Set<number>();
  /** Channel by inbound SPI, and by slot. */
  readonly sas = new Map<number, number>();
  readonly sessions = new Map<number, number>();

  note(command: DataPlaneCommand): void {
    const { channels, sas, sessions } = this;
    switch (command.type) {
      case 'openChannel':
        channels.add(command.record.channel);
        break;
      case 'closeChannel':
        channels.delete(command.channel);
        for (const [spi, channel] of sas) if (channel === command.channel) sas.delete(spi);
        for (const [slot, channel] of sessions) if (channel === command.channel) sessions.delete(slot);
        break;
      case 'installSa':
        if (channels.has(command.record.channel)) sas.set(command.record.inboundSpi, command.record.channel);
        break;
      case 'removeSa':
        sas.delete(command.inboundSpi);
        break;
      case 'openSession':
        if (channels.has(command.session.channel)) sessions.set(command.session.slot, command.session.channel);
        break;
      case 'closeSession':
        sessions.delete(command.slot);
    }
  }

  /** What is left, in words; undefined where nothing is. */
  get left(): string | undefined {
    const counts = { channels: this.channels.size, 'SA pairs': this.sas.size, sessions: this.sessions.size };
    const left = Object.entries(counts).filter(([, count]) => count > 0);
    return left.length === 0 ? undefined : left.map(([what, count]) => `${count} ${what}`).join(', ');
  }
}
