// The image that a box is made of: found, built when it is our own and missing, else pulled.
import { SandboxError } from '@boxyard/sandbox-core';
import { BOX_UID } from './container-request.ts';
import { DEFAULT_DOCKERFILE } from './default-dockerfile.ts';
import type { Engine, ImageState } from './engine.ts';
import { textOf } from './engine-error.ts';
import { DEFAULT_IMAGE } from './options.ts';
import { tarOfEntries } from './tar-of-files.ts';

/** Set by our Dockerfile: the folders of a box are there already, with their owner. */
const PREPARED_LABEL = 'io.boxyard.prepared';

export interface BoxImage {
  readonly id: string;
  readonly prepared: boolean;
}

export class BoxImages {
  readonly #engine: Engine;
  readonly #known = new Map<string, Promise<BoxImage>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Built when it is our own and missing, pulled when it is another. A pull goes on when its caller gives up.
   *
   * @throws SandboxError `configuration` when the engine lacks the image and cannot pull it.
   */
  ensure(name: string, network: string): Promise<BoxImage> {
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const found = this.#find(name, network);
    this.#known.set(name, found);
    found.catch(() => this.#known.delete(name));
    return found;
  }

  /** After the engine said that it is not there any more. */
  forget(name: string): void {
    this.#known.delete(name);
  }

  async #find(name: string, network: string): Promise<BoxImage> {
    const present = await this.#engine.image(name);
    if (present !== null) return boxImage(present);
    if (name !== DEFAULT_IMAGE) return this.#pull(name);
    await this.#engine.build(name, await defaultImageContext(), network);
    const built = await this.#engine.image(name);
    if (built !== null) return boxImage(built);
    throw new SandboxError('unreachable', `Building the image ${name} made nothing. Look at the engine.`, {
      started: 'unknown',
    });
  }

  async #pull(name: string): Promise<BoxImage> {
    let why = 'it was not there afterwards';
    let cause: unknown;
    try {
      await this.#engine.pull(name);
      const pulled = await this.#engine.image(name);
      if (pulled !== null) return boxImage(pulled);
    } catch (error) {
      // Without an engine there is nothing to be said about its images.
      if (SandboxError.isInstance(error) && error.stage === 'engine') throw error;
      cause = SandboxError.isInstance(error) ? error.cause : error;
      why = textOf(cause ?? error);
    }
    throw new SandboxError(
      'configuration',
      `Making a box failed: the engine does not have the image ${name} and cannot pull it: ${why}. Load or build it there, or correct its name in the list of images.`,
      { started: 'no', stage: 'create', cause },
    );
  }
}

function boxImage({ id, labels }: ImageState): BoxImage {
  return { id, prepared: labels[PREPARED_LABEL] === '1' };
}

/** What the engine builds our own image from. */
function defaultImageContext(): Promise<Buffer> {
  return tarOfEntries([{ name: 'Dockerfile', mode: 0o644, owner: 0, content: DEFAULT_DOCKERFILE }]);
}

/** The folders of a box, for an image that does not bring them: the engine unpacks this into `/`. */
export function boxFolders(): Promise<Buffer> {
  return tarOfEntries([
    { name: 'workspace/', mode: 0o755, owner: BOX_UID },
    // Its parent stays the system's, so that nothing in the box can put a link in its place.
    { name: 'var/lib/boxyard/', mode: 0o755, owner: 0 },
    { name: 'var/lib/boxyard/spool/', mode: 0o700, owner: BOX_UID },
    { name: 'var/lib/boxyard/stage/', mode: 0o700, owner: BOX_UID },
  ]);
}
