import { arch, hostname, platform } from 'node:os';
import { Arch, Os } from '@boxyard/agent-proto/messages';
import type { MachineArchitecture, OperatingSystem } from '@boxyard/contracts';
import { PlainError } from './plain-error.ts';

/** The machine as the server is to know it. */
export interface DescribedMachine {
  readonly os: OperatingSystem;
  readonly arch: MachineArchitecture;
  readonly machineName: string;
}

const SYSTEMS: Readonly<Record<string, OperatingSystem>> = { linux: 'linux', darwin: 'macos' };
const ARCHITECTURES: Readonly<Record<string, MachineArchitecture>> = { x64: 'x86_64', arm64: 'aarch64' };

/** @throws PlainError on a machine that agents do not run on. */
export function describeMachine(name: string | undefined): DescribedMachine {
  const os = SYSTEMS[platform()];
  const architecture = ARCHITECTURES[arch()];
  if (os === undefined || architecture === undefined) {
    throw new PlainError(
      `Agents run on Linux and macOS, on x86_64 and aarch64; this is ${platform()} on ${arch()}.`,
    );
  }
  return { os, arch: architecture, machineName: name ?? hostname() };
}

/** The same in the numbers of the wire. */
export const onTheWire = ({ os, arch: architecture }: DescribedMachine) => ({
  os: { linux: Os.LINUX, macos: Os.MACOS, windows: Os.WINDOWS }[os],
  arch: { x86_64: Arch.X86_64, aarch64: Arch.AARCH64 }[architecture],
});
