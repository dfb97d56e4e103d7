import { ArrowUp, Square } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { create } from "zustand";
import { type Connection, useServer } from "@/api/server";
import { unpin } from "@/inspector/inspected";
import { ensureConversation, useCurrent, usePath, useUnderWay } from "@/store/current";
import { send, stop } from "@/store/generation";
import { goTo } from "@/store/route";
import { SystemPromptPicker } from "./SystemPromptPicker";

/** What is typed and not sent yet, for each conversation; examples put their text here. */
export const useUnsent = create<{ texts: Record<string, string> }>(() => ({ texts: {} }));
const NEW = "new";

export function setUnsent(conversationId: string | null, text: string): void {
  useUnsent.setState((s) => ({ texts: { ...s.texts, [conversationId ?? NEW]: text } }));
}

const HINTS: Record<Connection, string> = {
  connecting: "Connecting to the server…",
  loading: "The model is loading. Your message will wait for it.",
  ok: "Ask something",
  stopping: "The server is stopping.",
  gone: "The server is not answering.",
  locked: "The server asks for a key.",
};

export function focusComposer(): void {
  document.getElementById("composer")?.focus();
}

export function sendMessage(text: string, parentId: string | null): void {
  const conversation = ensureConversation();
  unpin();
  send(conversation.id, parentId, text);
  goTo(conversation.id);
}

function SendButton({ underWay, ready }: { underWay: string[]; ready: boolean }) {
  const look =
    "ml-auto flex size-8 items-center justify-center rounded-full disabled:opacity-35 pointer-coarse:size-10";
  // Two elements, not one that changes its type: that would send what is typed with the very click that stops.
  if (underWay.length > 0)
    return (
      <button
        key="stop"
        type="button"
        aria-label="Stop"
        title="Stop (Esc)"
        className={`${look} bg-ink text-page`}
        onClick={() => underWay.forEach(stop)}
      >
        <Square size={12} fill="currentColor" aria-hidden />
      </button>
    );
  return (
    <button
      key="send"
      type="submit"
      aria-label="Send"
      title="Send (Enter)"
      disabled={!ready}
      className={`${look} bg-accent text-accent-ink`}
    >
      <ArrowUp size={17} strokeWidth={2.25} aria-hidden />
    </button>
  );
}

/** The field to write in. Enter sends, Shift-Enter starts a new line; what is typed survives a change of conversation. */
export function Composer() {
  const current = useCurrent();
  const path = usePath();
  const connection = useServer((s) => s.connection);
  const underWay = useUnderWay(current?.id ?? null);
  const [rows, setRows] = useState(1);
  const field = useRef<HTMLTextAreaElement>(null);
  const key = current?.id ?? NEW;
  const text = useUnsent((s) => s.texts[key] ?? "");
  const ready =
    text.trim() !== "" && underWay.length === 0 && (connection === "ok" || connection === "loading");
  const submit = () => {
    if (!ready) return;
    setUnsent(current?.id ?? null, "");
    sendMessage(text, path.at(-1) ?? null);
  };
  // Another conversation is another field.
  useEffect(() => {
    if (window.matchMedia("(hover: hover)").matches) field.current?.focus({ preventScroll: true });
  }, [key]);
  useEffect(() => setRows(Math.min(10, text.split("\n").length)), [text]);
  return (
    <form
      className="mx-auto w-full max-w-[46rem] px-4 pb-[max(12px,env(safe-area-inset-bottom))]"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div className="rounded-2xl border border-line-strong/70 bg-raised px-3 pt-2.5 pb-2 shadow-xs focus-within:border-accent">
        <textarea
          ref={field}
          id="composer"
          rows={rows}
          aria-label="Message"
          placeholder={HINTS[connection]}
          className="field-sizing-content block max-h-64 w-full resize-none bg-transparent px-1 leading-6 outline-none placeholder:text-faint"
          value={text}
          onChange={(event) => setUnsent(current?.id ?? null, event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
            event.preventDefault();
            submit();
          }}
        />
        <div className="mt-1 flex items-center gap-1">
          <SystemPromptPicker />
          <SendButton underWay={underWay} ready={ready} />
        </div>
      </div>
    </form>
  );
}
