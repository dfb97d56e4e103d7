/** Other ways on from tokens of an answer that is there already: they become paths beside it, and change nothing of it. */
import { type ChatDelta, streamChat } from "@/api/chat";
import { isAbort } from "@/api/errors";
import { serverKnown, useServer } from "@/api/server";
import type { ChatRequest } from "@/api/wire";
import { lineage } from "@/lib/paths";
import type { Alternative, Answer, AnswerPath, PathTree, TokenRecord } from "@/types";
import { loadAnswer, persist, setMessage, setTree, treeOf, useChats } from "./chats";
import { db, savePaths } from "./db";
import { forkStart, idsOf, retold } from "./fork";
import { isRunning, requestFor, whileHeld } from "./generation";
import { hesitations, likeliest, untried } from "./hesitations";
import { nextFrame } from "./live";
import { type AnswerInfo, type Message, newSeed } from "./model";
import { keepTokens } from "./paths";

/** What is asked for: to go on from a token with another one in its place, `times` over. */
interface Asked {
  index: number;
  choice: Alternative | string;
  times: number;
}

const { getState } = useChats;
const current = (message: Message): Message =>
  getState().messages[message.conversationId]?.[message.id] ?? message;

/** Goes on from a token with another one in its place, `times` over, at once. */
export function forkTimes(
  message: Message,
  index: number,
  choice: Alternative | string,
  times: number,
): Promise<void> {
  return tryOut(message, () => [{ index, choice, times }]);
}

/** Goes on, wherever an answer hesitated, with the likeliest other token; all at once. */
export function forkEverywhere(message: Message): Promise<void> {
  return tryOut(message, ({ tokens }) => {
    const places = likeliest(untried(hesitations(tokens), current(message).answer?.tree));
    if (places.length === 0)
      throw new Error("There is no place to try: nowhere did another token have a chance of 10 %.");
    return places.map(({ index, other }) => ({ index, choice: other, times: 1 }));
  });
}

async function tryOut(message: Message, what: (answer: Answer) => Asked[]): Promise<void> {
  if (isRunning(message.id)) throw new Error("This answer is being worked on. Wait for it, or stop it.");
  await loadAnswer(message);
  const answer = getState().answers[message.id];
  const info = current(message).answer;
  if (!answer || !info) throw new Error("That answer is not there any more.");
  if (info.model !== useServer.getState().model)
    throw new Error(`${info.model} wrote this answer; load it again to try other ways.`);
  const asked = what(answer);
  await whileHeld(message.id, async (signal, onWait) => {
    await serverKnown(signal);
    const growing = new Growing(current(message), answer);
    const jobs = [...asked.map((one) => growing.job(one)), ...growing.origin()];
    const done = await Promise.allSettled(
      jobs.map(async ({ request, take, end }) => {
        let fate = "stopped";
        try {
          for await (const delta of streamChat(request, { signal, onWait })) take(delta);
        } catch (error) {
          if (isAbort(error)) return;
          fate = "failed";
          throw error;
        } finally {
          end(fate);
          growing.keep();
        }
      }),
    );
    growing.end();
    const failed = done.find((one) => one.status === "rejected");
    if (failed) throw failed.reason;
  });
}

/** A request, what is done with what comes of it, and with what has not ended by itself. */
interface Job {
  request: ChatRequest;
  take: (delta: ChatDelta) => void;
  end: (fate: string) => void;
}

/** The tree of an answer while paths are added to it. */
class Growing {
  private frame: (() => void) | null = null;
  private readonly paths: Map<number, AnswerPath>;
  private readonly own = new Map<number, TokenRecord[]>();
  /** The path that is left. */
  private readonly left: AnswerPath;
  private readonly info: AnswerInfo;

  constructor(
    private readonly message: Message,
    private readonly answer: Answer,
  ) {
    this.info = message.answer as AnswerInfo;
    const tree = this.info.tree ?? this.plant();
    this.paths = new Map(tree.paths.map((path) => [path.branch, path]));
    this.left = this.paths.get(tree.shown ?? 0) as AnswerPath;
    setTree(message.id, tree);
  }

  /** How to learn the answer of the path that is left, where it is not known: its last token is drawn again. */
  origin(): Job[] {
    const { tokens } = this.answer;
    const begun = tokens.slice(0, -1);
    const text = begun.map((token) => token.text).join("");
    const known = begun.length === 0 || idsOf(begun, text) !== null;
    if (this.left.answer !== null || !known || tokens.length === 0) return [];
    const request = this.request(begun, text, this.info.sampler.seed, 1);
    const take = (delta: ChatDelta) => this.found(delta, [this.left.branch]);
    return [{ request: { ...request, max_tokens: 1 }, take, end: () => undefined }];
  }

