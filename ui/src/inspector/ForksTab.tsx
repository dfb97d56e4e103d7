import clsx from "clsx";
import { useEffect, useMemo } from "react";
import { ShareLine } from "@/instruments/ShareBar";
import { useSelection } from "@/instruments/selection";
import { partingWord } from "@/lib/paths";
import { shares } from "@/lib/quadrants";
import { answerLabel } from "@/store/answers";
import { loadAnswer, showMessage, useChats } from "@/store/chats";
import { useCurrent, useMessages, usePath } from "@/store/current";
import { type Message, ROOT } from "@/store/model";
import { childIndex } from "@/store/tree";
import { useInspected } from "./inspected";
import { PathsPanel } from "./PathsPanel";

type Index = Map<string, Message[]>;

/** The quadrants of an answer as a hairline of shares. */
function Shares({ id }: { id: string }) {
  const tokens = useChats((s) => s.answers[id]?.tokens);
  if (!tokens || tokens.length === 0) return null;
  return <ShareLine shares={shares(tokens)} className="mt-1 h-1 w-full" />;
}

function about(message: Message): string {
  if (message.role === "user") return "You";
  return message.answer ? answerLabel(message.answer) : "Answer";
}

/** A branch's text; that of a fork from where it is its own. */
function Text({ message }: { message: Message }) {
  const answer = useChats((s) => s.answers[message.id]);
  const fork = message.answer?.fork;
  const text = answer?.text ?? message.content;
  if (!fork || !answer) return text || "…";
  const { word, rest } = partingWord(answer.tokens.slice(fork.index).reduce((all, t) => all + t.text, ""));
  return (
    <>
      <span className="font-semibold text-ink">{word || "…"}</span>
      {rest}
    </>
  );
}

function Node({ message, active }: { message: Message; active: boolean }) {
  const fork = message.answer?.fork;
  // A branch that was never shown since the page was opened is still in the database alone.
  useEffect(() => void loadAnswer(message), [message]);
  return (
    <button
      type="button"
      aria-current={active ? "true" : undefined}
      className={clsx(
        "block w-full rounded-md px-2.5 py-1.5 text-left hover:bg-line/50",
        active ? "bg-panel text-ink" : "text-muted",
      )}
      onClick={() => {
        showMessage(message.conversationId, message.id);
        if (fork) useSelection.getState().select({ answerId: message.id, index: fork.index }, "list");
      }}
    >
      <span className="num flex items-center gap-1.5 text-[11px] text-faint">
        {active && <span className="size-1.5 rounded-full bg-accent" aria-hidden />}
        {about(message)}
      </span>
      <span className="line-clamp-2 text-[13px] leading-snug">
        <Text message={message} />
      </span>
      {message.role === "assistant" && <Shares id={message.id} />}
    </button>
  );
}

/** A run of messages without a branch is one column; each branching point indents its branches once. */
function Branch({ index, from, path }: { index: Index; from: Message; path: Set<string> }) {
  const run: Message[] = [from];
  let children = index.get(from.id) ?? [];
  while (children.length === 1 && children[0]) {
    run.push(children[0]);
    children = index.get(children[0].id) ?? [];
  }
  return (
    <li>
      {run.map((message) => (
        <Node key={message.id} message={message} active={path.has(message.id)} />
      ))}
      {children.length > 1 && <Branches index={index} messages={children} path={path} />}
    </li>
  );
}

function Branches({ index, messages, path }: { index: Index; messages: Message[]; path: Set<string> }) {
  return (
    <ul className="ml-2.5 space-y-1.5 border-l border-line pl-2">
      {messages.map((message) => (
        <Branch key={message.id} index={index} from={message} path={path} />
      ))}
    </ul>
  );
}

/** The paths of the inspected answer, then the whole conversation as a tree of its branches. */
export function ForksTab() {
  const inspected = useInspected();
  return (
    <>
      {inspected && <PathsPanel key={inspected.id} message={inspected} />}
      <ForksTree />
    </>
  );
}

function ForksTree() {
  const conversation = useCurrent();
  const messages = useMessages(conversation?.id ?? null);
  const active = usePath();
  const index = useMemo(() => childIndex(Object.values(messages)), [messages]);
  const path = useMemo(() => new Set(active), [active]);
  const roots = index.get(ROOT) ?? [];
  const branches = [...index.values()].filter((children) => children.length > 1).length;
  return (
    <div className="p-3">
      <h2 className="px-2.5 pb-1 text-[13px] font-semibold">The conversation</h2>
      <p className="px-2.5 pb-2 text-xs text-muted">
        {branches === 0
          ? "No branches yet. Edit a message, regenerate an answer, or open a token's card and fork there."
          : `${branches} branching point${branches === 1 ? "" : "s"}. Choose one to show it.`}
      </p>
      <ul className="space-y-1.5">
        {roots.map((root) => (
          <Branch key={root.id} index={index} from={root} path={path} />
        ))}
      </ul>
    </div>
  );
}
