import clsx from "clsx";
import { Pencil } from "lucide-react";
import { memo, useState } from "react";
import { Button, IconButton } from "@/kit/controls";
import { editMessage } from "@/store/generation";
import type { Message } from "@/store/model";
import { BranchPicker } from "./BranchPicker";
import { CopyButton } from "./CodeBlock";
import { startEditing, useEditing } from "./editing";

function Editor({ message, onClose }: { message: Message; onClose: () => void }) {
  const [text, setText] = useState(message.content);
  const save = () => {
    if (text.trim() && text !== message.content) editMessage(message, text);
    onClose();
  };
  return (
    <div className="mb-4 rounded-xl border border-line-strong bg-raised p-3 focus-within:border-accent">
      <textarea
        // biome-ignore lint/a11y/noAutofocus: the person just asked to edit this
        autoFocus
        aria-label="Edit your message"
        className="field-sizing-content max-h-80 min-h-12 w-full resize-none bg-transparent outline-none"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onClose();
          if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) {
            event.preventDefault();
            save();
          }
        }}
      />
      <div className="flex items-center justify-end gap-2">
        <span className="mr-auto text-xs text-muted">The old version stays as a branch.</span>
        <Button look="quiet" onClick={onClose}>
          Cancel
        </Button>
        <Button look="primary" onClick={save} disabled={!text.trim()}>
          Send
        </Button>
      </div>
    </div>
  );
}

/** A page that was pasted in is folded: what was asked about it is read below. */
const isLong = (text: string) => text.length > 1500 || text.split("\n").length > 24;

export const UserMessage = memo(function UserMessage({ message }: { message: Message }) {
  const editing = useEditing((s) => s.id === message.id);
  const [whole, setWhole] = useState(false);
  if (editing) return <Editor message={message} onClose={() => startEditing(null)} />;
  const long = !whole && isLong(message.content);
  return (
    <article
      aria-label="You"
      className="group/message flex flex-col items-end"
      data-role="user"
      data-id={message.id}
    >
      <div className="max-w-[88%] rounded-2xl rounded-br-md border border-line bg-panel px-4 py-2.5">
        <div
          dir="auto"
          className={clsx("whitespace-pre-wrap [overflow-wrap:anywhere]", long && "line-clamp-12")}
        >
          {message.content}
        </div>
        {long && (
          <button
            type="button"
            className="mt-1 text-sm text-muted underline underline-offset-2 hover:text-ink"
            onClick={() => setWhole(true)}
          >
            Show all of it
          </button>
        )}
      </div>
      <div className="flex h-8 items-center">
        <div className="reveal flex">
          <CopyButton label="Copy message" text={() => message.content} />
          <IconButton icon={Pencil} size={15} label="Edit message" onClick={() => startEditing(message.id)} />
        </div>
        <BranchPicker message={message} />
      </div>
    </article>
  );
});
