import { request } from 'node:http';

type Environment = Readonly<Record<string, string | undefined>>;

/** An engine on this machine answers at once; one that hangs is none. */
const ANSWER_WITHIN_MS = 1_000;
const DEFAULT_SOCKET = '/var/run/docker.sock';

/** The socket of a Docker Engine that answers; null where there is none. */
export function findDockerSocket(env: Environment): Promise<string | null> {
  const socketPath = env.BOXYARD_DOCKER_SOCKET ?? DEFAULT_SOCKET;
  return new Promise((resolve) => {
    const ping = request({ socketPath, path: '/_ping', timeout: ANSWER_WITHIN_MS }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200 ? socketPath : null);
    });
    ping.on('timeout', () => ping.destroy());
    ping.on('error', () => resolve(null));
    ping.end();
  });
}
