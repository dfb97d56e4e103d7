import { X } from "lucide-react";
import { create } from "zustand";
import { IconButton } from "./controls";

/** One-sentence notices in a corner: something was done, or could not be. */
interface Notice {
  id: number;
  text: string;
  tone: "plain" | "danger";
  /** Something to do about it, such as undo. */
  action?: { label: string; run: () => void };
}

const useNotices = create<{ notices: Notice[] }>(() => ({ notices: [] }));
let nextId = 1;

export function dismiss(id: number): void {
  useNotices.setState((s) => ({ notices: s.notices.filter((n) => n.id !== id) }));
}

export function notify(text: string, tone: Notice["tone"] = "plain", action?: Notice["action"]): void {
  const id = nextId++;
  useNotices.setState((s) => ({ notices: [...s.notices.slice(-2), { id, text, tone, action }] }));
  setTimeout(() => dismiss(id), tone === "danger" ? 10_000 : 5_000);
}

/** Runs `work`; what it throws becomes a notice. */
export async function attempt(work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    notify(error instanceof Error ? error.message : String(error), "danger");
  }
}

export function Notices() {
  const notices = useNotices((s) => s.notices);
  return (
    <div
      aria-live="polite"
      className="pointer-events-none fixed inset-x-4 bottom-32 z-60 flex flex-col items-center gap-2"
    >
      {notices.map((notice) => (
        <div
          key={notice.id}
          className="pointer-events-auto flex max-w-lg items-center gap-3 rounded-lg border border-line bg-raised py-1.5 pr-1.5 pl-4 text-sm shadow-float"
        >
          <span className={notice.tone === "danger" ? "text-danger" : ""}>{notice.text}</span>
          {notice.action && (
            <button
              type="button"
              className="font-medium text-accent underline-offset-2 hover:underline"
              onClick={() => {
                notice.action?.run();
                dismiss(notice.id);
              }}
            >
              {notice.action.label}
            </button>
          )}
          <IconButton icon={X} size={14} label="Dismiss" onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
}
