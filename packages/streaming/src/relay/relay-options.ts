import type { RelayLimits } from './relay-limits.ts';
import type { RelayTicket, TokenHolder } from './relay-ticket.ts';

/** What happened at the relay, for an audit and for logs. Never holds a token. */
export type RelayNotice =
  | {
      readonly kind: 'refused';
      readonly closeCode: number;
      readonly reason: string;
      readonly workspaceId: string;
      readonly agentId: string;
      readonly port: number;
      readonly channelId: string | null;
      /** Of a genuine token; what the address says is anybody's word. */
      readonly holder: TokenHolder | null;
    }
  /** A viewer that may only watch tried to say something; told once for each of its sockets. */
  | { readonly kind: 'overstepped'; readonly ticket: RelayTicket }
  | { readonly kind: 'opened'; readonly ticket: RelayTicket }
  | { readonly kind: 'closed'; readonly ticket: RelayTicket; readonly closeCode: number };

export interface RelayOptions {
  /** What stream and relay tokens are signed with; see `deriveTokenSecret` of sandbox-core. */
  readonly secret: string | Uint8Array;
  readonly limits?: Partial<RelayLimits> | undefined;
  /** Opens /metrics as a bearer token. Absent: /metrics answers loopback only. */
  readonly metricsToken?: string | undefined;
  /**
   * Asked when a stream opens and every two seconds for those that are open. A question that fails lets nobody in
   * and cuts nobody.
   */
  readonly isRevoked?: ((ticket: RelayTicket) => boolean | Promise<boolean>) | undefined;
  readonly onNotice?: ((notice: RelayNotice) => void) | undefined;
  /** The present, in ms since 1970. */
  readonly now?: (() => number) | undefined;
}
