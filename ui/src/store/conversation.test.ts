// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { useServer } from "@/api/server";
import type { ChatRequest } from "@/api/wire";
import { useFacts } from "@/lib/facts";
import { openConversation, openStore, useChats } from "./chats";
import { ensureConversation } from "./current";
import { db } from "./db";
import { continueAnswer, editMessage, forkAnswer, regenerate, runPair, send, stop } from "./generation";
import type { Message } from "./model";
import { DEFAULT_SAMPLER } from "./model";
import { underWay } from "./status";
import { exportConversations, importConversations } from "./transfer";
import { activePath } from "./tree";

const encoder = new TextEncoder();
const requests: ChatRequest[] = [];

const event = (token: string, i: number) => {
  const numbers = { logprob: -0.5, logits_entropy: 1, logits_varentropy: 1, attention_entropy: 1 };
  const rest = { attention_varentropy: 1, agreement: 0.25, interaction_strength: 2 };
  const none = { temperature: null, top_p: null, top_k: null, min_p: null };
  const metrics = { position: i, token_id: i, token, quadrant: "ADAPTIVE", ...numbers, ...rest, ...none };
  const top = [{ token, token_id: i, logprob: -0.5 }];
  const logprobs = { content: [{ token, logprob: -0.5, top_logprobs: top }] };
  const choice = { index: 0, delta: { content: token }, logprobs, finish_reason: null };
  return `data: ${JSON.stringify({ choices: [choice], metrics: [metrics] })}\n\n`;
};
/** What the answer was asked to begin with; the ids of these tests count the words of the last answer. */
const BEFORE = ["The", " sky", " is"];
const begun = (ids: number[]) => {
  const content = ids.map((id) => BEFORE[id]).join("");
  return `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`;
};
const LAST = `data: ${JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] })}\n\ndata: [DONE]\n\n`;

/** Answers every chat request with these tokens; `open`: the stream stays open after them. */
function answerWith(tokens: string[], open = false): void {
  vi.spyOn(globalThis, "fetch").mockImplementation(async (_url, init) => {
    requests.push(JSON.parse(String(init?.body)));
    const asked = requests.at(-1)?.prefix_token_ids;
    const events = tokens.map(event);
    if (asked) events.unshift(begun(asked));
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(encoder.encode(events.join("")));
        init?.signal?.addEventListener("abort", () =>
          controller.error(new DOMException("Aborted", "AbortError")),
        );
        if (!open) {
          controller.enqueue(encoder.encode(LAST));
          controller.close();
        }
      },
    });
    return new Response(body);
  });
}

const state = () => useChats.getState();
const messagesOf = (id: string) => state().messages[id] ?? {};
const path = (id: string): Message[] => {
  const tree = { messages: messagesOf(id), choices: state().conversations[id]?.choices ?? {} };
  return activePath(tree).map((m) => messagesOf(id)[m] as Message);
};
const last = (id: string) => path(id).at(-1) as Message;
const settled = (id: string) =>
  vi.waitFor(async () => {
    expect(underWay(last(id).answer)).toBe(false);
    expect((await db.messages.get(last(id).id))?.answer?.status).toBe(last(id).answer?.status);
  });

async function ask(text: string): Promise<string> {
  const { id } = ensureConversation();
  send(id, null, text);
  await settled(id);
  return id;
}

beforeEach(async () => {
  await Promise.all([db.conversations.clear(), db.messages.clear(), db.traces.clear()]);
  useChats.setState({ conversations: {}, messages: {}, answers: {}, currentId: null });
  const presets = { entropix: { temperature: 0.666 }, normal: { temperature: 0.7 } };
  const samplers = { presets, schema: {}, plainSchema: {}, defaultName: "entropix", fitted: null, forks: [] };
  useServer.setState({ connection: "ok", model: "m", modelId: "m", samplers });
  requests.length = 0;
});
afterEach(() => vi.restoreAllMocks());

