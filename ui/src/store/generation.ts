import { type StreamOptions, streamChat } from "@/api/chat";
import { ApiError, isAbort } from "@/api/errors";
import { forkFields, samplerFields, scoreOf } from "@/api/samplers";
import { checkServer, serverKnown, useServer } from "@/api/server";
import type { ChatMessage, ChatRequest } from "@/api/wire";
import { useFacts } from "@/lib/facts";
import { merge } from "@/lib/overrides";
import type { Alternative, SamplerConfig, TokenRecord } from "@/types";
import {
  addMessage,
  createConversation,
  loadAnswer,
  setMessage,
  updateConversation,
  useChats,
} from "./chats";
import { forkStart, idsOf } from "./fork";
import { LiveAnswer } from "./live";
import {
  type AnswerInfo,
  type Conversation,
  type ForkSettings,
  type Message,
  newId,
  newSeed,
  type SamplerSettings,
  settingsOn,
} from "./model";
import { underWay } from "./status";
import { askToStop, holdAnswer } from "./tabs";
import { ancestors } from "./tree";

const TOP_ALTERNATIVES = 10;
const running = new Map<string, AbortController>();

const conversationOf = (id: string) => useChats.getState().conversations[id] as Conversation;
const messagesOf = (id: string) => useChats.getState().messages[id] ?? {};
const tokensOf = (id: string): TokenRecord[] => useChats.getState().answers[id]?.tokens ?? [];

function configOf(settings: SamplerSettings): SamplerConfig | null {
  const preset = useServer.getState().samplers?.presets[settings.preset];
  return preset ? merge(preset, settings.overrides) : null;
}

export function newAnswer(wanted: SamplerSettings, fork: AnswerInfo["fork"] = null): AnswerInfo {
  const settings = settingsOn(useServer.getState().samplers, wanted);
  return {
    status: "waiting",
    finishReason: null,
    error: null,
    sampler: { ...settings, seed: settings.seed ?? newSeed() },
    config: configOf(settings),
    model: useServer.getState().model ?? "",
    seconds: null,
    fork,
  };
}

export function newMessage(conversationId: string, parentId: string | null, rest: Partial<Message>): Message {
  return {
    id: newId(),
    conversationId,
    parentId,
    role: "user",
    content: "",
    created: Date.now(),
    ...rest,
  };
}

/**
 * The request for an answer: everything above it, and its own beginning where it has one, by the ids of its tokens. A
 * beginning that was typed is sent as text.
 */
export function requestFor(message: Message, begun: readonly TokenRecord[]): ChatRequest {
  const answer = message.answer as AnswerInfo;
  const conversation = conversationOf(message.conversationId);
  const history = ancestors(messagesOf(message.conversationId), message.id).slice(0, -1);
  const messages: ChatMessage[] = history.map(({ role, content }) => ({ role, content }));
  if (conversation.systemPrompt) messages.unshift({ role: "system", content: conversation.systemPrompt });
  const ids = idsOf(begun, message.content);
  const typed = ids === null && message.content !== "";
  if (typed) messages.push({ role: "assistant", content: message.content });
  return {
    model: useServer.getState().modelId,
    messages,
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: answer.sampler.maxTokens,
    seed: answer.sampler.seed,
    ...samplerFields(answer.sampler.preset, answer.sampler.overrides, answer.sampler.biases),
    metrics: true,
    logprobs: true,
    top_logprobs: TOP_ALTERNATIVES,
    ...forkFields(forksOf(answer)),
    ...(typed ? { continue_final_message: true as const } : {}),
    ...(ids ? { prefix_token_ids: ids } : {}),
  };
}

/** How an answer is to fork: not at all where one of its paths was chosen already, which goes on alone. */
function forksOf({ tree, sampler }: AnswerInfo): ForkSettings | null {
  const alone = tree !== undefined && tree.shown !== null;
  return alone ? null : (sampler.forks ?? null);
}

const withoutId = (token: TokenRecord): TokenRecord => ({ ...token, token_id: -1 });

