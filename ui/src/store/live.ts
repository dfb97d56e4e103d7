import type { ChatDelta } from "@/api/chat";
import { drawText, whenIdle } from "@/lib/frames";
import type { PathTree, TokenRecord } from "@/types";
import { answerOf, persist, setAnswer, setMessage, setTree } from "./chats";
import { db, savePaths, saveTokens } from "./db";
import { retold } from "./fork";
import { GrowingTree } from "./growing";
import type { AnswerInfo, Message } from "./model";
import { keepTokens } from "./paths";

/** How often a streaming answer is written to the database, in ms. */
const SAVE_EVERY = 500;

/** What an answer forks by, and what its paths are compared by. */
type Forking = Pick<PathTree, "score"> & { policy: string };

/**
 * An answer while it grows: deltas are gathered and shown once a frame, and written to the database twice a
 * second, so that a reload in the middle loses half a second at most.
 */
export class LiveAnswer {
  private tokens: TokenRecord[];
  private text: string;
  private frame: (() => void) | null = null;
  private saved: number;
  private saving: (() => void) | null = null;
  private readonly started = performance.now();
  private readonly secondsBefore: number;
  private forks: Forking | null = null;
  private paths: GrowingTree | null = null;

  constructor(
    private message: Message,
    tokens: TokenRecord[],
  ) {
    this.tokens = tokens;
    this.text = message.content;
    this.saved = 0;
    this.secondsBefore = message.answer?.seconds ?? 0;
    this.show();
  }

  get seconds(): number {
    return this.secondsBefore + (performance.now() - this.started) / 1000;
  }

  /** What was not known yet when the message was sent to a server that was loading. */
  learn(
    known: Pick<AnswerInfo, "sampler" | "config" | "model">,
    tokens: TokenRecord[],
    forks: Forking | null,
  ): void {
    this.tokens = tokens;
    this.forks = forks;
    this.message = { ...this.message, answer: { ...(this.message.answer as AnswerInfo), ...known } };
    this.show();
  }

  add(delta: ChatDelta): void {
    if (delta.prefix !== null) {
      this.tokens = retold(this.tokens, delta.prefix);
      this.text = delta.prefix;
      this.saved = 0;
    }
    if (delta.forks.length > 0 && this.forks) {
      // Nothing is settled before a path has begun: what is there is what all have in common.
      this.paths ??= new GrowingTree(this.tokens.slice(), this.text, this.forks.policy, this.forks.score);
      for (const event of delta.forks) this.paths.take(event);
    }
    this.text += delta.text;
    this.tokens.push(...delta.tokens);
    const last = this.tokens.length - 1;
    const record = this.tokens[last];
    if (delta.tail && record) this.tokens[last] = { ...record, text: record.text + delta.tail };
    if (this.message.answer?.status === "waiting" && delta.tokens.length + delta.forks.length > 0)
      this.become({ status: "streaming" });
    this.frame ??= nextFrame(() => {
      this.frame = null;
      this.show();
    });
    this.saving ??= saveTime(() => {
      this.saving = null;
      persist(this.save());
    });
  }

  /** Shows and stores the last state; resolves once it is stored. */
  async end(change: Pick<AnswerInfo, "status" | "finishReason" | "error">): Promise<void> {
    this.frame?.();
    this.saving?.();
    const tree = this.endPaths(change.finishReason);
    this.become({ ...change, ...(tree && { tree }), seconds: this.seconds });
    this.show();
    setTree(this.message.id, null);
    await persist(this.save());
  }

  /** The paths as they ended. The shown one has the tokens of the answer, which say which of them forks took. */
  private endPaths(finishReason: string | null): PathTree | undefined {
    const before = this.message.answer?.tree;
    if (!this.paths) return before && this.longer(before, finishReason);
    this.paths.stop();
    const tree = this.paths.snapshot();
    const own = new Map(this.paths.tokens);
    const shown = tree.paths.find(({ branch }) => branch === tree.shown);
    if (shown) {
      for (const i of this.paths.forkedAt(shown.branch)) {
        const token = this.tokens[i];
        if (token) this.tokens[i] = { ...token, forked: true };
      }
      this.saved = 0;
      own.set(shown.branch, this.tokens.slice(shown.index));
    }
    this.keep(own);
    return tree;
  }

  /** The shown path went on alone. */
  private longer(tree: PathTree, finishReason: string | null): PathTree {
    const paths = tree.paths.map((path) => {
      if (path.branch !== tree.shown) return path;
      const tokens = this.tokens.slice(path.index);
      this.keep(new Map([[path.branch, tokens]]));
      const text = this.text.slice(path.at);
      return { ...path, text, count: tokens.length, finishReason: finishReason ?? "stopped" };
    });
    return { ...tree, paths };
  }

  private keep(paths: Map<number, TokenRecord[]>): void {
    keepTokens(this.message.id, paths);
    // One after another, when nothing is drawn: to pack some hundreds of tokens takes milliseconds.
    for (const path of paths) persist(idle().then(() => savePaths(this.message.id, new Map([path]))));
  }

  /** Everybody is told: the message is where an answer's status is kept. */
  private become(change: Partial<AnswerInfo>): void {
    const answer = { ...(this.message.answer as AnswerInfo), ...change };
    this.message = { ...this.message, content: this.text, answer };
    setMessage(this.message);
  }

  private show(): void {
    const message = { ...this.message, content: this.text };
    setAnswer({ ...answerOf(message, this.tokens.slice()), seconds: this.seconds });
    if (this.paths && this.message.answer?.tree === undefined) setTree(message.id, this.paths.snapshot());
  }

  private async save(): Promise<void> {
    const from = this.saved;
    const tokens = this.tokens.slice();
    const answer: AnswerInfo = { ...(this.message.answer as AnswerInfo), seconds: this.seconds };
    const change = { content: this.text, answer };
    this.saved = tokens.length;
    // At once, so that another tab never reads a text without its tokens; a deleted message stays deleted.
    await db.transaction("rw", db.messages, db.traces, async () => {
      if (await db.messages.update(this.message.id, change)) await saveTokens(this.message.id, tokens, from);
    });
  }
}

/** Calls back before the next paint, or soon where nothing is painted; returns how to call it off. */
export function nextFrame(callback: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(callback, 200);
    return () => clearTimeout(timer);
  }
  return drawText(callback);
}

/** How long a write waits for a moment in which nothing is drawn, in ms. */
const IDLE_WITHIN = 100;

const idle = () => new Promise<void>((resolve) => void whenIdle(resolve, SAVE_EVERY));

/** Calls back when it is time to write, SAVE_EVERY from now at the latest; returns how to call it off. */
function saveTime(callback: () => void): () => void {
  let cancel: () => void;
  const timer = setTimeout(() => {
    cancel = whenIdle(callback, IDLE_WITHIN);
  }, SAVE_EVERY - IDLE_WITHIN);
  cancel = () => clearTimeout(timer);
  return () => cancel();
}
