import { z } from 'zod';

/** Built from this package's own Dockerfile when the engine does not have it. */
export const DEFAULT_IMAGE = 'boxyard/box:1';

// The networks `host` and `container:…` would be no walls at all; `none` has no ports and `default` another name.
const Name = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/)
  .refine((name) => !['host', 'none', 'default'].includes(name), 'names no bridge of its own');
const ImageName = z.string().regex(/^[a-z0-9][a-zA-Z0-9_.:@/-]{0,254}$/);

/** What a box may take when its request does not say. */
const Limits = z.strictObject({
  /** Cores; fewer where the engine has fewer. */
  cpu: z.number().positive().default(2),
  /** Mebibytes, swap included. */
  memoryMb: z.int().min(6).default(4096),
  /** Processes and threads. */
  pids: z.int().positive().default(1024),
  /** Mebibytes; applied where the engine's storage can limit a container. */
  diskMb: z.int().positive().default(10_240),
});

/** What a Docker provider is made with. */
export const DockerProviderOptions = z.strictObject({
  /** The engine's socket. When absent that of `DOCKER_HOST` if it is `unix://`, else `/var/run/docker.sock`. */
  socketPath: z.string().min(1).optional(),
  /** The images that boxes may be made of; the default image is always one of them. */
  images: z.array(ImageName).default([]),
  /** The image of a box whose request names none. */
  defaultImage: ImageName.default(DEFAULT_IMAGE),
  /** The bridge that boxes are attached to; made when it is missing, without traffic between its containers. */
  network: Name.default('boxyard'),
  /** One more network that each box joins, for instance to reach a database. */
  extraNetwork: Name.optional(),
  limits: Limits.prefault({}),
  /** Bytes of output that one command may leave before it is ended. */
  maxSpoolBytes: z.int().positive().optional(),
  /** Bytes of output that all commands of a box may leave before no further one is started. */
  maxBoxSpoolBytes: z.int().positive().optional(),
});
export type DockerProviderOptions = z.input<typeof DockerProviderOptions>;
export type CheckedOptions = z.output<typeof DockerProviderOptions>;

/**
 * Where the engine listens.
 *
 * @throws Error for a `DOCKER_HOST` that is no Unix socket.
 */
export function engineSocket(socketPath: string | undefined): string {
  if (socketPath !== undefined) return socketPath;
  const host = process.env.DOCKER_HOST ?? '';
  return host.startsWith('unix://') ? host.slice('unix://'.length) : '/var/run/docker.sock';
}
