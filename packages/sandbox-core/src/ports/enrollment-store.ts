import type { Enrollment, MachineArchitecture, OperatingSystem } from '@boxyard/contracts';

/** What a machine said of itself when it asked to be let in. */
export interface MachineDescription {
  /** The public nkey of its key pair. */
  readonly publicKey: string;
  readonly os: OperatingSystem;
  readonly arch: MachineArchitecture;
  readonly machineName: string;
  readonly canOfferDisplay: boolean;
  readonly requestsScreenControl: boolean;
}

/** A machine that asks, until somebody has decided. All times are of the store's clock, in milliseconds. */
export interface DeviceGrant {
  readonly id: string;
  readonly workspaceId: string;
  /** The code itself is the machine's alone. */
  readonly deviceCodeSha256: string;
  readonly userCode: string;
  readonly machine: MachineDescription;
  readonly decision: 'pending' | 'approved' | 'denied';
  /** Set with `approved`. */
  readonly enrollmentId: string | null;
  /** How long the machine is to wait between two polls; grows when it does not. */
  readonly intervalMs: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  readonly polledAtMs: number | null;
  /** When it first got its credentials. */
  readonly deliveredAtMs: number | null;
}

/** What a step may change of a grant. */
export type DeviceGrantChange = Partial<
  Pick<DeviceGrant, 'decision' | 'enrollmentId' | 'intervalMs' | 'polledAtMs' | 'deliveredAtMs'>
>;

export interface StoredDeviceGrant {
  readonly grant: DeviceGrant;
  /** Of the row: a change names the version that it was decided on. */
  readonly version: number;
  readonly nowMs: number;
}

/** A machine that is about to be let in. */
export interface NewEnrollment {
  readonly id: string;
  readonly workspaceId: string;
  readonly machine: MachineDescription;
  readonly allowScreenControl: boolean;
  /** Id of a key. */
  readonly approvedBy: string;
}

export interface EnrollmentRecord extends NewEnrollment {
  readonly state: Enrollment['state'];
  /** Of the newest bearer that was given out. */
  readonly generation: number;
  readonly createdAt: Date;
  readonly refreshedAt: Date;
  readonly revokedAt: Date | null;
}

/** `again`: the machine that asks has used the token a moment ago, and its answer was lost. */
export type TokenExchange =
  | { readonly outcome: 'enrolled' | 'again'; readonly enrollment: EnrollmentRecord }
  | { readonly outcome: 'used-up' | 'expired' | 'unknown' };

/** `replayed`: a challenge that was used, or a bearer from before the last renewal but one. */
export type EnrollmentRefresh =
  | { readonly outcome: 'refreshed'; readonly enrollment: EnrollmentRecord }
  | { readonly outcome: 'replayed' | 'revoked' | 'unknown' };

/**
 * Who asked to be enrolled, and who was. One machine is enrolled once in a workspace: whoever enrolls with the key
 * of an active enrollment revokes that one in the same step.
 */
export interface EnrollmentStore {
  /** False when the user code is taken by a grant that still waits. */
  createGrant(
    grant: Pick<
      DeviceGrant,
      'id' | 'workspaceId' | 'deviceCodeSha256' | 'userCode' | 'machine' | 'intervalMs'
    > & { readonly ttlMs: number },
  ): Promise<boolean>;
  findGrant(
    by: { readonly deviceCodeSha256: string } | { readonly userCode: string },
  ): Promise<StoredDeviceGrant | null>;
  /**
   * One step, with the enrollment that it makes. False when the grant was changed since that version: look and
   * decide again.
   */
  changeGrant(
    id: string,
    version: number,
    change: DeviceGrantChange,
    enrollment?: NewEnrollment,
  ): Promise<boolean>;
  createToken(token: {
    readonly id: string;
    readonly workspaceId: string;
    readonly uses: number;
    readonly expiresAt: Date;
    /** Id of a key. */
    readonly createdBy: string;
  }): Promise<void>;
  /** Counts one use and lets the machine in, or neither. @param graceMs how long `again` is answered. */
  exchangeToken(tokenId: string, enrollment: NewEnrollment, graceMs: number): Promise<TokenExchange>;
  /** In any workspace, revoked ones too. */
  find(id: string): Promise<EnrollmentRecord | null>;
  /** Newest first. @param after the id of the last one seen. */
  list(
    workspaceId: string,
    query: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly EnrollmentRecord[]>;
  /** Uses up a challenge and raises the generation when `generation` is the newest. */
  refresh(
    id: string,
    proof: { readonly generation: number; readonly challengedAtMs: number },
  ): Promise<EnrollmentRefresh>;
  /** Null when there is none in this workspace; revoking twice keeps the first time. */
  revoke(workspaceId: string, id: string): Promise<EnrollmentRecord | null>;
  /** Revoked, or replaced by a later one with the same key, at that moment or after it; of every workspace. */
  revokedSince(moment: Date): Promise<readonly EnrollmentRecord[]>;
  /** Removes grants and tokens that ended before the date, in one bounded batch; answers how many. */
  trim(olderThan: Date, limit: number): Promise<number>;
}
