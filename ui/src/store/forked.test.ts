// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useServer } from "@/api/server";
import type { ChatRequest } from "@/api/wire";
import { textOf } from "@/lib/paths";
import type { PathTree } from "@/types";
import { token } from "../../fixtures/record";
import { openConversation, useChats } from "./chats";
import { ensureConversation } from "./current";
import { db } from "./db";
import { continueAnswer, send, stop } from "./generation";
import { DEFAULT_SAMPLER, type Message } from "./model";
import { underWay } from "./status";
import { takePath } from "./take";
import { exportConversations, importConversations } from "./transfer";
import { activePath } from "./tree";
import { forkEverywhere, forkTimes } from "./tries";

const encoder = new TextEncoder();
const requests: ChatRequest[] = [];
const line = (data: unknown) => `data: ${JSON.stringify(data)}\n\n`;
const choice = (index: number, content?: string, finish_reason: string | null = null) => ({
  index,
  delta: content === undefined ? {} : { content },
  finish_reason,
});

/** A token as the server writes it, with " no" as likely as itself. */
function metrics(text: string, position: number) {
  const { text: _text, alternatives: _alternatives, ...numbers } = token(text);
  return { ...numbers, position, token_id: IDS.indexOf(text) };
}
const IDS = ["Yes", " it", " is", " no", " not"];
const top = (text: string) =>
  [text, " no"].map((one) => ({ token: one, token_id: IDS.indexOf(one), logprob: -1, bytes: [] }));
const settledToken = (text: string, position: number, index = 0) =>
  line({
    choices: [{ ...choice(index, text), logprobs: { content: [{ token: text, top_logprobs: top(text) }] } }],
    metrics: [metrics(text, position)],
  });
const forks = (...events: object[]) => line({ choices: [choice(0)], forks: events });
const pathToken = (branch: number, text: string, position: number, finish_reason: string | null = null) => ({
  ...metrics(text, position),
  type: "token",
  choice: 0,
  branch,
  text,
  finish_reason,
  top_logprobs: top(text),
});
const pathFork = {
  type: "fork",
  choice: 0,
  branch: 1,
  parent: 0,
  position: 51,
  token_ids: [3],
  finish_reason: null,
};
const said = (branch: number, text: string, answer: string) => ({
  ...{
    branch,
    parent: branch === 0 ? null : 0,
    position: 50 + branch,
    token_ids: [],
    start: 0,
    end: 0,
    text,
    answer,
  },
  ...{ finish_reason: "stop", scores: { logprob: -1 }, vote: 1 },
});
const settle = (index: number, ...paths: object[]) =>
  line({
    choices: [choice(index)],
    forks: [
      {
        type: "settled",
        choice: index,
        policy: "entropy",
        chosen: 0,
        tokens: 4,
        narrowed: 0,
        votes: [],
        paths,
      },
    ],
  });

/** "Yes it is", which a path leaves at the second token for "Yes no". */
const FORKED = [
  forks(pathToken(0, "Yes", 50)),
  settledToken("Yes", 50),
  forks(pathToken(0, " it", 51), { ...pathFork, text: "Yes no" }),
  forks(pathToken(0, " is", 52, "stop"), pathToken(1, " not", 52, "stop")),
];
const END = [
  settledToken(" it", 51),
  settledToken(" is", 52),
  settle(0, said(0, "Yes it is", "is"), said(1, "Yes no not", "not")),
  line({ choices: [choice(0, undefined, "stop")] }),
];

/** Answers every request with these lines; without an end, the stream stays open. */
function serve(lines: (request: ChatRequest) => string[], ends = true): void {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (_url, init) => {
    const request = JSON.parse(String(init?.body)) as ChatRequest;
    requests.push(request);
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encoder.encode(lines(request).join("") + (ends ? "data: [DONE]\n\n" : "")));
        init?.signal?.addEventListener("abort", () =>
          controller.error(new DOMException("Aborted", "AbortError")),
        );
        if (ends) controller.close();
      },
    });
    return new Response(body);
  });
}

