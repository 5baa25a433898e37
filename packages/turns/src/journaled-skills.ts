// The SDK's skills, whose tool leaves its marks in the journal like every other: it has no say over its tools of its
// own accord, so it is wrapped.
import { Capability, type Skills, skills } from '@openai/agents/sandbox';
import { journaledTools, type ToolJournal } from './journaled-tools.ts';
import type { SkillFolder } from './skill-folder.ts';

/** Null when there are none: the SDK would tell the model of a tool for nothing. */
export function journaledSkills({ path, index }: SkillFolder, journal: ToolJournal): Capability | null {
  if (index.length === 0) return null;
  const source = { type: 'local_dir', src: path } as const;
  return new JournaledSkills(skills({ lazyFrom: { source, index: [...index] } }), journal);
}

class JournaledSkills extends Capability {
  readonly type = 'skills';
  readonly #skills: Skills;
  readonly #journal: ToolJournal;

  constructor(inner: Skills, journal: ToolJournal) {
    super();
    this.#skills = inner;
    this.#journal = journal;
  }

  /** Each run binds a copy; the SDK's own way of copying knows nothing of private members. */
  override clone(): this {
    return new JournaledSkills(this.#skills.clone(), this.#journal) as this;
  }

  override bind(...args: Parameters<Capability['bind']>): this {
    this.#skills.bind(...args);
    return super.bind(...args);
  }

  override bindRunAs(...args: Parameters<Capability['bindRunAs']>): this {
    this.#skills.bindRunAs(...args);
    return super.bindRunAs(...args);
  }

  override bindWorkspaceScope(...args: Parameters<Capability['bindWorkspaceScope']>): this {
    this.#skills.bindWorkspaceScope(...args);
    return super.bindWorkspaceScope(...args);
  }

  override tools(): ReturnType<Capability['tools']> {
    return journaledTools(this.#skills.tools(), this.#journal);
  }

  override processManifest(...args: Parameters<Capability['processManifest']>) {
    return this.#skills.processManifest(...args);
  }

  override instructions(...args: Parameters<Capability['instructions']>) {
    return this.#skills.instructions(...args);
  }
}
