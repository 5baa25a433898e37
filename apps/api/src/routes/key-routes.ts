import { randomBytes } from 'node:crypto';
import { CreatedKey, CreateKeyRequest, type Key, KeyList, PageQuery } from '@boxyard/contracts';
import type { KeyRecord } from '@boxyard/sandbox-core';
import { v7 as uuidv7 } from 'uuid';
import type { RouteTable } from '../define-route.ts';
import { notFound } from '../gate.ts';
import { hashToken } from '../key-ring.ts';
import { ApiError } from '../problem.ts';
import { actOf } from '../request-audit.ts';
import type { ApiServices } from '../services.ts';

/** Recognised by secret scanners, and by people who find one where it should not be. */
const TOKEN_PREFIX = 'byk_';

/** 256 random bits: nobody guesses it, so a plain hash is enough to store it by. */
export const newToken = (): string => TOKEN_PREFIX + randomBytes(32).toString('base64url');

export const describeKey = (key: KeyRecord): Key => ({
  id: key.id,
  workspaceId: key.workspaceId,
  name: key.name,
  permissions: [...key.permissions],
  createdAt: key.createdAt.toISOString(),
  expiresAt: key.expiresAt?.toISOString() ?? null,
  revokedAt: key.revokedAt?.toISOString() ?? null,
});

export function addKeyRoutes(routes: RouteTable, { keys }: ApiServices): void {
  routes.add(
    {
      route: 'POST /v1/workspaces/:ws/keys',
      tag: 'keys',
      name: 'create',
      summary: 'Make a key; its token is in this answer only',
      body: CreateKeyRequest,
      status: 201,
      answer: CreatedKey,
    },
    async ({ body }, c) => {
      const held = c.get('key').permissions;
      const beyond = body.permissions.filter((permission) => !held.includes(permission));
      if (beyond.length > 0) {
        throw new ApiError('denied', `Nobody grants more than they hold. Leave out ${beyond.join(', ')}.`);
      }
      const token = newToken();
      const key: KeyRecord = {
        id: uuidv7(),
        workspaceId: c.get('workspace').id,
        name: body.name,
        secretSha256: hashToken(token),
        permissions: body.permissions,
        createdAt: new Date(),
        expiresAt: expiryOf(body.expiresAt, c.get('key')),
        revokedAt: null,
      };
      actOf(c).target = key.id;
      await keys.create(key);
      return { ...describeKey(key), token };
    },
  );

  routes.add(
    {
      route: 'GET /v1/workspaces/:ws/keys',
      tag: 'keys',
      name: 'list',
      summary: 'The keys of a workspace, without their tokens',
      query: PageQuery,
      status: 200,
      answer: KeyList,
    },
    async (_, c) => ({
      items: (await keys.list(c.get('workspace').id)).map(describeKey),
      nextCursor: null,
    }),
  );

  routes.add(
    {
      route: 'DELETE /v1/workspaces/:ws/keys/:keyId',
      tag: 'keys',
      name: 'revoke',
      repeatable: 'always',
      summary: 'Revoke a key; it stops working everywhere within a second',
      status: 204,
    },
    async (_, c) => {
      if (!(await keys.revoke(c.get('workspace').id, c.req.param('keyId') ?? ''))) throw notFound('key');
      return {};
    },
  );
}

/** A key cannot outlive the one that made it. */
function expiryOf(asked: string | undefined, maker: KeyRecord): Date | null {
  const expiresAt = asked === undefined ? maker.expiresAt : new Date(asked);
  if (expiresAt === null) return null;
  if (expiresAt.getTime() <= Date.now()) {
    throw new ApiError('invalid', "The key's expiresAt has passed already. Choose a later time.");
  }
  if (maker.expiresAt !== null && expiresAt > maker.expiresAt) {
    throw new ApiError(
      'denied',
      `A key cannot outlive the one that made it: choose a time up to ${maker.expiresAt.toISOString()}.`,
    );
  }
  return expiresAt;
}
