import { create } from "zustand";
import { useSelection } from "@/instruments/selection";
import { useChats } from "@/store/chats";
import { usePath } from "@/store/current";
import type { Message } from "@/store/model";
import { useOverlays, useSettings } from "@/store/settings";

const usePinned = create<{ id: string | null }>(() => ({ id: null }));

/**
 * The answer that the inspector shows: the one with the selected token, else the one that was asked for, else the
 * last one of the shown path.
 */
export function useInspected(): Message | null {
  const path = usePath();
  const pinned = usePinned((s) => s.id);
  const selected = useSelection((s) => s.selected?.answerId ?? null);
  return useChats((s) => {
    const messages = s.currentId ? (s.messages[s.currentId] ?? {}) : {};
    const isAnswer = (id: string | null | undefined) => (id ? messages[id]?.role === "assistant" : false);
    const id = [selected, pinned].find(isAnswer) ?? path.findLast(isAnswer);
    return id ? (messages[id] ?? null) : null;
  });
}

/** Turns the inspector to an answer, and opens it. */
export function inspect(id: string): void {
  usePinned.setState({ id });
  const { selected, select } = useSelection.getState();
  if (selected && selected.answerId !== id) select(null, selected.view);
  useSettings.setState({ inspector: true });
  useOverlays.setState({ sheet: true });
}

/** A new answer takes the inspector over. */
export function unpin(): void {
  usePinned.setState({ id: null });
}