describe("a conversation", () => {
  it("streams an answer into the store and the database", async () => {
    answerWith(["The", " sky", "."]);
    const id = await ask("Why?\nTell me.");
    expect(last(id)).toMatchObject({ content: "The sky.", answer: { status: "done", finishReason: "stop" } });
    expect(last(id).answer?.config).toEqual({ temperature: 0.666 });
    expect(state().conversations[id]?.title).toBe("Why?");
    // "auto" is wanted, and not there.
    expect(last(id).answer?.sampler.preset).toBe("entropix");
    expect(requests[0]).toMatchObject({
      sampler: "entropix",
      metrics: true,
      logprobs: true,
      top_logprobs: 10,
    });
    expect(requests[0]?.seed).toBe(last(id).answer?.sampler.seed);
    expect(requests[0]).not.toHaveProperty("sampler_config");
  });

  it("starts with the server's system prompt, also where that is not known yet", async () => {
    answerWith(["Hi"]);
    const facts = useFacts.getState();
    useFacts.setState({ system_prompt: null });
    useServer.setState({ samplers: null });
    const { id, systemPrompt } = ensureConversation();
    expect(systemPrompt).toBeNull();
    send(id, null, "Hello");
    useFacts.setState(facts);
    const samplers = { presets: { entropix: {} }, schema: {}, plainSchema: {}, defaultName: "entropix" };
    useServer.setState({ samplers: { ...samplers, fitted: null, forks: [] } });
    await settled(id);
    expect(requests[0]?.messages[0]).toEqual({ role: "system", content: facts.system_prompt });
    expect(state().conversations[id]?.systemPrompt).toBe(facts.system_prompt);
  });

  it("is found again after a reload, tokens included", async () => {
    answerWith(["The", " sky"]);
    const id = await ask("Why?");
    const before = state().answers[last(id).id]?.tokens;
    useChats.setState({ conversations: {}, messages: {}, answers: {}, currentId: null });
    await openStore();
    await openConversation(id);
    const { loadAnswer } = await import("./chats");
    await loadAnswer(last(id));
    expect(before).toHaveLength(2);
    expect(state().answers[last(id).id]?.tokens).toEqual(before);
  });

  it("keeps what had arrived when it is stopped, and goes on from there", async () => {
    answerWith(["The", " sky"], true);
    const { id } = ensureConversation();
    send(id, null, "Why?");
    await vi.waitFor(() => expect(state().answers[last(id).id]?.text).toBe("The sky"));
    stop(last(id).id);
    await settled(id);
    expect(last(id)).toMatchObject({ content: "The sky", answer: { status: "stopped" } });
    answerWith([" is", " blue"]);
    await continueAnswer(last(id));
    expect(last(id)).toMatchObject({ content: "The sky is blue", answer: { status: "done" } });
    expect(requests[1]?.prefix_token_ids).toEqual([0, 1]);
    expect(requests[1]?.messages.at(-1)?.role).toBe("user");
    expect(requests[1]).not.toHaveProperty("continue_final_message");
    expect(state().answers[last(id).id]?.tokens).toHaveLength(4);
  });

  it("sends another model the text of what it is to go on with, as ids mean something else there", async () => {
    answerWith(["The", " sky"]);
    const id = await ask("Why?");
    useServer.setState({ model: "other" });
    answerWith([" is"]);
    await continueAnswer(last(id));
    expect(requests[1]?.messages.at(-1)).toEqual({ role: "assistant", content: "The sky" });
    expect(requests[1]).toMatchObject({ continue_final_message: true });
    expect(requests[1]).not.toHaveProperty("prefix_token_ids");
    expect(last(id)).toMatchObject({ content: "The sky is", answer: { model: "other" } });
  });

  it("forks by the id of another token, whose text the server tells", async () => {
    answerWith(["The", " sky", "."]);
    const id = await ask("Why?");
    const first = last(id);
    answerWith([" blue"]);
    forkAnswer(first, 1, { token: "\\xf0\\x9f", token_id: 2, logprob: -1 });
    await settled(id);
    expect(requests[1]?.prefix_token_ids).toEqual([0, 2]);
    expect(requests[1]?.messages.at(-1)?.role).toBe("user");
    expect(last(id)).toMatchObject({
      content: "The is blue",
      answer: { fork: { from: first.id, index: 1 } },
    });
    expect(state().answers[last(id).id]?.tokens.map((t) => t.text)).toEqual(["The", " is", " blue"]);
  });

  it("shows an answer that a closed page left behind as interrupted", async () => {
    answerWith(["The"], true);
    const { id } = ensureConversation();
    send(id, null, "Why?");
    await vi.waitFor(async () => expect((await db.messages.get(last(id).id))?.content).toBe("The"));
    stop(last(id).id);
    await settled(id);
    const stored = await db.messages.get(last(id).id);
    if (stored?.answer)
      await db.messages.put({ ...stored, answer: { ...stored.answer, status: "streaming" } });
    useChats.setState({ messages: {}, answers: {} });
    await openConversation(id);
    expect(last(id).answer).toMatchObject({ status: "interrupted" });
  });

  it("keeps every version: edits, other answers, forks", async () => {
    answerWith(["The", " sky", "."]);
    const id = await ask("Why?");
    const first = last(id);
    regenerate(first);
    await settled(id);
    expect(last(id).id).not.toBe(first.id);
    forkAnswer(first, 1, " sea");
    await settled(id);
    expect(last(id)).toMatchObject({
      content: "The seaThe sky.",
      answer: { fork: { from: first.id, index: 1 } },
    });
    expect(requests.at(-1)?.messages.at(-1)).toEqual({ role: "assistant", content: "The sea" });
    expect(requests.at(-1)?.seed).toBe(first.answer?.sampler.seed);
    editMessage(path(id)[0] as Message, "How?");
    await settled(id);
    expect(path(id).map((m) => m.role)).toEqual(["user", "assistant"]);
    expect(Object.keys(messagesOf(id))).toHaveLength(6);
    expect(messagesOf(id)[first.id]?.content).toBe("The sky.");
  });

  it("runs one prompt under two samplers with one seed", async () => {
    answerWith(["A"]);
    const right = { ...DEFAULT_SAMPLER, preset: "normal", overrides: { temperature: 1 } };
    const id = runPair("Name a city.", { left: DEFAULT_SAMPLER, right, sameSeed: true }, "Be brief.");
    await vi.waitFor(() => expect(requests).toHaveLength(2));
    expect(requests.map((r) => r.sampler)).toEqual(["entropix", "normal"]);
    expect(requests[1]?.sampler_config).toEqual({ temperature: 1 });
    expect(requests[0]?.seed).toBe(requests[1]?.seed);
    expect(requests[0]?.messages[0]).toEqual({ role: "system", content: "Be brief." });
    await settled(id);
  });

  it("reports a server that is gone, and keeps the message", async () => {
    vi.spyOn(globalThis, "fetch").mockRejectedValue(new TypeError("Failed to fetch"));
    const id = await ask("Why?");
    expect(last(id).answer).toMatchObject({ status: "failed", error: expect.stringMatching(/connection/) });
  });
});