const state = () => useChats.getState();
const last = (id: string): Message => {
  const messages = state().messages[id] ?? {};
  const path = activePath({ messages, choices: state().conversations[id]?.choices ?? {} });
  return messages[path.at(-1) as string] as Message;
};
const treeOf = (id: string) => last(id).answer?.tree as PathTree;
const textsOf = (tree: PathTree) => tree.paths.map(({ branch }) => textOf(tree, branch));

async function ask(): Promise<string> {
  const { id } = ensureConversation();
  send(id, null, "Is it?");
  await vi.waitFor(() => expect(underWay(last(id).answer)).toBe(false));
  return id;
}

beforeEach(async () => {
  await Promise.all([db.conversations, db.messages, db.traces, db.paths].map((table) => table.clear()));
  useChats.setState({ conversations: {}, messages: {}, answers: {}, trees: {}, currentId: null });
  const policy = {
    name: "entropy",
    description: "",
    defaults: { policy: "entropy", score: "logprob" },
    schema: {},
  };
  const samplers = { presets: { auto: {} }, schema: {}, plainSchema: {}, defaultName: "auto", fitted: null };
  useServer.setState({
    connection: "ok",
    model: "m",
    modelId: "m",
    samplers: { ...samplers, forks: [policy] },
  });
  const { id } = ensureConversation();
  const sampler = { ...DEFAULT_SAMPLER, forks: { policy: "entropy", overrides: { paths: 2 } } };
  useChats.setState((s) => ({
    currentId: id,
    conversations: { [id]: { ...s.conversations[id], sampler } as (typeof s.conversations)[string] },
  }));
  requests.length = 0;
});
afterEach(() => vi.restoreAllMocks());

describe("an answer that forks", () => {
  it("is the chosen path, and any other one once it is taken; that one goes on alone", async () => {
    serve(() => [...FORKED, ...END]);
    const id = await ask();
    expect(requests[0]?.fork).toEqual({ policy: "entropy", paths: 2 });
    expect(last(id)).toMatchObject({ content: "Yes it is", answer: { status: "done" } });
    expect(treeOf(id)).toMatchObject({ chosen: 0, shown: 0, score: "logprob" });
    expect(textsOf(treeOf(id))).toEqual(["Yes it is", "Yes no not"]);

    await takePath(last(id), 1);
    expect(last(id).content).toBe("Yes no not");
    expect(state().answers[last(id).id]?.tokens.map((t) => [t.token_id, t.forked])).toEqual([
      [0, undefined],
      [3, true],
      [4, undefined],
    ]);
    expect((await db.messages.get(last(id).id))?.content).toBe("Yes no not");

    serve(() => [
      line({ choices: [choice(0, "Yes no not")] }),
      settledToken(" is", 53),
      line({ choices: [choice(0, undefined, "stop")] }),
    ]);
    await continueAnswer(last(id));
    expect(requests.at(-1)).toMatchObject({ prefix_token_ids: [0, 3, 4] });
    expect(requests.at(-1)).not.toHaveProperty("fork");
    expect(textsOf(treeOf(id))).toEqual(["Yes it is", "Yes no not is"]);
    await takePath(last(id), 0);
    await takePath(last(id), 1);
    expect(last(id).content).toBe("Yes no not is");
  });

  it("keeps its paths when it is stopped, and writes them again from what they have in common", async () => {
    serve(() => FORKED.slice(0, 3), false);
    const { id } = ensureConversation();
    send(id, null, "Is it?");
    await vi.waitFor(() => expect(state().trees[last(id).id]?.paths).toHaveLength(2));
    stop(last(id).id);
    await vi.waitFor(() => expect(last(id).answer?.status).toBe("stopped"));
    expect(last(id).content).toBe("Yes");
    expect(treeOf(id)).toMatchObject({ shown: null, chosen: null });
    expect(treeOf(id).paths.map((path) => path.finishReason)).toEqual(["stopped", "stopped"]);
    serve(() => []);
    await continueAnswer(last(id));
    expect(requests.at(-1)).toMatchObject({ fork: { policy: "entropy" }, prefix_token_ids: [0] });
  });

  it("is exported and imported with the tokens of all its paths", async () => {
    serve(() => [...FORKED, ...END]);
    const [copy] = (await importConversations(await exportConversations([await ask()]))) as [string];
    await openConversation(copy);
    await takePath(last(copy), 1);
    expect(state().answers[last(copy).id]?.tokens.map((t) => t.text)).toEqual(["Yes", " no", " not"]);
  });

  it("was stored before there were paths, and is read as it was", async () => {
    serve(() => [...FORKED, ...END]);
    const id = await ask();
    const stored = (await db.messages.get(last(id).id)) as Message;
    const { tree: _tree, ...answer } = stored.answer as NonNullable<Message["answer"]>;
    await db.messages.put({ ...stored, answer });
    useChats.setState({ messages: {}, answers: {} });
    await openConversation(id);
    expect(last(id)).toMatchObject({ content: "Yes it is", answer: { status: "done" } });
    await expect(takePath(last(id), 1)).resolves.toBeUndefined();
    expect(last(id).content).toBe("Yes it is");
  });
});

