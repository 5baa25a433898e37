import type { StreamKind } from '../messages.ts';

/** Which stream. Producer and viewers name the same. */
export interface RelayChannel {
  readonly workspaceId: string;
  readonly agentId: string;
  /** Drawn by who produces; a terminal's id. */
  readonly channelId: string;
  /** `DESKTOP` keeps only the newest frame for who lags; every other kind loses nothing. */
  readonly kind: StreamKind;
  /** 7681 for a terminal, 6080 for a desktop, else the port itself. */
  readonly port: number;
}
