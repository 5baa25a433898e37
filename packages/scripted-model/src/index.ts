export type { AddressedScript, Script, ScriptedItem, ScriptedRequest, ToolAnswer } from './script.ts';
export { type ScriptedModel, type ScriptedModelOptions, startScriptedModel } from './scripted-model.ts';
