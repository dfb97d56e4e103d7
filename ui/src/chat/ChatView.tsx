import { ArrowDown } from "lucide-react";
import { useRef } from "react";
import { Button } from "@/app/controls";
import { useCurrent, useMessages, usePath } from "@/store/current";
import { answer } from "@/store/generation";
import type { Message } from "@/store/model";
import { AssistantMessage } from "./AssistantMessage";
import { Composer } from "./Composer";
import { EmptyState } from "./EmptyState";
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

function Thread({ conversationId }: { conversationId: string }) {
  const messages = useMessages(conversationId);
  const path = usePath();
  const box = useRef<HTMLDivElement>(null);
  const { away, toEnd } = useStickToBottom(box, conversationId);
  const shown = path.flatMap((id) => messages[id] ?? []);
  const last = shown.at(-1);
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
          {shown.map((message) =>
            message.role === "user" ? (
              <UserMessage key={message.id} message={message} />
            ) : (
              <AssistantMessage key={message.id} message={message} />
            ),
          )}
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
