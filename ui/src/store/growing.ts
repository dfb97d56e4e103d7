import { pathRecord } from "@/api/records";
import type { ForkEvent, PathForked, PathsSettled, PathToken } from "@/api/wire";
import type { AnswerPath, PathTree, TokenRecord } from "@/types";

/**
 * The paths of an answer while they are written. `begun` is what the answer began with before it forked: all paths have
 * it, and the first one counts it as its own.
 */
export class GrowingTree {
  private readonly paths = new Map<number, AnswerPath>();
  private readonly own = new Map<number, TokenRecord[]>();
  /** The sum of the log-probabilities of all tokens of a path after `begun`. */
  private readonly sums = new Map<number, number>();
  /** The position of the answer's first token in the whole sequence. */
  private origin = 0;
  private settled: Omit<PathTree, "paths" | "score" | "policy"> = {
    chosen: null,
    shown: null,
    narrowed: 0,
    votes: [],
  };

  constructor(
    private readonly begun: readonly TokenRecord[],
    private readonly text: string,
    private readonly policy: string,
    private readonly score: string,
  ) {}

  take(event: ForkEvent): void {
    if (event.type === "token") this.grow(event);
    else if (event.type === "fork") this.part(event);
    else if (event.type === "drop") this.change(event.branch, { finishReason: event.finish_reason });
    else this.settle(event);
  }

  /** What was being written is not written any more. */
  stop(): void {
    for (const { branch, finishReason } of this.paths.values())
      if (finishReason === null) this.change(branch, { finishReason: "stopped" });
  }

  /** As it is now. What has not changed since is the same object as before. */
  snapshot(): PathTree {
    return { policy: this.policy, score: this.score, ...this.settled, paths: [...this.paths.values()] };
  }

  /** The tokens that are each path's own. */
  get tokens(): ReadonlyMap<number, TokenRecord[]> {
    return this.own;
  }

  /** Where in the answer the chosen path took the tokens of forks in the place of drawn ones. */
  forkedAt(branch: number): number[] {
    const places: number[] = [];
    for (let path = this.paths.get(branch); path; path = this.paths.get(path.parent ?? -1))
      if (this.own.get(path.branch)?.[0]?.forked) places.push(path.index);
    return places;
  }

  private grow(event: PathToken): void {
    const { branch } = event;
    if (this.paths.size === 0) this.begin(event);
    const path = this.paths.get(branch);
    if (!path) return;
    const token = pathRecord(event);
    this.own.get(branch)?.push(token);
    const sum = (this.sums.get(branch) ?? 0) + (token.logprob || 0);
    this.sums.set(branch, sum);
    const count = path.count + 1;
    this.change(branch, {
      text: path.text + event.text,
      count,
      finishReason: event.finish_reason,
      scores: { logprob: sum / Math.max(1, path.index + count - this.begun.length) },
    });
  }

  private begin({ branch, position }: PathToken): void {
    this.origin = position - this.begun.length;
    this.paths.set(branch, {
      ...NEW,
      branch,
      parent: null,
      index: 0,
      at: 0,
      text: this.text,
      count: this.begun.length,
    });
    this.own.set(branch, [...this.begun]);
  }

  private part(event: PathForked): void {
    const { branch, position } = event;
    let parent = this.paths.get(event.parent);
    const index = position - this.origin;
    while (parent && index < parent.index) parent = this.paths.get(parent.parent ?? -1);
    if (!parent) return;
    const owned = this.own.get(parent.branch) ?? [];
    const before = owned.slice(0, index - parent.index);
    const at = before.reduce((sum, token) => sum + token.text.length, parent.at);
    const drawn = owned[before.length];
    // The event tells the text without that of the beginning that was given.
    const text = event.text.slice(at - this.text.length);
    const tokens = event.token_ids.flatMap((id, i) => (drawn && i === 0 ? [given(drawn, id, text)] : []));
    const path = { ...NEW, branch, parent: parent.branch, index, at, text, count: tokens.length };
    this.paths.set(branch, { ...path, finishReason: event.finish_reason });
    this.own.set(branch, tokens);
    const back = owned.slice(before.length).reduce((sum, token) => sum + (token.logprob || 0), 0);
    this.sums.set(branch, (this.sums.get(parent.branch) ?? 0) - back + (tokens[0]?.logprob || 0));
  }

  private settle({ paths, chosen, narrowed, votes }: PathsSettled): void {
    this.settled = { chosen, shown: chosen, narrowed, votes };
    for (const path of paths) {
      const known = this.paths.get(path.branch);
      if (!known) continue;
      const text = path.text.startsWith(this.text) ? path.text : this.text + path.text;
      this.change(path.branch, {
        text: text.slice(known.at),
        finishReason: path.finish_reason,
        answer: path.answer,
        scores: Object.fromEntries(Object.entries(path.scores).map(([name, n]) => [name, n ?? Number.NaN])),
        vote: path.vote,
      });
    }
  }

  private change(branch: number, change: Partial<AnswerPath>): void {
    const path = this.paths.get(branch);
    if (path) this.paths.set(branch, { ...path, ...change });
  }
}

const NEW = { finishReason: null, answer: null, scores: {}, vote: 0 } as const;

/** The token that a fork begins with: the numbers are those of its place, as of the token that was drawn there. */
function given(drawn: TokenRecord, id: number, text: string): TokenRecord {
  const known = drawn.alternatives.find(({ token_id }) => token_id === id);
  return {
    ...drawn,
    token_id: id,
    token: known?.token ?? text,
    text,
    ...(drawn.thought !== undefined && { thought: known?.token ?? "" }),
    logprob: known?.logprob ?? Number.NaN,
    temperature: null,
    top_p: null,
    top_k: null,
    min_p: null,
    forked: true,
  };
}
