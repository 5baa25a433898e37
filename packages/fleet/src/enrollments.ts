import { fingerprintOf } from '@boxyard/agent-proto';
import type { Enrollment } from '@boxyard/contracts';
import type { EnrollmentRecord, EnrollmentStore } from '@boxyard/sandbox-core';

const describeEnrollment = (record: EnrollmentRecord): Enrollment => ({
  id: record.id,
  workspaceId: record.workspaceId,
  machineName: record.machine.machineName,
  os: record.machine.os,
  arch: record.machine.arch,
  fingerprint: fingerprintOf(record.machine.publicKey),
  state: record.state,
  exposure: 'whole-machine',
  allowScreenControl: record.allowScreenControl,
  approvedBy: record.approvedBy,
  createdAt: record.createdAt.toISOString(),
  refreshedAt: record.refreshedAt.toISOString(),
  revokedAt: record.revokedAt?.toISOString() ?? null,
});

export interface EnrollmentsOptions {
  readonly store: EnrollmentStore;
  /** Cuts the connection of a machine that was revoked; without it, it ends with its JWT. */
  readonly onRevoked?: (enrollment: EnrollmentRecord) => Promise<void>;
}

/** Who was let in to a workspace, and how that ends. */
export class Enrollments {
  readonly #options: EnrollmentsOptions;

  constructor(options: EnrollmentsOptions) {
    this.#options = options;
  }

  /** As the API tells it. */
  describe(record: EnrollmentRecord): Enrollment {
    return describeEnrollment(record);
  }

  /** Newest first, revoked ones too. @param after the id of the last one seen. */
  async list(
    workspaceId: string,
    query: { readonly limit: number; readonly after?: string | undefined },
  ): Promise<readonly Enrollment[]> {
    return (await this.#options.store.list(workspaceId, query)).map(describeEnrollment);
  }

  /** From now on it gets no credentials. Null when there is none in this workspace. */
  async revoke(workspaceId: string, id: string): Promise<Enrollment | null> {
    const { store, onRevoked } = this.#options;
    const revoked = await store.revoke(workspaceId, id);
    if (revoked === null) return null;
    await onRevoked?.(revoked);
    return describeEnrollment(revoked);
  }

  /** Removes what asked to be let in long ago, in one bounded batch; answers how many. */
  trim(olderThan: Date, limit: number): Promise<number> {
    return this.#options.store.trim(olderThan, limit);
  }
}
