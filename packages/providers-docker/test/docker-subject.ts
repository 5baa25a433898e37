// Boxes of a real engine as subjects of the conformance suite, and what others do to them from outside.
import type { BoxSubject, ProviderSubject } from '@boxyard/sandbox-conformance';
import type { Box, Provider } from '@boxyard/sandbox-core';
import { pause, unpause } from '@tooling/docker-engine';
import Docker from 'dockerode';
import { dockerProvider } from '../src/index.ts';

const LABEL = 'io.boxyard.deployment';

export interface TestPlace {
  readonly socketPath: string;
  readonly image: string;
  /** Names what these tests made, so that all of it can be removed. */
  readonly deployment: string;
}

const providerOf = ({ socketPath, image }: TestPlace) =>
  dockerProvider({ socketPath, defaultImage: image, network: 'boxyard-test' });

// Prints what is left of commands: processes that are no shell of ours, and files of the spool and the stage.
const LEFTOVERS = `
for p in /proc/[0-9]*; do
  [ "\${p#/proc/}" -gt 1 ] && [ "\${p#/proc/}" != $$ ] || continue
  read -r x <$p/stat || continue
  x=\${x##*) }
  set -- $x
  [ "$1" != Z ] && [ "$1" != X ] || continue
  line=$(tr '\\0\\n' '  ' <$p/cmdline) || continue
  case $line in
    /sbin/docker-init*|*'while read -r line'*|'') continue;;
    *' boxyard /var/lib/boxyard/'*)
      [ "$4" = "\${p#/proc/}" ] && continue
      # The one that the container's first process has started.
      case $(tr '\\0\\n' '  ' <"/proc/$2/cmdline") in *'while read -r line'*) continue;; esac;;
  esac
  # Children of this look itself
  [ "$4" = $$ ] && continue
  echo "\${p#/proc/} $line" | tail -c 300
done
ls -A /var/lib/boxyard/spool /var/lib/boxyard/stage | grep -v -e '^epoch$' -e '^$' -e ':$'
true`;

/** By image: a box of an image that its provider knows already gets its shell in another way than the first one. */
const makers = new Map<string, Provider>();

export async function openDockerSubject(place: TestPlace, group: string): Promise<BoxSubject> {
  const maker = `${place.socketPath} ${place.image}`;
  const provider = makers.get(maker) ?? providerOf(place);
  makers.set(maker, provider);
  const tag = { deployment: place.deployment, group, epoch: 1 };
  const box: Box = await provider.create({ tag, environment: {} });
  const docker = new Docker({ socketPath: place.socketPath });
  const container = docker.getContainer(box.ref.instance);
  let destroyed = false;
  return {
    box,
    reopen: () => providerOf(place).resume(box.ref, { epoch: 1, environment: {} }),
    freeze: () => pause(docker, box.ref.instance),
    thaw: () => unpause(docker, box.ref.instance),
    killHost: async () => {
      destroyed = true;
      await container.remove({ force: true, v: true });
    },
    leftovers: async () => {
      if (destroyed) return [];
      const exec = await container.exec({
        Cmd: ['/bin/sh', '-c', LEFTOVERS],
        User: '1000:1000',
        AttachStdout: true,
        AttachStderr: true,
      });
      const stream = await exec.start({ hijack: true, stdin: false });
      const parts: Buffer[] = [];
      for await (const part of stream) parts.push(part as Buffer);
      const printed = demuxed(Buffer.concat(parts));
      return printed.split('\n').filter((line) => line.trim() !== '');
    },
    dispose: async () => {
      await box.close();
      await provider.destroy(box.ref);
    },
  };
}

export function dockerProviderSubject(place: TestPlace): ProviderSubject {
  const docker = new Docker({ socketPath: place.socketPath });
  return {
    provider: providerOf(place),
    again: () => providerOf(place),
    lose: (instance) => docker.getContainer(instance).remove({ force: true, v: true }),
    goneTable: [
      { what: 'no container', error: engineAnswer(404, 'No such container: 4e5f'), gone: true },
      { what: 'no image', error: engineAnswer(404, 'No such image: none:latest'), gone: false },
      { what: 'no network', error: engineAnswer(404, 'network boxyard not found'), gone: false },
      {
        what: 'no file',
        error: engineAnswer(404, 'Could not find the file /x in container 4e5f'),
        gone: false,
      },
      { what: 'not running', error: engineAnswer(409, 'Container 4e5f is not running'), gone: false },
      {
        what: 'no engine',
        error: Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' }),
        gone: false,
      },
    ],
    // Other test runs may use the same engine: only groups that this process named.
    dispose: () => removeBoxes(place, `-${process.pid.toString(36)}-`),
  };
}

/** Every container of this deployment whose group holds the word, whatever became of the test. */
export async function removeBoxes(
  { socketPath, deployment }: Omit<TestPlace, 'image'>,
  word = '',
): Promise<void> {
  const docker = new Docker({ socketPath });
  const left = await docker.listContainers({ all: true, filters: { label: [`${LABEL}=${deployment}`] } });
  await Promise.all(
    left
      .filter(({ Labels }) => Labels['io.boxyard.group']?.includes(word))
      .map(({ Id }) =>
        docker
          .getContainer(Id)
          .remove({ force: true, v: true })
          .catch((error: { statusCode?: number }) => {
            if (error.statusCode !== 404 && error.statusCode !== 409) throw error;
          }),
      ),
  );
}

function engineAnswer(statusCode: number, message: string): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) - ${message}`), {
    statusCode,
    json: { message },
  });
}

function demuxed(bytes: Buffer): string {
  let text = '';
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    text += bytes.toString('utf8', at + 8, at + 8 + length);
    at += 8 + length;
  }
  return text;
}
