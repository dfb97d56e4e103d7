import { ChevronLeft, ChevronRight } from "lucide-react";
import { IconButton } from "@/kit/controls";
import { showMessage } from "@/store/chats";
import { useSiblings } from "@/store/current";
import type { Message } from "@/store/model";

/** ‹ 2/3 › at a branching point; nothing where there is one version only. */
export function BranchPicker({ message }: { message: Message }) {
  const versions = useSiblings(message);
  const at = versions.findIndex((m) => m.id === message.id);
  if (versions.length < 2) return null;
  const show = (step: number) => {
    const next = versions[at + step];
    if (next) showMessage(message.conversationId, next.id);
  };
  return (
    <fieldset className="flex items-center" aria-label="Versions">
      <IconButton
        icon={ChevronLeft}
        className="w-6!"
        label="Previous version"
        disabled={at === 0}
        onClick={() => show(-1)}
      />
      <span className="num text-xs text-muted" aria-live="polite">
        <span className="sr-only">Version </span>
        {at + 1}/{versions.length}
      </span>
      <IconButton
        icon={ChevronRight}
        className="w-6!"
        label="Next version"
        disabled={at === versions.length - 1}
        onClick={() => show(1)}
      />
    </fieldset>
  );
}
