import {
  available,
  BACKEND_TABLE,
  type Box,
  type BoxRef,
  type CallOptions,
  type Provider,
  unavailable,
} from '@boxyard/sandbox-core';

/** Local boxes under the name of another backend, which the test may spoil. */
export function secondBackend(local: Provider, spoil: (box: Box) => Box): Provider {
  const toLocal = (ref: BoxRef): BoxRef => ({ ...ref, provider: local.name });
  const own = (box: Box): Box => {
    const spoilt = spoil(box);
    return {
      ref: { ...box.ref, provider: 'docker' },
      workspaceRoot: box.workspaceRoot,
      epoch: box.epoch,
      capabilities: spoilt.capabilities,
      files: box.files,
      exec: (...call) => box.exec(...call),
      spawn: (...call) => box.spawn(...call),
      close: () => box.close(),
      [Symbol.asyncDispose]: () => box.close(),
    };
  };
  const { parking } = local;
  return {
    ...local,
    name: 'docker',
    descriptor: BACKEND_TABLE.docker,
    create: async (...call) => own(await local.create(...call)),
    resume: async (ref, call) => own(await local.resume(toLocal(ref), call)),
    destroy: (ref, call) => local.destroy(toLocal(ref), call),
    parking: parking.available
      ? available({ park: (ref: BoxRef, call?: CallOptions) => parking.use.park(toLocal(ref), call) })
      : parking,
    listing: unavailable('Nobody asks for it here.'),
  };
}
