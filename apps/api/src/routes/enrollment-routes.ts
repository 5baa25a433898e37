import {
  ApproveEnrollmentRequest,
  CreatedEnrollmentToken,
  CreateEnrollmentTokenRequest,
  Enrollment,
  EnrollmentList,
  ExchangeEnrollmentTokenRequest,
  MachineCredentials,
  PageQuery,
  PendingEnrollment,
  PollEnrollmentRequest,
  PolledEnrollment,
  RefreshEnrollmentRequest,
  RefreshedEnrollment,
  StartEnrollmentRequest,
  StartedEnrollment,
  UserCodeRequest,
} from '@boxyard/contracts';
import type { Fleet } from '@boxyard/fleet';
import { type LimitedRoute, RefusedCredential } from '@boxyard/fleet/limits';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import type { ApiContext, RouteTable } from '../define-route.ts';
import { createEnrollmentLimits } from '../enrollment-limits.ts';
import { notFound } from '../gate.ts';
import { ApiError } from '../problem.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

/** The longest body of a machine holds two tokens. */
const DEVICE_BODY_BYTES = 16 * 1024;

const ENROLLMENT_ID = /^[0-9a-f-]{36}$/;

/** @throws ApiError `unsupported` for a server that was started without machines. */
export function fleetOf({ fleet }: Pick<ApiServices, 'fleet'>): Fleet {
  if (fleet !== null) return fleet;
  throw new ApiError(
    'unsupported',
    'This server has no machines of users. Start it with --machines, or set BOXYARD_MACHINES.',
  );
}

export function addEnrollmentRoutes(routes: RouteTable, services: ApiServices): void {
  addDeviceRoutes(routes, services);
  addDecisionRoutes(routes, services);
}

/** What a machine asks for itself: it shows a code or a token in the body, and no key. */
function addDeviceRoutes(routes: RouteTable, services: ApiServices): void {
  const limit = createEnrollmentLimits();
  const limited = (route: LimitedRoute) => ({
    maxBodyBytes: DEVICE_BODY_BYTES,
    guard: (c: ApiContext) => limit(c, route),
  });

  routes.add(
    {
      route: 'POST /v1/enrollments/device/start',
      ...limited('start'),
      tag: 'devices',
      name: 'start',
      summary: 'A machine asks to be enrolled; a person decides about its user code',
      body: StartEnrollmentRequest,
      status: 201,
      answer: StartedEnrollment,
    },
    async ({ body }) => {
      const { devices, addresses } = fleetOf(services);
      const { workspaceId: idOrSlug, exposure: _, ...machine } = body;
      const workspace = await services.workspaces.find(idOrSlug);
      if (workspace === null) throw notFound('workspace');
      const { deviceCode, userCode, intervalMs, ttlMs } = await devices.start(workspace.id, machine);
      const verificationUri = `${addresses().publicUrl}/enroll`;
      return {
        deviceCode,
        userCode,
        verificationUri,
        verificationUriComplete: `${verificationUri}?code=${userCode}`,
        intervalSeconds: Math.ceil(intervalMs / 1000),
        expiresInSeconds: Math.floor(ttlMs / 1000),
      };
    },
  );

  routes.add(
    {
      route: 'POST /v1/enrollments/device/poll',
      ...limited('poll'),
      tag: 'devices',
      name: 'poll',
      summary: 'Whether somebody has decided; once they have, the credentials',
      repeatable: 'always',
      body: PollEnrollmentRequest,
      status: 200,
      answer: PolledEnrollment,
    },
    async ({ body }, c) => {
      const polled = await fleetOf(services).devices.poll(body.deviceCode, (grant) =>
        Object.assign(actOf(c), {
          workspaceId: grant.workspaceId,
          actor: { kind: 'machine', id: grant.enrollmentId },
          target: grant.enrollmentId,
          refused: true,
          detail: { fault: 'token.replayed' },
        }),
      );
      if (!('intervalMs' in polled)) return polled;
      return { state: polled.state, intervalSeconds: Math.ceil(polled.intervalMs / 1000) };
    },
  );

  routes.add(
    {
      route: 'POST /v1/enrollments/device/lookup',
      ...limited('lookup'),
      tag: 'devices',
      name: 'lookup',
      summary: 'Which machine waits with a user code, and what it asks for',
      repeatable: 'always',
      body: UserCodeRequest,
      status: 200,
      answer: PendingEnrollment,
    },
    async ({ body }) => fleetOf(services).devices.lookup(body.userCode),
  );

  routes.add(
    {
      route: 'POST /v1/enrollments/token/exchange',
      ...limited('exchange'),
      tag: 'devices',
      name: 'exchangeToken',
      summary: 'A machine enrolls itself with an enrollment token',
      body: ExchangeEnrollmentTokenRequest,
      status: 201,
      answer: MachineCredentials,
    },
    async ({ body }, c) => {
      const { token, exposure: _, ...machine } = body;
      const exchanged = await auditingRefusals(c, () => fleetOf(services).tokens.exchange(token, machine));
      const { enrollment, actor, credentials } = exchanged;
      Object.assign(actOf(c), { actor, workspaceId: enrollment.workspaceId, target: enrollment.id });
      return credentials;
    },
  );

  routes.add(
    {
      route: 'POST /v1/enrollments/refresh',
      ...limited('refresh'),
      tag: 'devices',
      name: 'refresh',
      summary: 'New credentials for a machine that signs a challenge',
      body: RefreshEnrollmentRequest,
      status: 200,
      answer: RefreshedEnrollment,
    },
    async ({ body: { bearer, proof } }, c) => {
      const { renewal } = fleetOf(services);
      return auditingRefusals(c, async () => {
        if (proof !== undefined)
          return { state: 'authorized', credentials: await renewal.renew(bearer, proof) } as const;
        const { challenge, expiresAt } = await renewal.challenge(bearer);
        return { state: 'challenge', challenge, expiresAt: expiresAt.toISOString() } as const;
      });
    },
  );
}

