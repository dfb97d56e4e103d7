import { create } from "zustand";
import { persist } from "zustand/middleware";
import type { ColourBy } from "@/lib/metrics";
import { DEFAULT_SAMPLER, type SamplerSettings } from "./model";

export type Theme = "system" | "light" | "dark";
export type InspectorTab = "tokens" | "timeline" | "map" | "sampler" | "forks";

interface Settings {
  theme: Theme;
  /** Answers as tinted tokens, or as formatted text. */
  view: "tokens" | "reading";
  colourBy: ColourBy;
  sidebar: boolean;
  inspector: boolean;
  tab: InspectorTab;
  /** Percent of the width that chat and inspector share. */
  inspectorSize: number;
  /** How many continuations a fork makes at once. */
  continuations: number;
  /** Whether the person has opened a token's card once, and needs no hint any more. */
  hinted: boolean;
  /** The sampler that the server had as its own when it was last seen; null before that. */
  serverSampler: string | null;
  /** What the next new conversation starts with. A system prompt that nobody chose (null) is the server's own. */
  draft: { systemPrompt: string | null; sampler: SamplerSettings };
}

/** Preferences of this browser, kept in localStorage. */
export const useSettings = create<Settings>()(
  persist(
    (): Settings => ({
      theme: "system",
      view: "tokens",
      colourBy: "quadrant",
      sidebar: true,
      inspector: true,
      tab: "tokens",
      inspectorSize: 36,
      continuations: 1,
      hinted: false,
      serverSampler: null,
      draft: { systemPrompt: null, sampler: DEFAULT_SAMPLER },
    }),
    { name: "entropix.settings", version: 1 },
  ),
);

/**
 * A server that was started with another sampler (`--normal`) changes what new conversations start with. One that is seen
 * for the first time changes only what nobody has chosen.
 */
export function followServer(sampler: string): void {
  useSettings.setState(({ serverSampler, draft }) => {
    const kept = serverSampler === null && draft.sampler.preset !== DEFAULT_SAMPLER.preset;
    if (sampler === serverSampler || kept) return { serverSampler: sampler };
    return {
      serverSampler: sampler,
      draft: { ...draft, sampler: { ...draft.sampler, preset: sampler, overrides: {} } },
    };
  });
}

/** What is open on a small screen, where the conversations are a drawer and the inspector a sheet. Not kept. */
export const useOverlays = create<{
  drawer: boolean;
  sheet: boolean;
  help: boolean;
  keyDialog: boolean;
}>(() => ({
  drawer: false,
  sheet: false,
  help: false,
  keyDialog: false,
}));
