import { create } from "zustand";
import type { Answer, PathTree } from "@/types";
import { answerLabel } from "./answers";
import { db, deleteConversation, loadTokens } from "./db";
import { type Conversation, DEFAULT_SAMPLER, type Message, newId, type SamplerSettings } from "./model";
import { interrupted, inWordsOfToday, underWay } from "./status";
import { heldAnswers } from "./tabs";
import { choose, type Messages } from "./tree";

interface Chats {
  ready: boolean;
  /** Why the browser's database cannot be used; then nothing is kept over a reload. */
  storageError: string | null;
  conversations: Record<string, Conversation>;
  currentId: string | null;
  /** The messages of each conversation that was opened. */
  messages: Record<string, Messages>;
  /** The tokens of each answer on show, by message id. */
  answers: Record<string, Answer>;
  /** The paths of each answer that is on several, while some are being written: then it is in the message. */
  trees: Record<string, PathTree>;
  /** Seconds left to wait for a busy server, by message id. */
  waiting: Record<string, { message: string; until: number }>;
  /** The answers that another tab of this page is writing. */
  elsewhere: Record<string, true>;
}

export const useChats = create<Chats>(() => ({
  ready: false,
  storageError: null,
  conversations: {},
  currentId: null,
  messages: {},
  answers: {},
  trees: {},
  waiting: {},
  elsewhere: {},
}));

const { getState, setState } = useChats;

function storageFailed(error: unknown): void {
  const reason = error instanceof Error ? error.message : String(error);
  setState({ storageError: `This browser does not keep conversations: ${reason}` });
}

let written: Promise<unknown> = Promise.resolve();

/** Runs a write; a full or forbidden store is shown once and never stops the chat. */
export function persist(work: PromiseLike<unknown>): Promise<unknown> {
  const done = Promise.resolve(work).catch(storageFailed);
  written = Promise.all([written, done]);
  return done;
}

/** Resolves once everything that this tab has written so far is stored, or could not be. */
export function writesDone(): Promise<unknown> {
  return written;
}

export async function openStore(): Promise<void> {
  try {
    const all = await db.conversations.toArray();
    setState({ conversations: Object.fromEntries(all.map((c) => [c.id, c])) });
  } catch (error) {
    storageFailed(error);
  }
  setState({ ready: true });
}

/** Shows a conversation (null: the empty page) and reads its messages the first time. */
export async function openConversation(id: string | null): Promise<void> {
  if (id !== null && !getState().conversations[id]) return openConversation(null);
  if (id !== null && !getState().messages[id]) {
    try {
      const stored = await db.messages.where({ conversationId: id }).toArray();
      putMessages(id, await judged(stored));
    } catch (error) {
      storageFailed(error);
    }
  }
  setState({ currentId: id });
}

/** Stored messages as they are to be shown: an answer under way that no tab is writing has been interrupted. */
export async function judged(stored: Message[]): Promise<Message[]> {
  const messages = stored.map(inWordsOfToday);
  if (!messages.some(({ answer }) => underWay(answer))) return messages;
  const held = await heldAnswers();
  return messages.map((message) => (held.has(message.id) ? message : interrupted(message)));
}

function putMessages(conversationId: string, added: Message[]): void {
  setState((s) => ({
    messages: {
      ...s.messages,
      [conversationId]: { ...s.messages[conversationId], ...Object.fromEntries(added.map((m) => [m.id, m])) },
    },
  }));
}

export function answerOf(message: Message, tokens: Answer["tokens"]): Answer {
  const { answer } = message;
  return {
    id: message.id,
    label: answer ? answerLabel(answer) : "",
    tokens,
    text: message.content,
    status: answer?.status ?? "done",
    finishReason: answer?.finishReason ?? null,
    config: answer?.config ?? null,
    seconds: answer?.seconds ?? null,
  };
}

/** Reads an answer's tokens into `answers`, once. */
export async function loadAnswer(message: Message): Promise<void> {
  if (getState().answers[message.id] || message.role !== "assistant") return;
  const tokens = await loadTokens(message.id).catch(() => []);
  setState((s) => (s.answers[message.id] ? s : putAnswer(s, answerOf(message, tokens))));
}

function putAnswer(s: Chats, answer: Answer): Partial<Chats> {
  return { answers: { ...s.answers, [answer.id]: answer } };
}

export function setAnswer(answer: Answer): void {
  setState((s) => putAnswer(s, answer));
}

/** Puts an answer's paths on show while they grow; null once they are in its message. */
export function setTree(id: string, tree: PathTree | null): void {
  setState(({ trees: { [id]: _, ...others } }) => ({ trees: tree ? { ...others, [id]: tree } : others }));
}

export function treeOf({ trees }: Pick<Chats, "trees">, message: Message): PathTree | undefined {
  return trees[message.id] ?? message.answer?.tree;
}

export function useTree(message: Message): PathTree | undefined {
  return useChats((s) => treeOf(s, message));
}

export function createConversation(from: Partial<Conversation> = {}): Conversation {
  const now = Date.now();
  const conversation: Conversation = {
    id: newId(),
    title: "New conversation",
    created: now,
    updated: now,
    systemPrompt: "",
    sampler: DEFAULT_SAMPLER,
    choices: {},
    ...from,
  };
  setState((s) => ({
    conversations: { ...s.conversations, [conversation.id]: conversation },
    messages: { ...s.messages, [conversation.id]: {} },
  }));
  persist(db.conversations.put(conversation));
  return conversation;
}

export function updateConversation(id: string, change: Partial<Conversation>): void {
  const conversation = getState().conversations[id];
  if (!conversation) return;
  const next = { ...conversation, ...change };
  setState((s) => ({ conversations: { ...s.conversations, [id]: next } }));
  // Only what changed: another tab may have changed the rest.
  persist(db.conversations.update(id, change));
}

/** Drops a conversation from memory. */
export function forget(id: string): void {
  setState((s) => {
    const { [id]: _conversation, ...conversations } = s.conversations;
    const { [id]: _messages, ...messages } = s.messages;
    return { conversations, messages, currentId: s.currentId === id ? null : s.currentId };
  });
}

export async function removeConversation(id: string): Promise<void> {
  forget(id);
  await persist(deleteConversation(id));
}

/** Adds a message and brings it onto the active path. */
export function addMessage(message: Message): void {
  putMessages(message.conversationId, [message]);
  persist(db.messages.put(message));
  showMessage(message.conversationId, message.id);
}

/** Changes a message on show; whoever streams it stores it. */
export function setMessage(message: Message): void {
  putMessages(message.conversationId, [message]);
}

export function showMessage(conversationId: string, id: string): void {
  const { conversations, messages } = getState();
  const conversation = conversations[conversationId];
  if (!conversation) return;
  const tree = { messages: messages[conversationId] ?? {}, choices: conversation.choices };
  updateConversation(conversationId, { choices: choose(tree, id), updated: Date.now() });
}

export function setSampler(conversationId: string, change: Partial<SamplerSettings>): void {
  const conversation = getState().conversations[conversationId];
  if (conversation) updateConversation(conversationId, { sampler: { ...conversation.sampler, ...change } });
}