describe("export and import", () => {
  it("bring a copy back with all branches, choices and tokens, and overwrite nothing", async () => {
    answerWith(["The", " sky"]);
    const id = await ask("Why?");
    const first = last(id);
    forkAnswer(first, 1, " sea");
    await settled(id);
    const [copy] = (await importConversations(await exportConversations([id]))) as [string];
    expect(copy).not.toBe(id);
    expect(Object.keys(state().conversations)).toHaveLength(2);
    expect(path(copy).map((m) => m.content)).toEqual(path(id).map((m) => m.content));
    const fork = last(copy);
    expect(messagesOf(copy)[fork.answer?.fork?.from ?? ""]?.content).toBe("The sky");
    expect(state().answers[fork.id]?.tokens).toEqual(state().answers[last(id).id]?.tokens);
    expect(state().answers[fork.id]?.tokens[1]?.logprob).toBeNaN();
  });

  it.each([
    ["not JSON", "hello", /not JSON/],
    ["another file", '{"a":1}', /no conversations/],
    ["a newer file", '{"format":"entropix-conversations","version":2,"conversations":[]}', /newer version/],
    [
      "a damaged file",
      '{"format":"entropix-conversations","version":1,"conversations":[{"conversation":{"title":"x"},"messages":[{}]}]}',
      /damaged/,
    ],
  ])("refuse %s and change nothing", async (_, text, message) => {
    await expect(importConversations(text)).rejects.toThrow(message);
    expect(state().conversations).toEqual({});
  });
});
