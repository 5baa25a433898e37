export { dockerProvider } from './docker-provider.ts';
export { DEFAULT_IMAGE, DockerProviderOptions } from './options.ts';
