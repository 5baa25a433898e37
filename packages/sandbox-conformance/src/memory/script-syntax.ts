// The part of the shell's grammar that MemoryBox understands: lists, `&&`, `||`, `!`, `&`, subshells, groups,
// `for`, `while`, `until`, `if`, redirections and the usual quotes. No pipelines, no functions, no globs.

export type WordPart =
  | { readonly kind: 'text'; readonly text: string; readonly quoted: boolean }
  | { readonly kind: 'variable'; readonly name: string; readonly quoted: boolean };
export type Word = readonly WordPart[];

export interface Redirection {
  readonly descriptor: 0 | 1 | 2;
  readonly operator: '<' | '>' | '>>' | '>&';
  readonly target: Word;
}

export type Body =
  | { readonly kind: 'simple'; readonly words: readonly Word[] }
  | { readonly kind: 'subshell' | 'group'; readonly list: CommandList }
  | {
      readonly kind: 'loop';
      readonly until: boolean;
      readonly condition: CommandList;
      readonly list: CommandList;
    }
  | {
      readonly kind: 'for';
      readonly name: string;
      readonly words: readonly Word[];
      readonly list: CommandList;
    }
  | {
      readonly kind: 'if';
      readonly condition: CommandList;
      readonly then: CommandList;
      readonly otherwise: CommandList;
    };

export interface Command {
  readonly body: Body;
  readonly negated: boolean;
  readonly redirections: readonly Redirection[];
  /** What joins it to the command before. */
  readonly join: 'always' | 'and' | 'or';
}
/** Commands joined by `&&` and `||`, in the background or not. */
export interface Chain {
  readonly commands: readonly Command[];
  readonly background: boolean;
}
export type CommandList = readonly Chain[];

export class ScriptSyntaxError extends Error {
  override readonly name = 'ScriptSyntaxError';
}

type Token =
  /** `glued`: no space before it, which makes `2>` something else than `2 >`. */
  | { readonly kind: 'operator'; readonly text: string; readonly glued: boolean }
  | { readonly kind: 'word'; readonly word: Word };

