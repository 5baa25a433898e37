// The part of the settings that only boxes in containers look at.
import { decimal, folder, wholeNumber, word, wordList } from './value-kinds.ts';

/** See `SETTINGS`, which holds them. */
export const DOCKER_SETTINGS = {
  dockerSocket: {
    name: 'BOXYARD_DOCKER_SOCKET',
    schema: folder(),
    default: null,
    unit: 'path',
    group: 'Boxes',
    description:
      'The socket of a Docker Engine; offers the docker backend beside the default one. Absent: that of DOCKER_HOST, or /var/run/docker.sock.',
  },
  dockerImage: {
    name: 'BOXYARD_DOCKER_IMAGE',
    schema: word(1, 255),
    default: 'boxyard/box:1',
    unit: '',
    group: 'Boxes',
    description:
      'What a Docker box is made of when its session does not say; the default is built when it is missing.',
  },
  dockerImages: {
    name: 'BOXYARD_DOCKER_IMAGES',
    schema: wordList(),
    default: null,
    unit: '',
    group: 'Boxes',
    description: 'Further images that a session may ask for, between commas. Anything else is refused.',
  },
  dockerNetwork: {
    name: 'BOXYARD_DOCKER_NETWORK',
    schema: word(1, 128),
    default: 'boxyard',
    unit: '',
    group: 'Boxes',
    description: 'The bridge of Docker boxes; made when it is missing, without traffic between them.',
  },
  dockerExtraNetwork: {
    name: 'BOXYARD_DOCKER_EXTRA_NETWORK',
    schema: word(1, 128),
    default: null,
    unit: '',
    group: 'Boxes',
    description: 'One more network that each Docker box joins, for instance to reach a database.',
  },
  dockerCpu: {
    name: 'BOXYARD_DOCKER_CPU',
    schema: decimal(0.01, 1024),
    default: '2',
    unit: 'count',
    group: 'Boxes',
    description: 'Cores of a Docker box that does not say; no more than the engine has.',
  },
  dockerMemoryMb: {
    name: 'BOXYARD_DOCKER_MEMORY_MB',
    schema: wholeNumber(6, 16_777_216),
    default: '4096',
    unit: 'count',
    group: 'Boxes',
    description: 'Memory of a Docker box that does not say, in mebibytes, swap included.',
  },
  dockerPids: {
    name: 'BOXYARD_DOCKER_PIDS',
    schema: wholeNumber(1, 4_194_304),
    default: '1024',
    unit: 'count',
    group: 'Boxes',
    description: 'Processes and threads of a Docker box that does not say.',
  },
  dockerDiskMb: {
    name: 'BOXYARD_DOCKER_DISK_MB',
    schema: wholeNumber(1, 1_073_741_824),
    default: '10240',
    unit: 'count',
    group: 'Boxes',
    description:
      'Disk of a Docker box that does not say, in mebibytes, where the storage of the engine has quotas.',
  },
} as const;
