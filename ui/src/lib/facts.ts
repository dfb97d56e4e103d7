/**
 * What the server says of quadrants and metrics, and the system prompt that it would give: a part of GET /v1/samplers.
 *
 * It is kept in this browser, so that a page that is opened again has it from its first frame on. On the very first visit
 * glyphs and units are left out until the server has answered, which it does while its model loads, too.
 */
import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { components } from "@/api/schema";
import type { MetricName, QuadrantName } from "@/types";

export type Facts = Pick<components["schemas"]["Samplers"], "quadrants" | "metrics"> & {
  /** Null: not known yet. */
  system_prompt: string | null;
};

export const useFacts = create<Facts>()(
  persist((): Facts => ({ quadrants: [], metrics: [], system_prompt: null }), {
    name: "entropix.facts",
    version: 1,
  }),
);

const quadrant = (name: QuadrantName) => useFacts.getState().quadrants.find((q) => q.name === name);
const metric = (name: MetricName) => useFacts.getState().metrics.find((m) => m.name === name);

export const glyphOf = (name: QuadrantName): string => quadrant(name)?.glyph ?? "";
export const phraseOf = (name: QuadrantName): string => quadrant(name)?.phrase ?? "";
export const unitOf = (name: MetricName): string => metric(name)?.unit ?? "";
/** One sentence for a person who meets the number for the first time. */
export const descriptionOf = (name: MetricName): string => metric(name)?.description ?? "";
