// The judged cloud as a provider, over whatever carries the requests: a socket, or a call in one process.
import {
  available,
  BACKEND_TABLE,
  type Box,
  type BoxArchives,
  type BoxFiles,
  type BoxProcess,
  type BoxRef,
  type CallOptions,
  defineProvider,
  type ExecRequest,
  type ExecResult,
  isGoneError,
  type Provider,
  SandboxError,
  unavailable,
} from '@boxyard/sandbox-core';
import type { AskCloud } from './cloud-call.ts';

const NAME = 'docker';
const NOTHING = new Uint8Array();
const refOf = (instance: string): BoxRef => ({ provider: NAME, instance, resume: {} });
const lacking = async (): Promise<never> => {
  throw new SandboxError('unsupported', 'A box of the model has commands and archives only.');
};

/** Its commands are `true` and `write NAME`. */
class ModelBox implements Box {
  readonly ref: BoxRef;
  readonly workspaceRoot = '/workspace';
  readonly epoch: number;
  readonly capabilities: Box['capabilities'];
  readonly files: BoxFiles = {
    read: lacking,
    open: lacking,
    write: lacking,
    version: lacking,
    stat: lacking,
    list: lacking,
    move: lacking,
    remove: lacking,
    mkdir: lacking,
  };
  readonly #ask: AskCloud;

  constructor(ask: AskCloud, instance: string, epoch: number) {
    this.#ask = ask;
    this.ref = refOf(instance);
    this.epoch = epoch;
    const none = unavailable('A box of the model has commands and archives only.');
    this.capabilities = {
      attach: none,
      archives: available(archivesOf(ask, instance)),
      terminal: none,
      watch: none,
      ports: none,
      desktop: none,
    };
  }

  async exec({ program }: ExecRequest): Promise<ExecResult> {
    const { instance } = this.ref;
    if ('argv' in program)
      await this.#ask({ do: 'write', instance, epoch: this.epoch, write: program.argv[1] ?? '' });
    else await this.#ask({ do: 'run', instance });
    return {
      exitCode: 0,
      signal: null,
      endedBy: 'itself',
      stdout: NOTHING,
      stderr: NOTHING,
      truncated: false,
      outputComplete: true,
      durationMs: 0,
    };
  }

  spawn(): Promise<BoxProcess> {
    return lacking();
  }

  async close(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

const manifestOf = (writes: readonly string[]) => ({
  version: 1 as const,
  entries: writes.map((path) => ({ path, kind: 'file' as const, mode: 0o644, sizeBytes: 0 })),
});

function archivesOf(ask: AskCloud, instance: string): BoxArchives {
  return {
    async pack() {
      const { writes = [] } = await ask({ do: 'pack', instance });
      return {
        stream: new Blob([JSON.stringify(writes)]).stream(),
        manifest: Promise.resolve(manifestOf(writes)),
      };
    },
    async unpack(archive) {
      const writes: readonly string[] = JSON.parse(await new Response(archive).text());
      await ask({ do: 'unpack', instance, writes });
      return { files: writes.length, sizeBytes: 0, manifest: manifestOf(writes) };
    },
  };
}

export function cloudProvider(ask: AskCloud): Provider {
  return defineProvider({
    name: NAME,
    descriptor: BACKEND_TABLE.docker,
    accept: () => undefined,
    workspaceRoot: () => '/workspace',
    async create({ tag }) {
      const { instance = '' } = await ask({ do: 'create', tag });
      return new ModelBox(ask, instance, tag.epoch);
    },
    async resume({ instance }, { epoch }) {
      await ask({ do: 'resume', instance });
      return new ModelBox(ask, instance, epoch);
    },
    async destroy({ instance }) {
      await ask({ do: 'destroy', instance });
    },
    parking: unavailable('A box of the model is destroyed.'),
    listing: available({
      async *list(_options?: CallOptions) {
        const { boxes = [] } = await ask({ do: 'list' });
        for (const { instance, tag } of boxes) yield { ref: refOf(instance), tag };
      },
    }),
    isGone: (error) => isGoneError(NAME, error),
  });
}
