import { lazy, useEffect, useMemo, useState } from "react";
import { useShallow } from "zustand/react/shallow";
import { Segments } from "@/kit/controls";
import { answerLabel } from "@/store/answers";
import { judged, loadAnswer, useChats } from "@/store/chats";
import { db } from "@/store/db";
import type { Message } from "@/store/model";
import type { Answer } from "@/types";

const Timeline = lazy(() => import("@/instruments/Timeline").then((m) => ({ default: m.Timeline })));
const Compare = lazy(() => import("@/instruments/Compare").then((m) => ({ default: m.Compare })));

interface Candidate {
  message: Message;
  title: string;
}

/** Every answer of every conversation, this conversation's first. */
function useCandidates(inspected: Message): Candidate[] {
  const conversations = useChats((s) => s.conversations);
  const open = useChats((s) => s.messages[inspected.conversationId]);
  const [others, setOthers] = useState<Message[]>([]);
  useEffect(() => {
    db.messages
      .filter((m) => m.role === "assistant" && m.conversationId !== inspected.conversationId)
      .toArray()
      .then(judged)
      .then(setOthers, () => undefined);
  }, [inspected.conversationId]);
  return useMemo(() => {
    const here = Object.values(open ?? {}).filter((m) => m.role === "assistant");
    return [...here, ...others].map((message) => ({
      message,
      title: conversations[message.conversationId]?.title ?? "",
    }));
  }, [open, others, conversations]);
}

function Picker({
  candidates,
  chosen,
  toggle,
}: {
  candidates: Candidate[];
  chosen: ReadonlySet<string>;
  toggle: (candidate: Candidate) => void;
}) {
  return (
    <details className="mx-3 mb-2 rounded-md border border-line">
      <summary className="cursor-pointer px-3 py-1.5 text-[13px]">
        {chosen.size} {chosen.size === 1 ? "answer" : "answers"} overlaid. Choose others
      </summary>
      <ul className="max-h-52 overflow-y-auto border-t border-line py-1">
        {candidates.map(({ message, title }) => (
          <li key={message.id}>
            <label className="flex cursor-pointer items-start gap-2 px-3 py-1 text-[13px] hover:bg-line/50">
              <input
                type="checkbox"
                className="mt-1 accent-accent"
                checked={chosen.has(message.id)}
                onChange={() => toggle({ message, title })}
              />
              <span className="min-w-0">
                <span className="block truncate">{message.content || "…"}</span>
                <span className="num block truncate text-[11px] text-faint">
                  {message.answer && answerLabel(message.answer)} · {title}
                </span>
              </span>
            </label>
          </li>
        ))}
      </ul>
    </details>
  );
}

function CompareView({ inspected }: { inspected: Message }) {
  const candidates = useCandidates(inspected);
  // The answers beside this one are what a person most often wants to compare it with.
  const [chosen, setChosen] = useState<ReadonlySet<string>>(() => {
    const messages = Object.values(useChats.getState().messages[inspected.conversationId] ?? {});
    return new Set(messages.filter((m) => m.parentId === inspected.parentId).map((m) => m.id));
  });
  useEffect(() => {
    for (const { message } of candidates) if (chosen.has(message.id)) void loadAnswer(message);
  }, [candidates, chosen]);
  const answers = useChats(
    useShallow((s) => [...chosen].flatMap((id) => (s.answers[id] ? [s.answers[id] as Answer] : []))),
  );
  const toggle = ({ message }: Candidate) =>
    setChosen((old) => {
      const next = new Set(old);
      if (!next.delete(message.id)) next.add(message.id);
      return next;
    });
  return (
    <>
      <Picker candidates={candidates} chosen={chosen} toggle={toggle} />
      <Compare answers={answers} />
    </>
  );
}

/** The metrics over this answer's tokens, or over those of several answers. */
export function TimelineTab({ inspected, answer }: { inspected: Message; answer: Answer }) {
  const [mode, setMode] = useState<"one" | "several">("one");
  const answers = useMemo(() => [answer], [answer]);
  return (
    <>
      <div className="px-3 py-2">
        <Segments
          label="What to plot"
          value={mode}
          onChange={setMode}
          options={[
            { value: "one", label: "This answer" },
            { value: "several", label: "Compare" },
          ]}
        />
      </div>
      {mode === "one" ? (
        <Timeline answers={answers} />
      ) : (
        <CompareView key={inspected.parentId} inspected={inspected} />
      )}
    </>
  );
}
