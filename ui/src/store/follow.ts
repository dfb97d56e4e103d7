import { liveQuery } from "dexie";
import type { PathTree, TokenRecord } from "@/types";
import { answerOf, forget, judged, setAnswer, setMessage, useChats, writesDone } from "./chats";
import { db, loadTokens } from "./db";
import { isRunning, stop, stopConversation } from "./generation";
import type { Conversation, Message } from "./model";
import { underWay } from "./status";
import { onAskedToStop, whenReleased } from "./tabs";

const { getState, setState } = useChats;

/**
 * Keeps the list as other tabs change it. `onGone` is told of an open conversation that another tab deleted. Returns how
 * to end it.
 */
export function followConversations(onGone: () => void): () => void {
  const take = async () => {
    await writesDone();
    const rows = await db.conversations.toArray();
    if (getState().storageError) return; // what could not be stored is not deleted
    const stored = new Map(rows.map((row) => [row.id, row]));
    for (const id of Object.keys(getState().conversations)) {
      if (stored.has(id)) continue;
      stopConversation(id);
      if (getState().currentId === id) onGone();
      forget(id);
    }
    setState((s) => ({ conversations: Object.fromEntries(rows.map((row) => [row.id, merged(s, row)])) }));
  };
  const subscription = liveQuery(() => db.conversations.toArray()).subscribe({
    next: () => void take().catch(() => undefined),
    error: () => undefined, // the first read has said so already
  });
  const deafen = onAskedToStop(stop);
  return () => {
    subscription.unsubscribe();
    deafen();
  };
}

/** A stored conversation; what a tab has open keeps showing the branch that its reader chose. */
function merged({ conversations, currentId }: ReturnType<typeof getState>, row: Conversation): Conversation {
  const mine = conversations[row.id];
  if (!mine) return row;
  const next = row.id === currentId ? { ...row, choices: mine.choices } : row;
  return JSON.stringify(next) === JSON.stringify(mine) ? mine : next;
}

/** Keeps an open conversation as other tabs change it: their messages, and their answers while they grow. */
export function followConversation(conversationId: string): () => void {
  const waits = new Map<string, () => void>();
  let work = Promise.resolve();
  const take = (rows: Message[]) => {
    work = work.then(() => takeMessages(rows)).then(awaitEnds, () => undefined);
  };
  /** A tab that is closed writes nothing more: its unfinished answers are looked at again once it lets go. */
  const awaitEnds = () => {
    for (const [id, done] of waits) {
      if (getState().elsewhere[id]) continue;
      done();
      waits.delete(id);
    }
    const messages = getState().messages[conversationId] ?? {};
    for (const id of Object.keys(getState().elsewhere)) {
      if (!messages[id] || waits.has(id)) continue;
      const again = () => void db.messages.get(id).then((row) => row && take([row]));
      waits.set(id, whenReleased(id, again));
    }
  };
  const rows = () => db.messages.where({ conversationId }).toArray();
  const subscription = liveQuery(rows).subscribe({ next: take, error: () => undefined });
  return () => {
    subscription.unsubscribe();
    for (const callOff of waits.values()) callOff();
  };
}

/** What other tabs wrote. What this one is writing is newer here than in the database. */
async function takeMessages(rows: Message[]): Promise<void> {
  const foreign = rows.filter((row) => !isRunning(row.id) && differs(row));
  for (const message of await judged(foreign)) {
    const tokens = await grown(message);
    if (isRunning(message.id) || !getState().conversations[message.conversationId]) continue;
    setMessage(message);
    setElsewhere(message.id, underWay(message.answer));
    if (tokens) setAnswer(answerOf(message, tokens));
  }
}

function differs({ id, conversationId, content, answer }: Message): boolean {
  const mine = getState().messages[conversationId]?.[id];
  if (!mine || mine.content !== content || underWay(answer)) return true;
  if (!sameTree(mine.answer?.tree, answer?.tree)) return true;
  // This tab judges an unfinished answer by itself; the database keeps it as its writer left it.
  return mine.answer?.status !== answer?.status || getState().elsewhere[id] !== undefined;
}

/** Whether the same paths are there, the same of them ended, and the same one is shown. */
function sameTree(a: PathTree | undefined, b: PathTree | undefined): boolean {
  const state = (tree: PathTree | undefined) => [tree?.shown, tree?.paths.map((path) => path.finishReason)];
  return JSON.stringify(state(a)) === JSON.stringify(state(b));
}

/** The answer's tokens with those that arrived since; the known ones stay the same objects. Null: not on show yet. */
async function grown(message: Message): Promise<TokenRecord[] | null> {
  const known = getState().answers[message.id]?.tokens;
  if (!known) return null;
  const mine = getState().messages[message.conversationId]?.[message.id];
  const otherPath = mine?.answer?.tree?.shown !== message.answer?.tree?.shown;
  const from = otherPath ? 0 : Math.max(0, known.length - 1);
  return [...known.slice(0, from), ...(await loadTokens(message.id, from))];
}

function setElsewhere(id: string, elsewhere: boolean): void {
  if ((getState().elsewhere[id] ?? false) === elsewhere) return;
  setState(({ elsewhere: { [id]: _, ...others } }) => ({
    elsewhere: elsewhere ? { ...others, [id]: true } : others,
  }));
}
