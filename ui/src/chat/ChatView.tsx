import { ArrowDown } from "lucide-react";
import { type RefObject, useEffect, useRef } from "react";
import { unpin } from "@/inspector/inspected";
import { useSelection } from "@/instruments/selection";
import { Button } from "@/kit/controls";
import { useCurrent, useMessages, usePath } from "@/store/current";
import { answer } from "@/store/generation";
import type { Message } from "@/store/model";
import { AssistantMessage } from "./AssistantMessage";
import { Composer } from "./Composer";
import { EmptyState } from "./EmptyState";
import { useNear } from "./near";
import { useStickToBottom } from "./stickToBottom";
import { UserMessage } from "./UserMessage";
import { ViewBar } from "./ViewBar";

/** A person's message without an answer below it: the page was closed before one began. */
function Unanswered({ message }: { message: Message }) {
  return (
    <div role="status" className="flex items-center gap-3 text-sm text-muted">
      This message has no answer yet. <Button onClick={() => answer(message)}>Ask again</Button>
    </div>
  );
}

/** So many messages at the end are complete at once: what is on the screen when a conversation opens. */
const COMPLETE = 6;

/** A message that is far away: its text alone, which find-in-page finds. */
function Far({ message }: { message: Message }) {
  const own = message.role === "user";
  return (
    <article
      aria-label={own ? "You" : "Answer"}
      className={own ? "mb-8 ml-auto w-fit max-w-[88%] px-4 py-2.5" : "mb-16"}
      data-role={message.role}
      data-id={message.id}
      data-status={message.answer?.status}
    >
      <div className="whitespace-pre-wrap [overflow-wrap:anywhere]">{message.content}</div>
    </article>
  );
}

interface EntryProps {
  message: Message;
  box: RefObject<HTMLDivElement | null>;
  complete: boolean;
}

function Entry({ message, box, complete }: EntryProps) {
  const place = useRef<HTMLDivElement>(null);
  const near = useNear(place, box, complete);
  return (
    <div ref={place} className={near ? undefined : "far"}>
      {!near ? (
        <Far message={message} />
      ) : message.role === "user" ? (
        <UserMessage message={message} />
      ) : (
        <AssistantMessage message={message} />
      )}
    </div>
  );
}

/** The inspector goes along with the branch on show: a token of an answer that left it is let go of. */
function useShownSelection(path: string[]): void {
  const shown = path.join();
  useEffect(() => {
    const { selected, select } = useSelection.getState();
    if (selected && !shown.includes(selected.answerId)) select(null, selected.view);
    unpin();
  }, [shown]);
}

function Thread({ conversationId }: { conversationId: string }) {
  const messages = useMessages(conversationId);
  const path = usePath();
  const box = useRef<HTMLDivElement>(null);
  const { away, toEnd } = useStickToBottom(box, conversationId);
  const shown = path.flatMap((id) => messages[id] ?? []);
  const last = shown.at(-1);
  useShownSelection(path);
  return (
    <div className="relative flex min-h-0 flex-1 flex-col">
      <div
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label="Conversation"
        aria-live="off"
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain -outline-offset-2"
      >
        <div className="mx-auto w-full max-w-[46rem] space-y-2 px-4 pt-6 pb-10">
          {shown.map((message, i) => (
            <Entry key={message.id} message={message} box={box} complete={i >= shown.length - COMPLETE} />
          ))}
          {last?.role === "user" && <Unanswered message={last} />}
        </div>
      </div>
      {away && (
        <Button
          className="absolute bottom-2 left-1/2 -translate-x-1/2 rounded-full! shadow-float"
          onClick={toEnd}
        >
          <ArrowDown size={14} aria-hidden /> Latest
        </Button>
      )}
    </div>
  );
}

/** The middle column: the conversation and the field to write in. */
export function ChatView() {
  const current = useCurrent();
  const path = usePath();
  return (
    <section className="flex h-full min-h-0 min-w-0 flex-col" aria-label="Chat">
      {current && path.length > 0 ? (
        <>
          <h1 className="sr-only">{current.title}</h1>
          <ViewBar />
          <Thread key={current.id} conversationId={current.id} />
        </>
      ) : (
        <div className="min-h-0 flex-1 overflow-y-auto">
          <EmptyState />
        </div>
      )}
      <Composer />
    </section>
  );
}
