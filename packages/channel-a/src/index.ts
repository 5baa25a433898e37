export type { OpenContentRequest, OpenedContent } from './files/file-content.ts';
export { FileService, type FileServiceOptions, type WriteContentRequest } from './files/file-service.ts';
export { GitService, type GitServiceOptions } from './git/git-service.ts';