describe("other ways of an answer that is there", () => {
  /** Goes on with " is", n times; says "is" of the answer itself, "no" of every other one. */
  const other = (request: ChatRequest) => {
    const begun = (request.prefix_token_ids ?? []).map((id) => IDS[id]).join("");
    return Array.from({ length: request.n ?? 1 }, (_, i) => [
      line({ choices: [choice(i, begun)] }),
      settledToken(" is", 60, i),
      settle(i, said(0, `${begun} is`, request.max_tokens === 1 ? "is" : "no")),
      line({ choices: [choice(i, undefined, "stop")] }),
    ]).flat();
  };
  const plain = () => [settledToken("Yes", 50), settledToken(" it", 51), ...END.slice(-1)];

  beforeEach(() => {
    const { id } = ensureConversation();
    useChats.setState((s) => ({
      conversations: {
        [id]: { ...s.conversations[id], sampler: DEFAULT_SAMPLER } as (typeof s.conversations)[string],
      },
    }));
  });

  it("are several at once from a token, by one request", async () => {
    serve(plain);
    const id = await ask();
    serve(other);
    await forkTimes(last(id), 1, { token: " no", token_id: 3, logprob: -1 }, 3);
    expect(requests[1]).toMatchObject({ n: 3, prefix_token_ids: [0, 3], seed: requests[0]?.seed });
    expect(textsOf(treeOf(id))).toEqual(["Yes it", "Yes no is", "Yes no is", "Yes no is"]);
    expect(treeOf(id).paths.map(({ answer }) => answer)).toEqual(["is", "no", "no", "no"]);
    expect(last(id).content).toBe("Yes it");
    await takePath(last(id), 2);
    expect(last(id)).toMatchObject({ content: "Yes no is", answer: { status: "done" } });
    expect(state().trees).toEqual({});
  });

  it("are one for each place where it hesitated, each by a request of its own", async () => {
    serve(plain);
    const id = await ask();
    serve(other);
    await forkEverywhere(last(id));
    expect(requests.slice(1).map((r) => r.prefix_token_ids)).toEqual([[3], [0, 3], [0]]);
    expect(treeOf(id).paths.map(({ index, tried }) => [index, tried])).toEqual([
      [0, undefined],
      [0, true],
      [1, true],
    ]);
    await expect(forkEverywhere(last(id))).rejects.toThrow(/no place to try/);
  });

  it("that failed are kept as such, with the error said", async () => {
    serve(plain);
    const id = await ask();
    vi.spyOn(globalThis, "fetch").mockImplementation(async () => new Response("{}", { status: 500 }));
    const choose = { token: " no", token_id: 3, logprob: -1 };
    await expect(forkTimes(last(id), 1, choose, 2)).rejects.toThrow(/500/);
    expect(treeOf(id).paths.map((path) => path.finishReason)).toEqual(["stop", "failed", "failed"]);
    useServer.setState({ model: "other" });
    await expect(forkTimes(last(id), 1, choose, 2)).rejects.toThrow(/m wrote this answer/);
  });
});