/** A genuine token that is refused is written down in the audit of the workspace that it was made for. */
async function auditingRefusals<Result>(c: ApiContext, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof RefusedCredential) {
      const { workspaceId, actor, stage } = error;
      Object.assign(actOf(c), { workspaceId, actor, target: actor.id, detail: { fault: stage } });
    }
    throw error;
  }
}

/** What people decide, with a key of the workspace. */
function addDecisionRoutes(routes: RouteTable, services: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/enrollments/device/approve',
      tag: 'enrollments',
      name: 'approveDevice',
      summary: 'Let the machine in that waits with this user code',
      body: ApproveEnrollmentRequest,
      status: 201,
      answer: Enrollment,
    },
    async ({ body }, c) => {
      const { devices, enrollments } = fleetOf(services);
      const approved = await devices.approve(c.get('workspace').id, body.userCode, {
        approvedBy: c.get('key').id,
        allowScreenControl: body.allowScreenControl,
      });
      actOf(c).target = approved.id;
      actOf(c).detail = { screenControl: approved.allowScreenControl ? 'allowed' : 'withheld' };
      return enrollments.describe(approved);
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/enrollments/device/deny',
      tag: 'enrollments',
      name: 'denyDevice',
      summary: 'Send the machine away that waits with this user code',
      body: UserCodeRequest,
      status: 200,
      answer: PendingEnrollment,
    },
    async ({ body }, c) => {
      const denied = await fleetOf(services).devices.deny(c.get('workspace').id, body.userCode);
      actOf(c).target = denied.userCode;
      return denied;
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/enrollments/token',
      tag: 'enrollments',
      name: 'createToken',
      summary: 'Make a token that machines enroll themselves with; it is in this answer only',
      body: CreateEnrollmentTokenRequest,
      status: 201,
      answer: CreatedEnrollmentToken,
    },
    async ({ body }, c) => {
      const { id, ...token } = await fleetOf(services).tokens.create({
        workspaceId: c.get('workspace').id,
        createdBy: c.get('key').id,
        allowScreenControl: body.allowScreenControl,
        uses: body.uses,
        ttlMs: body.expiresInSeconds * 1000,
      });
      actOf(c).target = id;
      return token;
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/enrollments',
      tag: 'enrollments',
      name: 'list',
      summary: 'Machines that were let in, newest first, revoked ones too',
      query: PageQuery,
      status: 200,
      answer: EnrollmentList,
    },
    async ({ query: { cursor, limit } }, c) => {
      const after = cursor === undefined ? undefined : decodeCursor(cursor, ENROLLMENT_ID);
      const found = await fleetOf(services).enrollments.list(c.get('workspace').id, {
        limit: limit + 1,
        after,
      });
      const items = found.slice(0, limit);
      return { items, nextCursor: found.length > limit ? encodeCursor(items.at(-1)!.id) : null };
    },
  );

  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/enrollments/:enrollmentId/revoke',
      tag: 'enrollments',
      name: 'revoke',
      repeatable: 'always',
      summary: 'Send an enrolled machine away for good; its live connection is cut',
      status: 200,
      answer: Enrollment,
    },
    async (_, c) => {
      const id = c.req.param('enrollmentId') ?? '';
      const revoked = await fleetOf(services).enrollments.revoke(c.get('workspace').id, id);
      if (revoked === null) throw notFound('enrollment');
      return revoked;
    },
  );
}
