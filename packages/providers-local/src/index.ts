export type { FolderArchivesOptions } from './folder-archives.ts';
export { FolderArchives } from './folder-archives.ts';
export { type FolderBoxOptions, openFolderBox } from './folder-box.ts';
export type { FolderFilesOptions } from './folder-files.ts';
export { FolderFiles } from './folder-files.ts';
export type { FolderWatchOptions } from './folder-watch.ts';
export { FolderWatch } from './folder-watch.ts';
export { localProvider } from './local-provider.ts';
export { LocalProviderOptions } from './options.ts';
