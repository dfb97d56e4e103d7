import { ScrollText, Trash2 } from "lucide-react";
import { useEffect, useState } from "react";
import { Button, IconButton, inputLook } from "@/kit/controls";
import { Modal } from "@/kit/dialog";
import { useFacts } from "@/lib/facts";
import { persist } from "@/store/chats";
import { useSystemPrompt } from "@/store/current";
import { db, type SystemPrompt } from "@/store/db";
import { newId } from "@/store/model";
import { systemPrompts } from "./systemPrompts";

const useSystemPrompts = () => systemPrompts(useFacts((s) => s.system_prompt));

function nameOf(text: string | null, known: readonly SystemPrompt[]): string {
  // The server's own, before it is known.
  if (text === null) return "System prompt";
  if (!text) return "No system prompt";
  return known.find((p) => p.text === text)?.name ?? "Own system prompt";
}

function Choices({
  prompts,
  text,
  onChoose,
  onDelete,
}: {
  prompts: readonly SystemPrompt[];
  text: string;
  onChoose: (text: string) => void;
  onDelete?: (id: string) => void;
}) {
  return (
    <ul className="flex flex-wrap gap-1.5">
      {prompts.map((prompt) => (
        <li key={prompt.id} className="flex">
          <Button
            aria-pressed={prompt.text === text}
            className="h-7! rounded-full! aria-pressed:border-accent aria-pressed:text-accent"
            onClick={() => onChoose(prompt.text)}
          >
            {prompt.name}
          </Button>
          {onDelete && (
            <IconButton
              icon={Trash2}
              size={13}
              className="size-7!"
              label={`Delete ${prompt.name}`}
              onClick={() => onDelete(prompt.id)}
            />
          )}
        </li>
      ))}
    </ul>
  );
}

function Form({ own, refresh, close }: { own: SystemPrompt[]; refresh: () => void; close: () => void }) {
  const [current, apply] = useSystemPrompt();
  const [text, setText] = useState(current ?? "");
  const [name, setName] = useState("");
  const keep = () => {
    persist(db.systemPrompts.put({ id: newId(), name: name.trim(), text }).then(refresh));
    setName("");
  };
  const remove = (id: string) => persist(db.systemPrompts.delete(id).then(refresh));
  return (
    <div className="space-y-3 p-5">
      <Choices prompts={useSystemPrompts()} text={text} onChoose={setText} />
      {own.length > 0 && <Choices prompts={own} text={text} onChoose={setText} onDelete={remove} />}
      <textarea
        aria-label="System prompt"
        rows={5}
        placeholder="What the model should know before the conversation. Empty: nothing."
        className={`${inputLook} w-full resize-y py-2`}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <div className="flex flex-wrap items-center gap-2">
        <input
          aria-label="Name to keep it under"
          placeholder="Name to keep it under"
          className={`${inputLook} h-8 min-w-0 flex-1`}
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <Button onClick={keep} disabled={!name.trim() || !text.trim()}>
          Keep
        </Button>
        <Button
          look="primary"
          onClick={() => {
            apply(text);
            close();
          }}
        >
          Use from the next message on
        </Button>
      </div>
    </div>
  );
}

/** Which system prompt is in force, and the dialog to choose or write another. */
export function SystemPromptPicker() {
  const [open, setOpen] = useState(false);
  const [own, setOwn] = useState<SystemPrompt[]>([]);
  const [text] = useSystemPrompt();
  const known = [...useSystemPrompts(), ...own];
  const refresh = () =>
    void db.systemPrompts
      .orderBy("name")
      .toArray()
      .then(setOwn, () => undefined);
  useEffect(refresh, []);
  return (
    <>
      <Button look="quiet" className="min-w-0 shrink! text-[13px]!" onClick={() => setOpen(true)}>
        <ScrollText size={14} className="shrink-0" aria-hidden />
        <span className="truncate">{nameOf(text, known)}</span>
      </Button>
      <Modal open={open} onClose={() => setOpen(false)} title="System prompt">
        <Form own={own} refresh={refresh} close={() => setOpen(false)} />
      </Modal>
    </>
  );
}