  /** The request for one thing that was asked for; its paths are in the tree at once. */
  job({ index, choice, times }: Asked): Job {
    const start = forkStart(this.answer.tokens, index, choice);
    if (start.ends) throw new Error("That token ends the answer: there is nothing to go on with.");
    const again = start.tokens[index]?.token_id === this.answer.tokens[index]?.token_id;
    // The same token under the same seed would only repeat the answer.
    const seed = again ? newSeed() : this.info.sampler.seed;
    const branches = Array.from({ length: times }, () => this.begin(index, start.tokens));
    const take = (delta: ChatDelta) => {
      this.grow(branches[delta.choice], start.tokens, delta);
      this.found(delta, branches);
    };
    const end = (fate: string) => {
      for (const branch of branches)
        this.change(branch, ({ finishReason }) => ({ finishReason: finishReason ?? fate }));
    };
    return { request: this.request(start.tokens, start.text, seed, times), take, end };
  }

  /** Stores what has come so far. What is not finished counts as stopped, should the page be closed now. */
  keep(): void {
    const { id } = this.message;
    const tree = this.tree();
    const paths = tree.paths.map((path) => ({ ...path, finishReason: path.finishReason ?? "stopped" }));
    const message = current(this.message);
    const answer = { ...(message.answer as AnswerInfo), tree: { ...tree, paths } };
    keepTokens(id, this.own);
    setMessage({ ...message, answer });
    persist(
      db.transaction("rw", db.messages, db.paths, async () => {
        if (await db.messages.update(id, { answer })) await savePaths(id, this.own);
      }),
    );
  }

  end(): void {
    this.frame?.();
    this.keep();
    setTree(this.message.id, null);
  }

  /** The tree of an answer that was on one path: that one is its first. */
  private plant(): PathTree {
    const { status, finishReason, tokens, text } = this.answer;
    this.own.set(0, tokens);
    const fate = status === "done" ? (finishReason ?? "stop") : "stopped";
    const first = {
      branch: 0,
      parent: null,
      index: 0,
      at: 0,
      text,
      count: tokens.length,
      finishReason: fate,
    };
    const paths = [{ ...first, answer: null, scores: {}, vote: 0 }];
    return { policy: null, score: "logprob", chosen: null, shown: 0, narrowed: 0, votes: [], paths };
  }

  /** A new path from a token on. Returns its branch. */
  private begin(index: number, begun: readonly TokenRecord[]): number {
    const branch = Math.max(...this.paths.keys()) + 1;
    // What is before the place where the left path has its own tokens belongs to the one that that path left.
    const chain = lineage({ paths: [...this.paths.values()] }, this.left.branch);
    const parent = chain.find((path) => path.index <= index) ?? this.left;
    const at = begun.slice(0, index).reduce((sum, token) => sum + token.text.length, 0);
    const [forced] = begun.slice(index);
    const path = {
      branch,
      parent: parent.branch,
      index,
      at,
      text: forced?.text ?? "",
      count: 1,
      tried: true,
    };
    this.paths.set(branch, { ...path, finishReason: null, answer: null, scores: {}, vote: 0 });
    this.own.set(branch, forced ? [forced] : []);
    this.show();
    return branch;
  }

  private grow(branch: number | undefined, begun: readonly TokenRecord[], delta: ChatDelta): void {
    const tokens = this.own.get(branch ?? -1);
    if (branch === undefined || !tokens) return;
    const forced = delta.prefix === null ? undefined : retold(begun, delta.prefix).at(-1);
    if (forced) tokens[0] = forced;
    tokens.push(...delta.tokens);
    const last = tokens.at(-1);
    if (delta.tail && last) tokens[tokens.length - 1] = { ...last, text: last.text + delta.tail };
    const sum = tokens.reduce((total, token) => total + (token.logprob || 0), 0);
    this.change(branch, (path) => ({
      text: (forced ? forced.text : path.text) + delta.text,
      count: tokens.length,
      finishReason: delta.finishReason ?? path.finishReason,
      scores: { logprob: sum / tokens.length },
    }));
  }

  /** What the server found to be the answer of a path. */
  private found(delta: ChatDelta, branches: readonly number[]): void {
    for (const event of delta.forks) {
      const branch = branches[event.choice];
      if (event.type !== "settled" || branch === undefined) continue;
      this.change(branch, () => ({ answer: event.paths[0]?.answer ?? null }));
    }
  }

  private change(branch: number, change: (path: AnswerPath) => Partial<AnswerPath>): void {
    const path = this.paths.get(branch);
    if (path) this.paths.set(branch, { ...path, ...change(path) });
    this.show();
  }

  private show(): void {
    this.frame ??= nextFrame(() => {
      this.frame = null;
      setTree(this.message.id, this.tree());
    });
  }

  /** As it is now; a person may have chosen another path to be shown meanwhile. */
  private tree(): PathTree {
    const shown = treeOf(getState(), current(this.message)) as PathTree;
    return { ...shown, paths: [...this.paths.values()] };
  }

  private request(begun: readonly TokenRecord[], text: string, seed: number, n: number): ChatRequest {
    const { sampler } = this.info;
    const one = { ...sampler, seed, maxTokens: Math.max(1, sampler.maxTokens - begun.length), forks: null };
    const answer = { ...this.info, sampler: one, tree: undefined };
    const extract = sampler.forks?.overrides.extract ?? "auto";
    // One path each: it forks nowhere, but what the server finds to be its answer is told.
    const fork = { policy: "independent", paths: 1, extract };
    return { ...requestFor({ ...this.message, content: text, answer }, begun), n, fork };
  }
}
