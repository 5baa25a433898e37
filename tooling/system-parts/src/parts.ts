/** A program that tests need and that npm cannot bring. */
export interface SystemPart {
  readonly name: PartName;
  /** What a person calls it. */
  readonly title: string;
  /** Any one of these on PATH means that the part is there. */
  readonly programs: readonly [string, ...string[]];
  readonly debianPackage: string;
  /** The workspace packages whose tests need it now. A part that nobody needs is listed, never installed. */
  readonly neededBy: readonly string[];
}

export type PartName =
  | 'git'
  | 'python'
  | 'nats-server'
  | 'iproute2'
  | 'systemd'
  | 'openssl'
  | 'docker'
  | 'debootstrap'
  | 'busybox'
  | 'btrfs'
  | 'x-server'
  | 'xvfb'
  | 'ffmpeg'
  | 'chromium';

const DOCKER_TESTS = [
  '@boxyard/agents-bridge',
  '@boxyard/boxyard',
  '@boxyard/providers-docker',
  '@tooling/capability-matrix',
  '@tooling/docker-engine',
];

const NATS_TESTS = [
  '@boxyard/agent',
  '@boxyard/boxyard',
  '@boxyard/bus-nats',
  '@boxyard/fleet',
  '@boxyard/selfhosted',
  '@tooling/nats-server',
  '@tooling/scale-out',
];

/** Postgres is not here: its binaries come from npm with `@boxyard/store-postgres`. */
export const SYSTEM_PARTS: readonly SystemPart[] = [
  {
    name: 'git',
    title: 'git',
    programs: ['git'],
    debianPackage: 'git',
    neededBy: [
      '@boxyard/agents-bridge',
      '@boxyard/channel-a',
      '@boxyard/api',
      '@boxyard/boxyard',
      '@boxyard/turns',
    ],
  },
  {
    name: 'python',
    title: "Python 3, which the Agents SDK's local session runs on, and which reads property lists",
    programs: ['python3'],
    debianPackage: 'python3',
    neededBy: ['@boxyard/agent', '@boxyard/agents-bridge'],
  },
  {
    name: 'nats-server',
    title: 'NATS server',
    programs: ['nats-server'],
    debianPackage: 'nats-server',
    neededBy: NATS_TESTS,
  },
  {
    name: 'iproute2',
    title: 'iproute2',
    programs: ['ip'],
    debianPackage: 'iproute2',
    neededBy: ['@boxyard/boxyard'],
  },
  {
    name: 'systemd',
    title: 'systemd, which judges the units that we write',
    programs: ['systemd-analyze'],
    debianPackage: 'systemd',
    neededBy: ['@boxyard/agent'],
  },
  {
    name: 'openssl',
    title: 'openssl, which makes certificates for tests',
    programs: ['openssl'],
    debianPackage: 'openssl',
    neededBy: ['@boxyard/fleet'],
  },
  {
    name: 'docker',
    title: 'Docker Engine',
    programs: ['dockerd'],
    debianPackage: 'docker.io',
    neededBy: DOCKER_TESTS,
  },
  {
    name: 'debootstrap',
    title: 'debootstrap, which makes the base image of test containers',
    programs: ['debootstrap'],
    debianPackage: 'debootstrap',
    neededBy: DOCKER_TESTS,
  },
  {
    name: 'busybox',
    title: 'busybox',
    programs: ['busybox'],
    debianPackage: 'busybox-static',
    neededBy: [...DOCKER_TESTS, '@boxyard/sandbox-core'],
  },
  {
    name: 'btrfs',
    title: 'btrfs tools, for containers with a disk quota',
    programs: ['mkfs.btrfs'],
    debianPackage: 'btrfs-progs',
    neededBy: DOCKER_TESTS,
  },
  {
    name: 'x-server',
    title: 'X server (TigerVNC)',
    programs: ['Xvnc', 'Xtigervnc'],
    debianPackage: 'tigervnc-standalone-server',
    neededBy: [],
  },
  {
    name: 'xvfb',
    title: 'Xvfb, an X server without a monitor',
    programs: ['Xvfb'],
    debianPackage: 'xvfb',
    neededBy: ['@boxyard/agent', '@boxyard/desktop-x11', '@tooling/x-server'],
  },
  {
    name: 'ffmpeg',
    title: 'ffmpeg',
    programs: ['ffmpeg'],
    debianPackage: 'ffmpeg',
    neededBy: [],
  },
  {
    name: 'chromium',
    title: 'Chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    debianPackage: 'chromium',
    neededBy: [],
  },
];
