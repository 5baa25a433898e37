import type { ScriptedModel } from '@boxyard/scripted-model';

type Environment = Readonly<Record<string, string | undefined>>;

/** The model that a demo asks: the one of the environment, else a scripted one inside this process. */
export interface DemoModel extends AsyncDisposable {
  /** With the settings of the model. */
  readonly env: Environment;
  /** What a person is told about it. */
  readonly description: string;
}

export async function openDemoModel(env: Environment): Promise<DemoModel> {
  if (env.BOXYARD_MODEL_BASE_URL !== undefined || env.BOXYARD_MODEL !== undefined) {
    const description = `The model is ${env.BOXYARD_MODEL} at ${env.BOXYARD_MODEL_BASE_URL}.`;
    return { env, description, [Symbol.asyncDispose]: async () => undefined };
  }
  const { startScriptedModel } = await import('@boxyard/scripted-model');
  const { demoScript } = await import('./demo-script.ts');
  const model: ScriptedModel = await startScriptedModel({ script: demoScript });
  return {
    env: { ...env, BOXYARD_MODEL_BASE_URL: model.baseUrl, BOXYARD_MODEL: 'scripted' },
    description:
      'The model is scripted: no key is needed, and it reacts to what the tools say. All else is real. Set BOXYARD_MODEL_BASE_URL and BOXYARD_MODEL to see a real one at work.',
    [Symbol.asyncDispose]: () => model.close(),
  };
}
