import type { QuadrantName } from "@/types";

/** The quadrants in everyday words: how a word looks, and what the model was like when it wrote it. */
export const LESSONS: Record<QuadrantName, { look: string; means: string }> = {
  FLOWING: { look: "Plain", means: "the model was sure" },
  ADAPTIVE: { look: "Faint line", means: "a little unsure" },
  TREADING: { look: "Amber", means: "lost, it pauses" },
  EXPLORING: { look: "Blue", means: "a few good ways to go on" },
  RESAMPLING: { look: "Magenta", means: "many ways, none good" },
};