const OPERATORS = ['&&', '||', ';;', '>>', '>&', '\n', ';', '&', '|', '(', ')', '<', '>'];
// A run of characters that mean nothing to the shell.
const PLAIN = /[^\s\\'"$&|;()<>]+/y;
const CLOSING_WORDS = new Set(['do', 'done', 'then', 'else', 'fi', '}']);

export function parseScript(script: string): CommandList {
  const parser = new Parser(tokensOf(script));
  const list = parser.list();
  parser.end();
  return list;
}

class Parser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  end(): void {
    if (this.#at < this.#tokens.length) throw new ScriptSyntaxError(`unexpected "${this.#shown()}"`);
  }

  list(): CommandList {
    const chains: Chain[] = [];
    for (;;) {
      while (this.#takeOperator(';', '\n'));
      if (this.#atListEnd()) return chains;
      const commands = [this.#command('always')];
      for (;;) {
        const join = this.#takeOperator('&&') ? 'and' : this.#takeOperator('||') ? 'or' : null;
        if (join === null) break;
        while (this.#takeOperator('\n'));
        commands.push(this.#command(join));
      }
      if (this.#isOperator('|')) throw new ScriptSyntaxError('MemoryBox has no pipelines');
      const background = this.#takeOperator('&');
      chains.push({ commands, background });
      if (!background && !this.#isOperator(';', '\n') && !this.#atListEnd()) {
        throw new ScriptSyntaxError(`unexpected "${this.#shown()}"`);
      }
    }
  }

  #command(join: Command['join']): Command {
    const negated = this.#takeWord('!');
    const body = this.#body();
    const redirections = body.redirections ?? this.#redirections();
    return { body: body.body, negated, redirections, join };
  }

  #body(): { body: Body; redirections?: readonly Redirection[] } {
    if (this.#takeOperator('(')) {
      const list = this.list();
      this.#needOperator(')');
      return { body: { kind: 'subshell', list } };
    }
    if (this.#takeWord('{')) {
      const list = this.list();
      this.#needWord('}');
      return { body: { kind: 'group', list } };
    }
    const until = this.#takeWord('until');
    if (until || this.#takeWord('while')) {
      const condition = this.list();
      return { body: { kind: 'loop', until, condition, list: this.#doBlock() } };
    }
    if (this.#takeWord('for')) {
      const name = this.#plainWord() ?? '';
      this.#at++;
      const words = this.#takeWord('in')
        ? this.#words()
        : [[{ kind: 'variable' as const, name: '@', quoted: true }]];
      while (this.#takeOperator(';', '\n'));
      return { body: { kind: 'for', name, words, list: this.#doBlock() } };
    }
    if (this.#takeWord('if')) {
      const condition = this.list();
      this.#needWord('then');
      const then = this.list();
      const otherwise = this.#takeWord('else') ? this.list() : [];
      this.#needWord('fi');
      return { body: { kind: 'if', condition, then, otherwise } };
    }
    return this.#simple();
  }

  #simple(): { body: Body; redirections: readonly Redirection[] } {
    const words: Word[] = [];
    const redirections: Redirection[] = [];
    for (;;) {
      const token = this.#tokens[this.#at];
      const found = this.#redirections();
      redirections.push(...found);
      if (found.length > 0) continue;
      if (token?.kind !== 'word') break;
      words.push(token.word);
      this.#at++;
    }
    if (words.length + redirections.length === 0)
      throw new ScriptSyntaxError(`unexpected "${this.#shown()}"`);
    return { body: { kind: 'simple', words }, redirections };
  }

  #redirections(): readonly Redirection[] {
    const found: Redirection[] = [];
    for (;;) {
      const digit = this.#plainWord();
      const next = this.#tokens[this.#at + 1];
      const numbered =
        (digit === '1' || digit === '2') && isRedirect(next) && next.glued && next.text.startsWith('>');
      const token = numbered ? next : this.#tokens[this.#at];
      if (!isRedirect(token)) return found;
      this.#at += numbered ? 2 : 1;
      const target = this.#tokens[this.#at];
      if (target?.kind !== 'word') throw new ScriptSyntaxError(`"${token.text}" needs a word after it`);
      this.#at++;
      const operator = token.text;
      const descriptor = operator === '<' ? 0 : numbered && digit === '2' ? 2 : 1;
      found.push({ descriptor, operator, target: target.word });
    }
  }

  #words(): readonly Word[] {
    const words: Word[] = [];
    for (let token = this.#tokens[this.#at]; token?.kind === 'word'; token = this.#tokens[++this.#at]) {
      words.push(token.word);
    }
    return words;
  }

  #doBlock(): CommandList {
    while (this.#takeOperator(';', '\n'));
    this.#needWord('do');
    const list = this.list();
    this.#needWord('done');
    return list;
  }

  #plainWord(): string | null {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'word' || token.word.length !== 1) return null;
    const [part] = token.word;
    return part?.kind === 'text' && !part.quoted ? part.text : null;
  }

  #takeWord(text: string): boolean {
    if (this.#plainWord() !== text) return false;
    this.#at++;
    return true;
  }

  #needWord(text: string): void {
    if (!this.#takeWord(text))
      throw new ScriptSyntaxError(`"${text}" expected instead of "${this.#shown()}"`);
  }

  #isOperator(...texts: string[]): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === 'operator' && texts.includes(token.text);
  }

  #takeOperator(...texts: string[]): boolean {
    if (!this.#isOperator(...texts)) return false;
    this.#at++;
    return true;
  }

  #needOperator(text: string): void {
    if (!this.#takeOperator(text)) throw new ScriptSyntaxError(`"${text}" expected`);
  }

  #atListEnd(): boolean {
    return (
      this.#at >= this.#tokens.length || this.#isOperator(')') || CLOSING_WORDS.has(this.#plainWord() ?? '')
    );
  }

  #shown(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) return 'end of script';
    if (token.kind === 'operator') return token.text === '\n' ? 'newline' : token.text;
    return token.word.map((part) => (part.kind === 'text' ? part.text : `$${part.name}`)).join('');
  }
}

type RedirectToken = Extract<Token, { kind: 'operator' }> & { readonly text: Redirection['operator'] };
const isRedirect = (token: Token | undefined): token is RedirectToken =>
  token?.kind === 'operator' && ['<', '>', '>>', '>&'].includes(token.text);

function tokensOf(script: string): readonly Token[] {
  const tokens: Token[] = [];
  let word: WordPart[] | null = null;
  let at = 0;
  const addText = (text: string, quoted: boolean) => {
    word ??= [];
    const last = word.at(-1);
    if (last?.kind === 'text' && last.quoted === quoted)
      word[word.length - 1] = { ...last, text: last.text + text };
    else word.push({ kind: 'text', text, quoted });
  };
  const endWord = () => {
    if (word !== null) tokens.push({ kind: 'word', word });
    word = null;
  };
  const addVariable = (quoted: boolean) => {
    const match = /^\$(?:\{([A-Za-z_]\w*|[?$!#@*0-9])\}|([A-Za-z_]\w*|[?$!#@*0-9]))/.exec(
      script.slice(at, at + 128),
    );
    if (match === null) {
      if (script[at + 1] === '(') throw new ScriptSyntaxError('MemoryBox has no command substitution');
      at++;
      return addText('$', quoted);
    }
    word ??= [];
    word.push({ kind: 'variable', name: match[1] ?? match[2] ?? '', quoted });
    at += match[0].length;
  };

  while (at < script.length) {
    const char = script[at]!;
    if (char === ' ' || char === '\t') {
      endWord();
      at++;
    } else if (char === '#' && word === null) {
      while (at < script.length && script[at] !== '\n') at++;
    } else if (char === '\\') {
      if (script[at + 1] !== '\n') addText(script[at + 1] ?? '\\', true);
      at += 2;
    } else if (char === "'") {
      const end = script.indexOf("'", at + 1);
      if (end < 0) throw new ScriptSyntaxError('unterminated quote');
      addText(script.slice(at + 1, end), true);
      at = end + 1;
    } else if (char === '"') {
      addText('', true);
      at++;
      while (script[at] !== '"') {
        if (at >= script.length) throw new ScriptSyntaxError('unterminated double quote');
        if (script[at] === '$') addVariable(true);
        else if (script[at] === '\\' && '"\\$`\n'.includes(script[at + 1] ?? 'x')) {
          if (script[at + 1] !== '\n') addText(script[at + 1]!, true);
          at += 2;
        } else addText(script[at++]!, true);
      }
      at++;
    } else if (char === '$') {
      addVariable(false);
    } else {
      const operator = OPERATORS.find((each) => script.startsWith(each, at));
      if (operator === undefined) {
        PLAIN.lastIndex = at;
        const plain = PLAIN.exec(script)?.[0] ?? char;
        addText(plain, false);
        at += plain.length;
      } else {
        const glued = word !== null;
        endWord();
        tokens.push({ kind: 'operator', text: operator, glued });
        at += operator.length;
      }
    }
  }
  endWord();
  return tokens;
}
