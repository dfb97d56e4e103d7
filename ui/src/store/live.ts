import type { ChatDelta } from "@/api/chat";
import { drawText, whenIdle } from "@/lib/frames";
import type { TokenRecord } from "@/types";
import { answerOf, persist, setAnswer, setMessage } from "./chats";
import { db, saveTokens } from "./db";
import { retold } from "./fork";
import type { AnswerInfo, Message } from "./model";

/** How often a streaming answer is written to the database, in ms. */
const SAVE_EVERY = 500;

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
  learn(known: Pick<AnswerInfo, "sampler" | "config" | "model">, tokens: TokenRecord[]): void {
    this.tokens = tokens;
    this.message = { ...this.message, answer: { ...(this.message.answer as AnswerInfo), ...known } };
    this.show();
  }

  add(delta: ChatDelta): void {
    if (delta.prefix !== null) {
      this.tokens = retold(this.tokens, delta.prefix);
      this.text = delta.prefix;
      this.saved = 0;
    }
    this.text += delta.text;
    this.tokens.push(...delta.tokens);
    const last = this.tokens.length - 1;
    const record = this.tokens[last];
    if (delta.tail && record) this.tokens[last] = { ...record, text: record.text + delta.tail };
    if (this.message.answer?.status === "waiting" && delta.tokens.length > 0)
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
    this.become({ ...change, seconds: this.seconds });
    this.show();
    await persist(this.save());
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
function nextFrame(callback: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(callback, 200);
    return () => clearTimeout(timer);
  }
  return drawText(callback);
}

/** How long a write waits for a moment in which nothing is drawn, in ms. */
const IDLE_WITHIN = 100;

/** Calls back when it is time to write, SAVE_EVERY from now at the latest; returns how to call it off. */
function saveTime(callback: () => void): () => void {
  let cancel: () => void;
  const timer = setTimeout(() => {
    cancel = whenIdle(callback, IDLE_WITHIN);
  }, SAVE_EVERY - IDLE_WITHIN);
  cancel = () => clearTimeout(timer);
  return () => cancel();
}
