import Dexie, { type EntityTable, type Table } from "dexie";
import type { TokenRecord } from "@/types";
import type { Conversation, Message } from "./model";
import { type PackedTokens, packTokens, unpackTokens } from "./pack";

export interface SystemPrompt {
  id: string;
  name: string;
  text: string;
}

interface Trace {
  messageId: string;
  chunk: number;
  packed: PackedTokens;
}

/** The tokens that are a path's own (see AnswerPath). */
interface StoredPath {
  messageId: string;
  branch: number;
  packed: PackedTokens;
}

class Database extends Dexie {
  conversations!: EntityTable<Conversation, "id">;
  messages!: EntityTable<Message, "id">;
  traces!: Table<Trace, [string, number]>;
  paths!: Table<StoredPath, [string, number]>;
  systemPrompts!: EntityTable<SystemPrompt, "id">;

  constructor() {
    super("entropix");
    this.version(1).stores({
      conversations: "id, updated",
      messages: "id, conversationId",
      traces: "[messageId+chunk], messageId",
      systemPrompts: "id, name",
    });
    this.version(2).stores({ paths: "[messageId+branch], messageId" });
  }
}

export const db = new Database();

/** Tokens in one stored row: a growing answer rewrites its last row only. */
const CHUNK = 256;

/** Stores `tokens` of a message from token `from` on (the earlier ones are stored already). */
export async function saveTokens(
  messageId: string,
  tokens: readonly TokenRecord[],
  from: number,
): Promise<void> {
  const rows: Trace[] = [];
  for (let chunk = Math.floor(from / CHUNK); chunk * CHUNK < tokens.length; chunk++) {
    rows.push({ messageId, chunk, packed: packTokens(tokens.slice(chunk * CHUNK, (chunk + 1) * CHUNK)) });
  }
  await db.traces.bulkPut(rows);
}

/** The stored tokens of a message, from token `from` on. */
export async function loadTokens(messageId: string, from = 0): Promise<TokenRecord[]> {
  const chunk = Math.floor(from / CHUNK);
  const rows = await db.traces
    .where("[messageId+chunk]")
    .between([messageId, chunk], [messageId, Dexie.maxKey])
    .toArray();
  return rows.flatMap((row) => unpackTokens(row.packed)).slice(from - chunk * CHUNK);
}

/** Stores other tokens of a message in the place of those that it has. */
export async function replaceTokens(messageId: string, tokens: readonly TokenRecord[]): Promise<void> {
  await db.traces.where({ messageId }).delete();
  await saveTokens(messageId, tokens, 0);
}

/** Stores the tokens of a message's paths, by their branches. */
export async function savePaths(
  messageId: string,
  paths: ReadonlyMap<number, readonly TokenRecord[]>,
): Promise<void> {
  await db.paths.bulkPut(
    [...paths].map(([branch, tokens]) => ({ messageId, branch, packed: packTokens(tokens) })),
  );
}

/** The stored tokens of a message's paths, by their branches. */
export async function loadPaths(messageId: string): Promise<Map<number, TokenRecord[]>> {
  const rows = await db.paths.where({ messageId }).toArray();
  return new Map(rows.map(({ branch, packed }) => [branch, unpackTokens(packed)]));
}

export async function deleteMessages(ids: string[]): Promise<void> {
  await db.transaction("rw", db.messages, db.traces, db.paths, async () => {
    await db.messages.bulkDelete(ids);
    await db.traces.where("messageId").anyOf(ids).delete();
    await db.paths.where("messageId").anyOf(ids).delete();
  });
}

export async function deleteConversation(id: string): Promise<void> {
  const ids = await db.messages.where({ conversationId: id }).primaryKeys();
  await deleteMessages(ids);
  await db.conversations.delete(id);
}

/** Ids of the conversations whose title or any message contains `query`, whatever the case. */
export async function searchConversations(query: string): Promise<Set<string>> {
  const wanted = query.toLocaleLowerCase();
  const has = (text: string) => text.toLocaleLowerCase().includes(wanted);
  const found = new Set<string>();
  await db.conversations.each((c) => void (has(c.title) && found.add(c.id)));
  await db.messages.each((m) => void (has(m.content) && found.add(m.conversationId)));
  return found;
}
