import { useEffect, useState } from "react";
import { useServer } from "@/api/server";
import { Button } from "@/kit/controls";
import { useChats } from "@/store/chats";
import { continueAnswer, regenerate } from "@/store/generation";
import type { AnswerInfo, Message } from "@/store/model";
import { underWay } from "@/store/status";
import type { Answer } from "@/types";
import { startEditing } from "./editing";

/** What an answer that is not simply done says of itself, with the next thing to do. */
function sentence(info: AnswerInfo, answer: Answer | undefined): { text: string; danger?: boolean } | null {
  if (info.status === "failed") return { text: info.error ?? "The answer was cut off.", danger: true };
  if (info.status === "interrupted") return { text: "The page was closed while this was being written." };
  if (info.status === "stopped") return { text: "Stopped." };
  if (info.finishReason === "repetition") return { text: "Ended, as it repeats itself." };
  if (info.finishReason === "length") return { text: "Cut at the longest answer allowed." };
  if (info.status === "done" && !answer?.text && !info.fork)
    return { text: "The model ended at once, without a word." };
  return null;
}

/** The server's advice to come back is what the page does by itself. */
const firstSentence = (text: string) => text.split(/(?<=[.!?])\s/)[0];

function Waiting({ until, message }: { until: number; message: string }) {
  const [left, setLeft] = useState(() => Math.ceil((until - Date.now()) / 1000));
  useEffect(() => {
    const timer = setInterval(() => setLeft(Math.ceil((until - Date.now()) / 1000)), 500);
    return () => clearInterval(timer);
  }, [until]);
  return (
    <p role="status" className="text-sm text-muted">
      {firstSentence(message)} Trying again in <span className="num">{Math.max(0, left)}</span> s.
    </p>
  );
}

export function AnswerState({ message, answer }: { message: Message; answer: Answer | undefined }) {
  const wait = useChats((s) => s.waiting[message.id]);
  const elsewhere = useChats((s) => s.elsewhere[message.id] !== undefined);
  const loading = useServer((s) => s.samplers === null);
  const info = message.answer;
  if (!info) return null;
  if (elsewhere)
    return (
      <p role="status" className="mt-2 text-sm text-muted">
        Being written in another tab of this page.
      </p>
    );
  if (wait) return <Waiting until={wait.until} message={wait.message} />;
  if (underWay(info)) {
    return info.status === "waiting" && answer?.text === "" ? (
      <p role="status" className="text-sm text-muted">
        {loading ? "Waiting for the model to load…" : "Reading the conversation…"}
      </p>
    ) : null;
  }
  const said = sentence(info, answer);
  if (!said) return null;
  const begun = (answer?.text ?? message.content) !== "";
  return (
    <div role="status" className="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1 text-sm">
      <span className={said.danger ? "text-danger" : "text-muted"}>
        {said.text}
        {said.danger && begun && <span className="text-muted"> What had arrived is kept.</span>}
      </span>
      {begun && <Button onClick={() => void continueAnswer(message)}>Continue</Button>}
      {!begun && <Button onClick={() => regenerate(message)}>Try again</Button>}
      {!begun && said.danger && (
        <Button onClick={() => startEditing(message.parentId)}>Edit the message</Button>
      )}
    </div>
  );
}
