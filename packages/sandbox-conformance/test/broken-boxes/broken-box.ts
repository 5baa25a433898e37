import {
  available,
  type Box,
  type BoxCapabilities,
  type BoxFiles,
  type BoxProcess,
  type Capability,
  type SpawnRequest,
} from '@boxyard/sandbox-core';
import type { MemoryMachine } from '../../src/index.ts';

/** A box with one thing wrong, and the case that has to find it. */
export interface BrokenBox {
  /** What is wrong, as a sentence. */
  readonly wrong: string;
  /** The id of the one case of its area that fails. */
  readonly breaks: string;
  /** For what is found by waiting in vain: how long that case waits. */
  readonly waitMs?: number;
  wrap(box: Box, machine: MemoryMachine): Box;
}

/** The same object with some members replaced. */
export function overridden<T extends object>(target: T, members: Partial<T>): T {
  return new Proxy(target, {
    get(from, key) {
      if (Object.hasOwn(members, key)) return Reflect.get(members, key);
      const member: unknown = Reflect.get(from, key, from);
      return typeof member === 'function' ? member.bind(from) : member;
    },
  });
}

export const withFiles = (box: Box, replace: (files: BoxFiles) => Partial<BoxFiles>): Box =>
  overridden(box, { files: overridden(box.files, replace(box.files)) });

/** Every command that the box gives out, by spawn or by attach, with some members replaced. */
export function withProcesses(
  box: Box,
  replace: (process: BoxProcess, request: SpawnRequest | null) => Partial<BoxProcess>,
): Box {
  const { attach } = box.capabilities;
  const changed = (process: BoxProcess, request: SpawnRequest | null) =>
    overridden(process, replace(process, request));
  return overridden(box, {
    spawn: async (request, options) => changed(await box.spawn(request, options), request),
    capabilities: overridden(box.capabilities, {
      attach: attach.available
        ? available(
            overridden(attach.use, {
              attach: async (id, options) => changed(await attach.use.attach(id, options), null),
            }),
          )
        : attach,
    }),
  });
}

/** One capability with some members of its use replaced. */
export function withUse<Name extends 'attach' | 'archives' | 'watch'>(
  box: Box,
  name: Name,
  replace: (use: UseOf<Name>) => Partial<UseOf<Name>>,
): Box {
  const capability: Capability<UseOf<Name>> = box.capabilities[name] as Capability<UseOf<Name>>;
  if (!capability.available) throw new Error(`${name} is unavailable, so it cannot be broken`);
  const broken = available(overridden(capability.use, replace(capability.use)));
  const members: Partial<BoxCapabilities> = { [name]: broken };
  return overridden(box, { capabilities: overridden(box.capabilities, members) });
}

type UseOf<Name extends keyof BoxCapabilities> = Extract<BoxCapabilities[Name], { available: true }>['use'];

/** The promise's value, or `instead` when it fails with this code. */
export async function unless<T>(
  code: string,
  promise: Promise<T>,
  instead: () => T | Promise<T>,
): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    if ((error as { code?: string }).code === code) return instead();
    throw error;
  }
}
