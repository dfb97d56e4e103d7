import { type Message, ROOT } from "./model";

/**
 * A conversation is a tree of messages. Editing, regenerating and forking add a sibling; nothing is replaced.
 * `choices` says which child is shown below a message; without a choice the newest one is.
 */
export type Messages = Record<string, Message>;
export type Choices = Record<string, string>;

export interface Tree {
  messages: Messages;
  choices: Choices;
}

const keyOf = (parentId: string | null) => parentId ?? ROOT;

/** The messages of one conversation by parent, oldest first. */
export function childIndex(messages: Iterable<Message>): Map<string, Message[]> {
  const index = new Map<string, Message[]>();
  for (const message of messages) {
    const siblings = index.get(keyOf(message.parentId));
    if (siblings) siblings.push(message);
    else index.set(keyOf(message.parentId), [message]);
  }
  for (const siblings of index.values()) {
    siblings.sort((a, b) => a.created - b.created || a.id.localeCompare(b.id));
  }
  return index;
}

/** The ids from the first message down to the leaf that is shown. */
export function activePath({ messages, choices }: Tree): string[] {
  const index = childIndex(Object.values(messages));
  const path: string[] = [];
  for (let key = ROOT; ; ) {
    const children = index.get(key);
    if (!children) return path;
    const chosen = children.find((m) => m.id === choices[key]) ?? children[children.length - 1];
    if (!chosen || path.includes(chosen.id)) return path;
    path.push(chosen.id);
    key = chosen.id;
  }
}

/** The messages from the root down to `id`, itself included. */
export function ancestors(messages: Messages, id: string): Message[] {
  const chain: Message[] = [];
  for (let m = messages[id]; m && !chain.includes(m); m = m.parentId ? messages[m.parentId] : undefined) {
    chain.unshift(m);
  }
  return chain;
}

/** The alternatives at a message's place, itself among them, oldest first. */
export function siblings(messages: Messages, id: string): Message[] {
  const message = messages[id];
  if (!message) return [];
  return childIndex(Object.values(messages)).get(keyOf(message.parentId)) ?? [];
}

/** The choices that bring `id` onto the active path. */
export function choose({ messages, choices }: Tree, id: string): Choices {
  const next = { ...choices };
  for (const message of ancestors(messages, id)) next[keyOf(message.parentId)] = message.id;
  return next;
}

/** `id` and everything below it. */
export function subtree(messages: Messages, id: string): string[] {
  const index = childIndex(Object.values(messages));
  const found: string[] = [];
  const queue = [id];
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    found.push(next);
    for (const child of index.get(next) ?? []) queue.push(child.id);
  }
  return found;
}
