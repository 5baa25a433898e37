// The front door `@boxyard/sandbox-core/jailed-folder`: what touches the disk of this machine, apart from the
// main one so that a program that only talks to boxes elsewhere does not load it.
export { fsErrorName, sandboxErrorFromFs } from './jail/fs-error.ts';
export type { FolderHold, HeldFolder } from './jail/held-folder.ts';
export type { FolderOptions, JailedFolderOptions } from './jail/jailed-folder.ts';
export { JailedFolder } from './jail/jailed-folder.ts';
