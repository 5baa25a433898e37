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
}
