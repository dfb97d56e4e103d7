/** The keys that every view of tokens understands. */
import type { KeyboardEvent } from "react";
import { useSelection, type View } from "@/instruments/selection";
import { walk } from "@/instruments/walk";
import type { Answer } from "@/types";

/**
 * Arrows walk through the tokens, Enter goes into the open card, Escape puts the token down. `rows` are the indices that
 * the view shows, all by default. Returns the index that is selected now, null if the key led nowhere.
 */
export function onTokenKey(
  event: KeyboardEvent,
  { id, tokens }: Answer,
  view: View,
  rows?: readonly number[],
): number | null {
  if (event.altKey || event.ctrlKey || event.metaKey) return null;
  const { selected, select } = useSelection.getState();
  const current = selected?.answerId === id && selected.index < tokens.length ? selected.index : null;
  if (event.key === "Escape" || event.key === "Enter") {
    if (current === null) return null;
    event.preventDefault();
    if (event.key === "Escape") select(null, view);
    else document.querySelector<HTMLElement>("[data-token-card] [data-first]")?.focus();
    return null;
  }
  const next = rows ? walkRows() : walk(tokens, current, event.key, event.shiftKey);
  if (next === null) return null;
  event.preventDefault();
  select({ answerId: id, index: next }, view);
  return next;

  /** A list goes by rows: up and down are the text's left and right. */
  function walkRows(): number | null {
    const shown = (rows ?? []).flatMap((index) => tokens[index] ?? []);
    const from = current === null ? -1 : (rows?.indexOf(current) ?? -1);
    const key = event.key.replace("ArrowDown", "ArrowRight").replace("ArrowUp", "ArrowLeft");
    const to = walk(shown, from < 0 ? null : from, key, event.shiftKey);
    return to === null ? null : (rows?.[to] ?? null);
  }
}
