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

class Database extends Dexie {
  conversations!: EntityTable<Conversation, "id">;
  messages!: EntityTable<Message, "id">;
  traces!: Table<Trace, [string, number]>;
  systemPrompts!: EntityTable<SystemPrompt, "id">;

  constructor() {
    super("entropix");
    this.version(1).stores({
      conversations: "id, updated",
      messages: "id, conversationId",
      traces: "[messageId+chunk], messageId",
      systemPrompts: "id, name",
    });
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

export async function deleteMessages(ids: string[]): Promise<void> {
  await db.transaction("rw", db.messages, db.traces, async () => {
    await db.messages.bulkDelete(ids);
    await db.traces.where("messageId").anyOf(ids).delete();
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
