import type { Entry } from '@openai/agents-core/sandbox';

type EntryOf<Type extends Entry['type']> = Extract<Entry, { type: Type }>;

export type FileEntry = EntryOf<'file'>;
export type DirEntry = EntryOf<'dir'>;
export type LocalEntry = EntryOf<'local_file'> | EntryOf<'local_dir'>;
export type GitEntry = EntryOf<'git_repo'>;
/** What all entries share. */
export type EntryBase = Pick<FileEntry, 'permissions' | 'ephemeral' | 'description' | 'group'>;
