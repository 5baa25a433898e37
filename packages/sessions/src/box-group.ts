import type { Backend, CreateSessionRequest } from '@boxyard/contracts';
import { type BoxGroup, SandboxError, type Sealer } from '@boxyard/sandbox-core';
import { environmentContext, sourceTokenContext } from './sealing-context.ts';

export interface FoundGroupOptions {
  readonly id: string;
  readonly workspaceId: string;
  readonly backend: Backend;
  readonly createdAt: Date;
  readonly sealer: Sealer;
}

/** The group that a request for a new box founds. Values are sealed before they are anywhere else. */
export function foundGroup(request: CreateSessionRequest, options: FoundGroupOptions): BoxGroup {
  const names = Object.keys(request.environment).sort();
  const git = request.source?.git;
  return {
    id: options.id,
    workspaceId: options.workspaceId,
    backend: options.backend,
    machineId: null,
    image: request.image ?? null,
    environmentNames: names,
    sealedEnvironment:
      names.length === 0
        ? null
        : options.sealer.seal(JSON.stringify(request.environment), environmentContext(options.id)),
    source: git ? { url: git.url, ref: git.ref ?? null } : null,
    sealedSourceToken: git?.token ? options.sealer.seal(git.token, sourceTokenContext(options.id)) : null,
    sourceClonedAt: null,
    resources: request.resources ?? {},
    idleTimeoutMs: request.idleTimeoutMs ?? null,
    maxLifetimeMs: request.maxLifetimeMs ?? null,
    restored: null,
    createdAt: options.createdAt,
  };
}

/**
 * The group of a box that a session goes to: another kind of box with everything else as at home. A workspace that
 * is carried there needs no source.
 */
export function groupLike(
  home: BoxGroup,
  kind: { readonly backend: Backend; readonly image?: string | undefined },
  options: {
    readonly id: string;
    readonly createdAt: Date;
    readonly sealer: Sealer;
    readonly carried: boolean;
  },
): BoxGroup {
  const { id, createdAt, sealer, carried } = options;
  const reseal = (sealed: string | null, context: (groupId: string) => string) =>
    sealed === null ? null : sealer.seal(sealer.unseal(sealed, context(home.id)), context(id));
  return {
    ...home,
    id,
    backend: kind.backend,
    machineId: null,
    image: kind.image ?? null,
    sealedEnvironment: reseal(home.sealedEnvironment, environmentContext),
    sealedSourceToken: reseal(home.sealedSourceToken, sourceTokenContext),
    sourceClonedAt: carried && home.source !== null ? createdAt : null,
    restored: null,
    createdAt,
  };
}

/** @throws SandboxError `invalid` when a request that joins a box also says how a box should be made. */
export function refuseBoxOptions(request: CreateSessionRequest): void {
  const given = [
    ['backend', request.backend],
    ['image', request.image],
    ['resources', request.resources],
    ['source', request.source],
    ['idleTimeoutMs', request.idleTimeoutMs],
    ['maxLifetimeMs', request.maxLifetimeMs],
    ['environment', Object.keys(request.environment).length > 0 || undefined],
  ].flatMap(([name, value]) => (value === undefined ? [] : [String(name)]));
  if (given.length > 0) {
    throw new SandboxError(
      'invalid',
      `A session that joins a box takes the box as it is. Leave out ${given.join(', ')}.`,
      { stage: 'session.create', started: 'no' },
    );
  }
}

/** The environment that the group's box was, or will be, created with. */
export function environmentOf(group: BoxGroup, sealer: Sealer): Readonly<Record<string, string>> {
  if (group.sealedEnvironment === null) return {};
  return JSON.parse(sealer.unseal(group.sealedEnvironment, environmentContext(group.id))) as Record<
    string,
    string
  >;
}

/** The token that the group's source is cloned with; null when it needs none. */
export function sourceTokenOf(group: BoxGroup, sealer: Sealer): string | null {
  if (group.sealedSourceToken === null) return null;
  return sealer.unseal(group.sealedSourceToken, sourceTokenContext(group.id));
}