function setWaiting(id: string, wait: { message: string; until: number } | null): void {
  useChats.setState(({ waiting: { [id]: _, ...others } }) => ({
    waiting: wait ? { ...others, [id]: wait } : others,
  }));
}

/** A conversation that began before the server's system prompt was known keeps that one from now on. */
function settleSystemPrompt(conversationId: string): void {
  if (conversationOf(conversationId)?.systemPrompt === null)
    updateConversation(conversationId, { systemPrompt: useFacts.getState().system_prompt ?? "" });
}

/** Holds an answer while it is written: `stop` ends the work, and other tabs leave the answer alone. */
export async function whileHeld(
  messageId: string,
  work: (signal: AbortSignal, onWait: StreamOptions["onWait"]) => Promise<void>,
): Promise<void> {
  const abort = new AbortController();
  running.set(messageId, abort);
  const release = holdAnswer(messageId);
  try {
    await work(abort.signal, (seconds, { message }) =>
      setWaiting(messageId, seconds === null ? null : { message, until: Date.now() + seconds * 1000 }),
    );
  } finally {
    running.delete(messageId);
    release();
    setWaiting(messageId, null);
  }
}

/** Streams an answer into `message`, after the text and tokens that it already has. */
function run(message: Message, tokens: TokenRecord[] = []): Promise<void> {
  const live = new LiveAnswer(message, [...tokens]);
  let finishReason: string | null = null;
  return whileHeld(message.id, async (signal, onWait) => {
    try {
      await serverKnown(signal);
      settleSystemPrompt(message.conversationId);
      const info = message.answer as AnswerInfo;
      const server = useServer.getState();
      const sampler = settingsOn(server.samplers, info.sampler);
      const config = info.config ?? configOf(sampler);
      const model = server.model ?? info.model;
      const known = { sampler, config, model };
      // To another model than the one that wrote them, the ids of an answer's tokens mean something else.
      const begun = info.model && info.model !== model ? tokens.map(withoutId) : tokens;
      const forks = forksOf({ ...info, ...known });
      const score = forks && scoreOf(server.samplers?.forks ?? [], forks);
      live.learn(known, [...begun], forks && { policy: forks.policy, score: score ?? "" });
      const request = requestFor({ ...message, answer: { ...info, ...known } }, begun);
      for await (const delta of streamChat(request, { signal, onWait })) {
        finishReason = delta.finishReason ?? finishReason;
        live.add(delta);
      }
      await live.end({ status: "done", finishReason, error: null });
    } catch (error) {
      if (isAbort(error)) return live.end({ status: "stopped", finishReason: null, error: null });
      const text = error instanceof Error ? error.message : String(error);
      await live.end({ status: "failed", finishReason: null, error: text });
      if (error instanceof ApiError && error.gone) void checkServer();
    }
  });
}

function answerBelow(user: Message, settings: SamplerSettings): Message {
  const answer = newMessage(user.conversationId, user.id, { role: "assistant", answer: newAnswer(settings) });
  addMessage(answer);
  void run(answer);
  return answer;
}

export function titleOf(prompt: string): string {
  const line = prompt.trim().split("\n")[0]?.trim() ?? "";
  return line.length > 60 ? `${line.slice(0, 59).trimEnd()}…` : line;
}

/** Adds a person's message below `parentId` and starts the answer. */
export function send(conversationId: string, parentId: string | null, text: string): void {
  const conversation = conversationOf(conversationId);
  if (parentId === null && Object.keys(messagesOf(conversationId)).length === 0) {
    updateConversation(conversationId, { title: titleOf(text) });
  }
  const user = newMessage(conversationId, parentId, { content: text });
  addMessage(user);
  answerBelow(user, conversation.sampler);
}

/** A new version of a person's message, beside the old one. */
export function editMessage(message: Message, text: string): void {
  send(message.conversationId, message.parentId, text);
}

