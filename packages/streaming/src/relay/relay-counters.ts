// What a relay has done, for /metrics.

export type DropReason = 'view_mode' | 'no_producer' | 'slow_producer' | 'not_a_desktop' | 'duplicate';

export interface RelayNow {
  readonly channels: number;
  readonly producers: number;
  readonly viewers: number;
  readonly pending: number;
  readonly heldBytes: number;
}

export class RelayCounters {
  inBytes = 0;
  outBytes = 0;
  inMessages = 0;
  outMessages = 0;
  readonly dropped = new Map<DropReason, number>();
  readonly refused = new Map<number, number>();
  readonly cut = new Map<number, number>();
  throttled = 0;
  nonsense = 0;

  countDrop(reason: DropReason): void {
    this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + 1);
  }

  countRefusal(closeCode: number): void {
    this.refused.set(closeCode, (this.refused.get(closeCode) ?? 0) + 1);
  }

  countCut(closeCode: number): void {
    this.cut.set(closeCode, (this.cut.get(closeCode) ?? 0) + 1);
  }

  /** In the text format of Prometheus. */
  text(now: RelayNow): string {
    const gauges: [string, string, number][] = [
      ['channels', 'Streams that have at least one side.', now.channels],
      ['producers', 'Machines that are producing.', now.producers],
      ['viewers', 'Viewers that are connected.', now.viewers],
      ['pending_sockets', 'Sockets that have not opened a stream yet.', now.pending],
      ['held_bytes', 'Bytes held for viewers and producers.', now.heldBytes],
    ];
    const counters: [string, string, number][] = [
      ['received_bytes_total', 'Bytes of messages received.', this.inBytes],
      ['sent_bytes_total', 'Bytes of messages sent.', this.outBytes],
      ['received_messages_total', 'Messages received.', this.inMessages],
      ['sent_messages_total', 'Messages sent.', this.outMessages],
      ['throttled_total', 'How often a side was made to wait for its rate.', this.throttled],
      ['nonsense_total', 'Sockets closed over something that is no message.', this.nonsense],
    ];
    const labelled: [string, string, string, ReadonlyMap<string | number, number>][] = [
      ['dropped_total', 'Messages dropped.', 'reason', this.dropped],
      ['refused_total', 'Sockets refused.', 'code', this.refused],
      ['cut_total', 'Accepted sockets closed by the relay.', 'code', this.cut],
    ];
    const lines: string[] = [];
    const head = (name: string, help: string, type: string) =>
      lines.push(`# HELP boxyard_relay_${name} ${help}`, `# TYPE boxyard_relay_${name} ${type}`);
    for (const [name, help, value] of gauges) {
      head(name, help, 'gauge');
      lines.push(`boxyard_relay_${name} ${value}`);
    }
    for (const [name, help, value] of counters) {
      head(name, help, 'counter');
      lines.push(`boxyard_relay_${name} ${value}`);
    }
    for (const [name, help, label, values] of labelled) {
      head(name, help, 'counter');
      for (const [key, value] of values) lines.push(`boxyard_relay_${name}{${label}="${key}"} ${value}`);
    }
    return `${lines.join('\n')}\n`;
  }
}
