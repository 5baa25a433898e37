// How a container of a box is made: what it may take, and everything that it may not.
import { type BoxResources, type BoxTag, SandboxError } from '@boxyard/sandbox-core';
import type { ContainerCreateOptions } from 'dockerode';
import { containerName, labelsOf } from './box-labels.ts';
import { ENTRY_SCRIPT } from './entry-shell.ts';
import type { CheckedOptions } from './options.ts';

/** Everything in a box runs as this user, also where the image has no name for it. */
export const BOX_USER = '1000:1000';
export const BOX_UID = 1000;
export const WORKSPACE = '/workspace';
/** Outside the workspace, so that no archive holds them. */
export const SYSTEM_DIR = '/var/lib/boxyard';
export const SPOOL_DIR = '/var/lib/boxyard/spool';
export const STAGE_DIR = '/var/lib/boxyard/stage';
/** Below the system's folder, and the system's own: nothing in the box can put a link in its place. */
export const INBOX_NAME = 'inbox';
export const INBOX_DIR = `${SYSTEM_DIR}/${INBOX_NAME}`;

const MIB = 1024 * 1024;

export interface ContainerWish {
  readonly tag: BoxTag;
  readonly image: string;
  readonly resources: BoxResources;
  readonly limits: CheckedOptions['limits'];
  readonly network: string;
  /** Cores that the engine has. */
  readonly cpus: number;
  /** Mebibytes; null where the engine cannot limit a container's disk. */
  readonly diskMb: number | null;
}

export function containerRequest(wish: ContainerWish): ContainerCreateOptions {
  const { tag, resources, limits } = wish;
  const memory = (resources.memoryMb ?? limits.memoryMb) * MIB;
  const cpu = resources.cpu ?? Math.min(limits.cpu, wish.cpus);
  return {
    name: containerName(tag),
    Image: wish.image,
    Labels: labelsOf(tag),
    Entrypoint: ['/bin/sh', '-c', ENTRY_SCRIPT],
    Cmd: [],
    OpenStdin: true,
    User: BOX_USER,
    WorkingDir: '/',
    StopTimeout: 2,
    HostConfig: {
      // Orphans of commands are collected by somebody.
      Init: true,
      NetworkMode: wish.network,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      IpcMode: 'private',
      Memory: memory,
      MemorySwap: memory,
      NanoCpus: Math.round(cpu * 1e9),
      PidsLimit: resources.pids ?? limits.pids,
      RestartPolicy: { Name: 'no' },
      LogConfig: { Type: 'none', Config: {} },
      ...(wish.diskMb === null ? {} : { StorageOpt: { size: `${wish.diskMb}M` } }),
    },
  };
}

/** @throws SandboxError `invalid` for what is no limit. */
export function checkResources(resources: BoxResources = {}): void {
  for (const [name, value] of Object.entries(resources)) {
    if (value === undefined) continue;
    const isWhole = name === 'cpu' || Number.isInteger(value);
    if (Number.isFinite(value) && value > 0 && isWhole) continue;
    throw new SandboxError(
      'invalid',
      `A box with ${name} of ${value} is not possible. Give a positive ${name === 'cpu' ? '' : 'whole '}number.`,
      { started: 'no', stage: 'create' },
    );
  }
}
