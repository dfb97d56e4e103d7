import { MEASURE_NAMES } from "@/lib/metrics";
import type { AnswerPath, AnswerVote, PathTree, TokenRecord } from "@/types";
import { answerOf, persist, useChats, writesDone } from "./chats";
import { db, loadPaths, loadTokens, savePaths, saveTokens } from "./db";
import { type AnswerInfo, type Conversation, DEFAULT_SAMPLER, type Message, newId, ROOT } from "./model";
import { keepTokens } from "./paths";
import { interrupted, inWordsOfToday } from "./status";

const FORMAT = "entropix-conversations";

interface ExportedMessage extends Message {
  tokens?: TokenRecord[];
  /** The tokens of its paths, by branch. */
  paths?: [number, TokenRecord[]][];
}

interface ExportFile {
  format: typeof FORMAT;
  version: 1;
  conversations: { conversation: Conversation; messages: ExportedMessage[] }[];
}

/** The conversations with all their branches and tokens as the text of a JSON file. */
export async function exportConversations(ids: string[]): Promise<string> {
  const { conversations, answers } = useChats.getState();
  await writesDone();
  const file: ExportFile = { format: FORMAT, version: 1, conversations: [] };
  for (const id of ids) {
    const conversation = conversations[id];
    if (!conversation) continue;
    const stored = await db.messages.where({ conversationId: id }).toArray();
    const messages = await Promise.all(
      stored.map(async (message): Promise<ExportedMessage> => {
        if (message.role === "user") return message;
        const tokens = answers[message.id]?.tokens ?? (await loadTokens(message.id));
        if (!message.answer?.tree) return { ...message, tokens };
        return { ...message, tokens, paths: [...(await loadPaths(message.id))] };
      }),
    );
    file.conversations.push({ conversation, messages });
  }
  return JSON.stringify(file);
}

type Loose = Record<string, unknown>;
/** JSON has no NaN: the numbers that were not known come back as null. */
function revive(token: Loose): TokenRecord {
  const numbers = Object.fromEntries(MEASURE_NAMES.map((name) => [name, token[name] ?? Number.NaN]));
  return { ...token, ...numbers, alternatives: token.alternatives ?? [] } as unknown as TokenRecord;
}

function isTree({ paths, votes }: Partial<PathTree>): boolean {
  const numbers = (path: Partial<AnswerPath>) => [path.branch, path.index, path.at, path.count, path.vote];
  const isPath = (path: Partial<AnswerPath>) =>
    typeof path.text === "string" &&
    typeof (path.answer ?? "") === "string" &&
    typeof path.scores === "object" &&
    numbers(path).every(Number.isFinite);
  const isVote = (vote: Partial<AnswerVote>) =>
    typeof vote.answer === "string" && Array.isArray(vote.branches);
  return Array.isArray(paths) && paths.every(isPath) && Array.isArray(votes) && votes.every(isVote);
}

function check(value: unknown): ExportFile["conversations"] {
  const file = value as Partial<ExportFile> | null;
  if (file?.format !== FORMAT || !Array.isArray(file.conversations))
    throw new Error("This file holds no conversations: choose one that was exported here.");
  if (file.version !== 1) throw new Error("This file was written by a newer version of this page.");
  for (const { conversation, messages } of file.conversations) {
    const sound =
      typeof conversation?.title === "string" &&
      Array.isArray(messages) &&
      messages.every(
        (m) =>
          typeof m?.id === "string" &&
          typeof m.content === "string" &&
          (m.role === "user" || m.role === "assistant") &&
          (m.tokens === undefined || Array.isArray(m.tokens)) &&
          (m.paths === undefined || m.paths.every((path) => Array.isArray(path?.[1]))) &&
          (m.answer?.tree === undefined || isTree(m.answer.tree)),
      );
    if (!sound)
      throw new Error("This file is damaged: a conversation in it is not complete. Nothing was imported.");
  }
  return file.conversations;
}

/** New ids for everything, so that importing twice makes a copy and never overwrites. */
function renamed({ conversation, messages }: ExportFile["conversations"][number]): {
  conversation: Conversation;
  messages: ExportedMessage[];
} {
  const ids = new Map(messages.map((m) => [m.id, newId()]));
  const conversationId = newId();
  const rename = (id: string | null | undefined) => (id ? (ids.get(id) ?? null) : null);
  const choices = Object.entries(conversation.choices ?? {}).flatMap(([parent, child]) => {
    const from = parent === ROOT ? ROOT : rename(parent);
    const to = rename(child);
    return from && to ? [[from, to] as const] : [];
  });
  const forkOf = (fork: AnswerInfo["fork"]) => {
    const from = rename(fork?.from);
    return fork && from ? { ...fork, from } : null;
  };
  return {
    conversation: {
      ...conversation,
      id: conversationId,
      systemPrompt: conversation.systemPrompt === null ? null : (conversation.systemPrompt ?? ""),
      sampler: { ...DEFAULT_SAMPLER, ...conversation.sampler },
      created: conversation.created ?? Date.now(),
      updated: Date.now(),
      choices: Object.fromEntries(choices),
    },
    messages: messages
      .map(inWordsOfToday)
      .map(interrupted)
      .map((m: ExportedMessage) => ({
        ...m,
        id: ids.get(m.id) as string,
        conversationId,
        parentId: rename(m.parentId),
        ...(m.answer ? { answer: { ...m.answer, fork: forkOf(m.answer.fork) } } : {}),
      })),
  };
}

/** Adds and stores the conversations of an exported file. Gives their ids; throws where the file is not sound. */
export async function importConversations(text: string): Promise<string[]> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("This file is not JSON. Choose a file that was exported here.");
  }
  const ids: string[] = [];
  for (const entry of check(value).map(renamed)) {
    const { conversation } = entry;
    const messages = entry.messages.map(({ tokens: _tokens, paths: _paths, ...message }) => message);
    const revived = (tokens: TokenRecord[]) => tokens.map((t) => revive(t as unknown as Loose));
    const answers = entry.messages.flatMap((m) =>
      m.role === "assistant" ? [answerOf(m, revived(m.tokens ?? []))] : [],
    );
    useChats.setState((s) => ({
      conversations: { ...s.conversations, [conversation.id]: conversation },
      messages: { ...s.messages, [conversation.id]: Object.fromEntries(messages.map((m) => [m.id, m])) },
      answers: { ...s.answers, ...Object.fromEntries(answers.map((a) => [a.id, a])) },
    }));
    const paths = entry.messages.flatMap((m) => {
      const own = new Map((m.paths ?? []).map(([branch, tokens]) => [branch, revived(tokens)]));
      keepTokens(m.id, own);
      return own.size > 0 ? [[m.id, own] as const] : [];
    });
    const tables = [db.conversations, db.messages, db.traces, db.paths];
    await persist(
      db.transaction("rw", tables, async () => {
        await db.conversations.put(conversation);
        await db.messages.bulkPut(messages);
        for (const answer of answers) await saveTokens(answer.id, answer.tokens, 0);
        for (const [id, own] of paths) await savePaths(id, own);
      }),
    );
    ids.push(conversation.id);
  }
  return ids;
}
