export { ALL_RULES } from './all-rules.ts';
export { FLOORS, type FloorRow, floorOf } from './floors.ts';
export { typescriptBlocks } from './readme.ts';
export { checkPackage, type Rule, type Violation } from './rule.ts';
export {
  type Manifest,
  type PackageKind,
  readPackage,
  readWorkspace,
  type WorkspacePackage,
} from './workspace-package.ts';
