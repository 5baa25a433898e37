export type { FolderBlobStoreOptions } from './folder-blob-store.ts';
export { folderBlobStore } from './folder-blob-store.ts';
