export { BACKENDS, Backend, BackendDescriptor, OperatingSystem } from './backend-descriptor.ts';