const sameSampler = (a: SamplerSettings, b: SamplerSettings) =>
  a.preset === b.preset &&
  JSON.stringify([a.overrides, a.forks ?? null, a.biases ?? []]) ===
    JSON.stringify([b.overrides, b.forks ?? null, b.biases ?? []]);

/** Another answer beside this one. Under the same sampler a fixed seed would only repeat it: that one gets a new seed. */
export function regenerate(message: Message): void {
  const parent = messagesOf(message.conversationId)[message.parentId ?? ""];
  const before = message.answer?.sampler;
  const settings = conversationOf(message.conversationId).sampler;
  if (!parent || !before) return;
  const repeats = sameSampler(before, settings) && before.seed === settings.seed;
  answerBelow(parent, repeats ? { ...settings, seed: newSeed() } : settings);
}

/** Answers a person's message that has no answer yet. */
export function answer(user: Message): void {
  answerBelow(user, conversationOf(user.conversationId).sampler);
}

/** Goes on with an answer that was stopped, cut off, or ended at its limit. */
export async function continueAnswer(message: Message): Promise<void> {
  const { answer } = messagesOf(message.conversationId)[message.id] ?? message;
  if (!answer || underWay(answer) || isRunning(message.id)) return;
  await loadAnswer(message);
  const { text, tokens } = useChats.getState().answers[message.id] ?? { text: message.content, tokens: [] };
  const info: AnswerInfo = { ...answer, status: "waiting", finishReason: null, error: null };
  // Paths of which none was chosen are written again, from what they have in common.
  if (info.tree?.shown === null) info.tree = undefined;
  const next: Message = { ...message, content: text, answer: info };
  setMessage(next);
  await run(next, tokens);
}

/** Branches off an answer at a token, with another token in its place. Throws where that cannot be. */
export function forkAnswer(message: Message, index: number, choice: Alternative | string): void {
  const { tokens, text, ends } = forkStart(tokensOf(message.id), index, choice);
  const { sampler, model } = message.answer as AnswerInfo;
  // The same token again under the same seed would only repeat the answer.
  const forced = typeof choice === "string" ? choice : choice.token;
  const settings = forced === tokensOf(message.id)[index]?.token ? { ...sampler, seed: newSeed() } : sampler;
  const info = { ...newAnswer(settings, { from: message.id, index }), model };
  const branch = newMessage(message.conversationId, message.parentId, {
    role: "assistant",
    content: text,
    answer: ends ? { ...info, status: "done", finishReason: "stop" } : info,
  });
  addMessage(branch);
  if (!ends) void run(branch, tokens);
  else void new LiveAnswer(branch, tokens).end({ status: "done", finishReason: "stop", error: null });
}

/** Whether this tab is writing the answer, or at work on its paths. */
export function isRunning(messageId: string): boolean {
  return running.has(messageId);
}

/** Stops an answer, whichever tab writes it. */
export function stop(messageId: string): void {
  running.get(messageId)?.abort();
  if (useChats.getState().elsewhere[messageId]) askToStop(messageId);
}

export function stopConversation(conversationId: string): void {
  for (const id of Object.keys(messagesOf(conversationId))) stop(id);
}

/** One prompt, two answers at once; kept as a conversation with two branches. Returns its id. */
export function runPair(
  prompt: string,
  pair: NonNullable<Conversation["pair"]>,
  systemPrompt: string | null,
): string {
  const seed = pair.left.seed ?? newSeed();
  const sides = [
    { ...pair.left, seed },
    { ...pair.right, seed: pair.sameSeed ? seed : (pair.right.seed ?? newSeed()) },
  ];
  const conversation = createConversation({ title: titleOf(prompt), sampler: pair.left, systemPrompt, pair });
  const user = newMessage(conversation.id, null, { content: prompt });
  addMessage(user);
  for (const [i, side] of sides.entries()) {
    const info = newAnswer(side);
    const message = newMessage(conversation.id, user.id, { role: "assistant", answer: info });
    addMessage({ ...message, created: message.created + i });
    void run({ ...message, created: message.created + i });
  }
  return conversation.id;
}
