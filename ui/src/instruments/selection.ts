/**
 * The one selection of the page: text, list, timeline, map and bars all read and write it, so that a token pointed at
 * anywhere is marked everywhere.
 */
import { create } from "zustand";
import type { QuadrantName } from "@/types";

/** One token of one answer; `index` counts the answer's tokens from 0. */
export interface Point {
  answerId: string;
  index: number;
}

/** The view that a selection was made in: it alone opens the card. */
export type View = "text" | "list" | "timeline" | "map" | "tree";

export interface Selection {
  /** Under the pointer. */
  hovered: (Point & { view: View }) | null;
  /** Picked by click, tap or keys; stays until another is picked or Escape. */
  selected: (Point & { view: View }) | null;
  /** The quadrant of one answer whose tokens are lit up. */
  lit: { answerId: string; quadrant: QuadrantName } | null;
  hover: (point: Point | null, view: View) => void;
  select: (point: Point | null, view: View) => void;
  /** Lights a quadrant up, or puts it out if it is lit already. */
  toggleLit: (answerId: string, quadrant: QuadrantName) => void;
  /** Forgets everything that points into an answer (it was deleted, or its tokens were replaced). */
  forget: (answerId: string) => void;
  clear: () => void;
}

export const useSelection = create<Selection>()((set) => ({
  hovered: null,
  selected: null,
  lit: null,
  hover: (point, view) =>
    set((state) => {
      const same = point?.answerId === state.hovered?.answerId && point?.index === state.hovered?.index;
      return same && (!point || view === state.hovered?.view)
        ? state
        : { hovered: point && { ...point, view } };
    }),
  select: (point, view) => set({ selected: point && { ...point, view } }),
  toggleLit: (answerId, quadrant) =>
    set(({ lit }) => ({
      lit: lit?.answerId === answerId && lit.quadrant === quadrant ? null : { answerId, quadrant },
    })),
  forget: (answerId) =>
    set(({ hovered, selected, lit }) => ({
      hovered: hovered?.answerId === answerId ? null : hovered,
      selected: selected?.answerId === answerId ? null : selected,
      lit: lit?.answerId === answerId ? null : lit,
    })),
  clear: () => set({ hovered: null, selected: null, lit: null }),
}));

/** The token that is marked in an answer: the hovered one, else the selected one; null if neither is in it. */
export function markedIn(state: Pick<Selection, "hovered" | "selected">, answerId: string): number | null {
  if (state.hovered?.answerId === answerId) return state.hovered.index;
  if (state.selected?.answerId === answerId) return state.selected.index;
  return null;
}
